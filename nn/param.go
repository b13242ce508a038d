package nn

import (
	"fmt"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/tensor"
)

// Param is one tensor of a base: frozen in a device's form, or trainable.
type Param struct {
	// Name is the published name: "bert.encoder.layer.0.attention.self.query.weight".
	Name string
	// Stored is its name in the file; empty of a fresh one.
	Stored string
	// Shape is the published shape.
	Shape tensor.Shape
	// Fresh says that no file had it: it was initialised by chance.
	Fresh bool

	dev        compute.Device
	load       *Loading
	base       *tensor.Tensor              // as published; nil of a fresh one
	fresh      func(v []float32, from int) // how the elements of a fresh one begin, from number from on
	transposed bool                        // published as [in, out]
	precision  compute.Precision
	exact      bool           // held in float32 whatever the base's precision
	half       bool           // held in bfloat16 whatever the base's precision, unless that is float32
	shared     bool           // a table of rows
	multiplied bool           // of a table: also the weight of a tied map, all of which is multiplied
	set        []float32      // replaces base: a merged weight
	floats     []float32      // base's elements, where they were needed as float32
	packed     compute.Weight // for products or look-ups
	looked     looked         // of a mapped table
	trains     *autograd.Parameter

	attached slot[*autograd.Parameter] // the last of them is trains
	edits    slot[Edit]                // what set is made of
}

// Float32s are the present elements, row-major in the published shape: what
// training made of them, what a merge put there, or the base's. Only to be read.
func (q *Param) Float32s() ([]float32, error) {
	switch {
	case q.trains != nil:
		return q.trains.Data, nil
	case q.set != nil:
		return q.set, nil
	}
	return q.Base()
}

// Base are the base's own elements.
func (q *Param) Base() ([]float32, error) {
	if q.floats != nil {
		return q.floats, nil
	}
	if q.load.o.Unread {
		return q.load.unread(q.Elements()), nil
	}
	if q.base == nil {
		q.floats = make([]float32, q.Elements())
		q.fresh(q.floats, 0)
		return q.floats, nil
	}
	v, err := q.base.Float32s()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.Name, err)
	}
	return v, nil
}

// passing is Float32s, in memory that the next call takes again where they are drawn or a file holds something else than float32.
func (q *Param) passing() ([]float32, error) {
	if q.trains != nil || q.set != nil {
		return q.Float32s()
	}
	return q.passingBase()
}

// passingBase is Base, in such memory.
func (q *Param) passingBase() ([]float32, error) {
	if q.floats != nil || q.load.o.Unread || q.base != nil && q.base.DType == tensor.F32 && q.base.Decode == nil {
		return q.Base()
	}
	v := q.load.converted(q.Elements())
	if q.base == nil {
		q.fresh(v, 0)
		return v, nil
	}
	if err := q.base.CopyFloat32s(v); err != nil {
		return nil, fmt.Errorf("%s: %w", q.Name, err)
	}
	return v, nil
}

// Release lets go of the memory of the base's file that holds the elements; they come back when they are read.
func (q *Param) Release() {
	if q.base != nil && q.base.Release != nil {
		q.base.Release()
	}
}

// Elements is how many there are.
func (q *Param) Elements() int {
	n := 1
	for _, d := range q.Shape {
		n *= d
	}
	return n
}

// Bytes is the memory that the frozen elements take as the device holds them.
func (q *Param) Bytes() int64 { return q.BytesIn(q.precision) }

// BytesIn is Bytes if the weights of the blocks were held in p.
func (q *Param) BytesIn(p compute.Precision) int64 {
	if len(q.Shape) != 2 || q.lies(p) {
		return 4 * int64(q.Elements())
	}
	return q.held(p).Bytes(q.outIn())
}

// held is the precision of a matrix in a base of precision p.
func (q *Param) held(p compute.Precision) compute.Precision {
	switch {
	case q.exact:
		return compute.F32
	case q.half && p != compute.F32:
		return compute.BF16
	}
	return p
}

// outIn are the rows and columns of the weight of a linear map.
func (q *Param) outIn() (out, in int) {
	if q.transposed {
		return q.Shape[1], q.Shape[0]
	}
	return q.Shape[0], q.Shape[1]
}

// stored reports whether the file holds the elements as the device is to hold them: in NF4.
func (q *Param) stored() bool {
	return q.precision == compute.NF4 && !q.shared && q.trains == nil && q.set == nil && q.base != nil && q.base.NF4 != nil
}

// Passing is the memory of the elements on their way from the base's file to the device's form.
func (q *Param) Passing() int64 {
	if len(q.Shape) != 2 || q.trains != nil || q.base == nil || q.parted() || q.base.DType == tensor.F32 && q.base.Decode == nil || q.stored() {
		return 0
	}
	return 4 * int64(q.Elements())
}

// Mapped reports whether the elements are a table that stays in its file: only the rows that are looked up are copied into memory.
func (q *Param) Mapped() bool { return q.MappedIn(q.precision) }

// MappedIn is Mapped of a base of precision p. A table that is multiplied with too is packed where p is not float32.
func (q *Param) MappedIn(p compute.Precision) bool {
	return q.shared && (!q.multiplied || p == compute.F32) && q.set == nil && q.base != nil && q.base.Release != nil && q.base.DType == tensor.F32
}

// lies reports whether a base of precision p reads the elements as they lie, in float32: a table, in its file or on the heap.
func (q *Param) lies(p compute.Precision) bool {
	return q.shared && (p == compute.F32 || q.set != nil) || q.MappedIn(p)
}

// Train makes the parameter trainable, starting from its present elements, and
// lets go of the packed form. A second call returns the same parameter.
func (q *Param) Train() (*autograd.Parameter, error) {
	if q.trains != nil {
		return q.trains, nil
	}
	p, err := q.Copy(q.Name)
	if err != nil {
		return nil, err
	}
	q.Attach(p)
	return p, nil
}

// Trains reports whether the parameter is trainable.
func (q *Param) Trains() bool { return q.trains != nil }

// Freeze forgets what training made of the parameter: it is the base's again, or
// what Set put there. What deltas attached is detached.
func (q *Param) Freeze() {
	q.attached = nil
	q.inForce()
}

// Copy is a trainable parameter of the shape, attached to nothing, with the elements that are there
// without what is attached: the base's, or those of a merge.
func (q *Param) Copy(name string) (*autograd.Parameter, error) {
	now := q.set
	if now == nil {
		var err error
		if now, err = q.passingBase(); err != nil {
			return nil, err
		}
	}
	p := autograd.NewParameter(q.dev, name, q.Shape...)
	if !q.load.o.Unread {
		copy(p.Data, now)
		q.Release()
	}
	return p, nil
}

// Attach puts v, of the same shape, in the place of the elements and of what is attached
// already, until v is detached: the parameter slot of deltas. The packed form is let go.
func (q *Param) Attach(v *autograd.Parameter) {
	q.attached.attach(v)
	q.inForce()
}

// Detach takes v out, wherever it stands, and reports whether it was there.
func (q *Param) Detach(v *autograd.Parameter) bool {
	ok := q.attached.detach(v)
	q.inForce()
	return ok
}

// Attached is how many parameters stand in the place of the elements, of which only the last is used.
func (q *Param) Attached() int { return len(q.attached) }

// inForce lets the last attached parameter be the one that is used.
func (q *Param) inForce() {
	var now *autograd.Parameter
	if n := len(q.attached); n > 0 {
		now = q.attached[n-1]
	}
	if now != q.trains {
		q.trains, q.packed = now, nil
	}
}

// Set puts elements in the place of the base's: a merged weight. Nil takes them
// away again.
func (q *Param) Set(elements []float32) error {
	if elements != nil && len(elements) != q.Elements() {
		return fmt.Errorf("%s: %d elements for shape %v", q.Name, len(elements), q.Shape)
	}
	q.set, q.packed = elements, nil
	return nil
}

// Row is the parameter, a vector, as a value [1, n].
func (q *Param) Row(p *Pass) *autograd.Value {
	if q == nil {
		return nil
	}
	if q.trains != nil {
		return p.Parameter(q.trains)
	}
	v := q.vector(p)
	return p.Constant(compute.NewMat(1, len(v), v))
}

// vector is the frozen elements, converted once.
func (q *Param) vector(p *Pass) []float32 {
	v, err := q.Float32s()
	if err != nil {
		p.Fail(err)
		return make([]float32, q.Elements())
	}
	if q.set != nil || q.trains != nil {
		return v
	}
	if q.floats == nil {
		q.floats = slices.Clone(v) // a view would hold pages of the file
		q.Release()
	}
	return q.floats
}

// Matrix is the parameter, a matrix in its published layout, as a value that trains.
func (q *Param) matrix(p *Pass) *autograd.Value { return p.Parameter(q.trains) }

// Weight is the frozen matrix [out, in] in the device's form, made on first use.
func (q *Param) Weight() (compute.Weight, error) {
	if q.packed != nil {
		return q.packed, nil
	}
	if q.lies(q.precision) {
		v, err := q.Float32s()
		if err != nil {
			return nil, err
		}
		if q.set == nil {
			q.floats = v
		}
		q.packed = q.dev.Rows(compute.NewMat(q.Shape[0], q.Shape[1], v))
		if !q.Mapped() {
			q.Release()
		}
		return q.packed, nil
	}
	from, err := q.source()
	if err != nil {
		return nil, err
	}
	q.packed = q.dev.Pack(from, q.precision)
	if q.base == nil {
		q.floats = nil // it can be drawn again
	}
	q.Release()
	return q.packed, nil
}

// source is what the device's form is made from.
func (q *Param) source() (compute.Source, error) {
	out, in := q.outIn()
	if q.stored() {
		return compute.StoredNF4{Out: out, In: in, NF4: q.base.NF4}, nil
	}
	if q.parted() && q.trains == nil && q.set == nil && q.floats == nil && !q.load.o.Unread {
		if q.base == nil {
			return compute.Made{Out: out, In: in, Fill: q.fresh}, nil
		}
		if err := q.base.CopyPart(nil, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", q.Name, err)
		}
		return compute.Made{Out: out, In: in, Fill: func(dst []float32, first int) { _ = q.base.CopyPart(dst, first) }}, nil // it was checked
	}
	v, err := q.passing()
	if err != nil {
		return nil, err
	}
	m := compute.NewMat(q.Shape[0], q.Shape[1], v)
	if q.transposed {
		return compute.Transposed(m), nil
	}
	return m, nil
}

// parted reports whether elements become float32 some rows at a time, as they are packed.
func (q *Param) parted() bool {
	return !q.transposed && (q.base == nil || q.base.DType != tensor.F32 && q.base.Decode == nil)
}

// weight is Weight, with the tape taking the error.
func (q *Param) weight(p *Pass) (compute.Weight, bool) {
	w, err := q.Weight()
	if err != nil {
		p.Fail(err)
		return nil, false
	}
	return w, true
}

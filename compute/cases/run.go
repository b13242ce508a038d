package cases

import (
	"fmt"
	"math"

	"trimtab/compute"
)

// Run is a case on its way through a device: what Forward and Backward get.
type Run struct {
	Device compute.Device
	// In and Out are the case's operands.
	In, Out []compute.Mat
	// DIn are the gradients asked for, one for each input; DOut is that of the result.
	DIn  []compute.Mat
	DOut compute.Mat
	// Add asks to add to the result, or to gradients, instead of writing them.
	Add bool

	held map[int]compute.Weight // weights that were packed already
}

// Vec is input i as a vector, nil if it is absent.
func (r *Run) Vec(i int) []float32 { return vector(r.In[i]) }

// OutVec is output i as a vector.
func (r *Run) OutVec(i int) []float32 { return vector(r.Out[i]) }

// DVec is the gradient of input i as a vector, nil if nobody asks for it.
func (r *Run) DVec(i int) []float32 { return vector(r.DIn[i]) }

func vector(m compute.Mat) []float32 {
	if !m.Exists() {
		return nil
	}
	return m.Data
}

// Result is one matrix that a device, or the twin, computed, without gaps.
type Result[F float32 | float64] struct {
	Name   string
	Values []F
}

// guard is how many elements lie before and after each matrix.
const guard = 32

// buffer is a matrix with guard bands.
type buffer struct {
	name  string
	all   []float32
	mat   compute.Mat
	input bool
	was   []float32 // of an input: what it held
}

// pattern is what lies between and around elements: NaN with a payload that
// says where.
func pattern(i int) float32 { return math.Float32frombits(0x7fd00000 | uint32(i&0xffff)) }

// place makes a buffer for o that holds values, or NaN without them.
func place(d compute.Device, o Operand, values []float32) *buffer {
	b := &buffer{name: o.Name, input: values != nil}
	if o.Absent {
		return b
	}
	stride := o.Cols + o.Gap
	n := 0
	if o.Rows > 0 {
		n = (o.Rows-1)*stride + o.Cols
	}
	b.all = d.Alloc(n + 2*guard)
	for i := range b.all {
		b.all[i] = pattern(i)
	}
	b.mat = compute.Mat{Rows: o.Rows, Cols: o.Cols, Stride: stride, Data: b.all[guard : guard+n : guard+n]}
	for i := 0; i < o.Rows && values != nil; i++ {
		copy(b.mat.Row(i), values[i*o.Cols:])
	}
	b.was = append(b.was, b.all...)
	return b
}

// touched gives an error if an element was written that should not have been.
func (b *buffer) touched() error {
	for i, v := range b.all {
		if math.Float32bits(v) == math.Float32bits(b.was[i]) {
			continue
		}
		at := i - guard
		m := b.mat
		inside := at >= 0 && at < len(m.Data) && at%m.Stride < m.Cols
		if !inside {
			return fmt.Errorf("%s [%d, %d], rows %d apart: element %d, which is none of it, was written", b.name, m.Rows, m.Cols, m.Stride, at)
		}
		if b.input {
			return fmt.Errorf("%s: an input was written, at %d", b.name, at)
		}
	}
	return nil
}

// compact is the matrix without gaps.
func compact(m compute.Mat) []float32 {
	v := make([]float32, 0, m.Rows*m.Cols)
	for i := range m.Rows {
		v = append(v, m.Row(i)...)
	}
	return v
}

// Inputs are a case's values, to be changed at will.
func (c *Case) Inputs() [][]float32 {
	in := make([][]float32, len(c.In))
	for i, o := range c.In {
		in[i] = append([]float32(nil), c.values(o, "values")...)
	}
	return in
}

// Run puts the case to a device, forward and backward, in every way that it
// admits, and gives what came out, in the order of [Case.Expect]. It fails where
// the device wrote what it should not have.
func (c *Case) Run(d compute.Device) ([]Result[float32], error) {
	return c.RunOn(d, c.Inputs())
}

// RunOn is Run with other values, one slice for each input.
func (c *Case) RunOn(d compute.Device, in [][]float32) ([]Result[float32], error) {
	t := &trial{Case: c, device: d, in: in}
	if err := t.forward("", false, -1); err != nil {
		return nil, err
	}
	if c.Onto {
		if err := t.forward(" added", true, -1); err != nil {
			return nil, err
		}
	}
	for _, i := range c.InPlace {
		if err := t.forward(" in place of "+c.In[i].Name, false, i); err != nil {
			return nil, err
		}
	}
	if c.Backward == nil {
		return t.results, nil
	}
	for _, v := range c.variants() {
		if err := t.backward(v); err != nil {
			return nil, err
		}
	}
	return t.results, nil
}

// variant is a way to ask for gradients.
type variant struct {
	name string
	add  bool
	omit int // the input whose gradient is left out, or -1
}

func (c *Case) variants() []variant {
	v := []variant{{"", false, -1}, {" added", true, -1}}
	for i, o := range c.In {
		if c.Omits && o.Grad != None {
			v = append(v, variant{" without d" + o.Name, false, i})
		}
	}
	return v
}

// base is what a gradient, or a result that is added to, holds before.
func (c *Case) base(o Operand) []float32 { return c.values(o, "base") }

// trial collects the results of a run.
type trial struct {
	*Case
	device  compute.Device
	in      [][]float32
	kept    []compute.Mat // outputs of the forward, for the backward
	results []Result[float32]
}

func (t *trial) add(name string, m compute.Mat) {
	t.results = append(t.results, Result[float32]{name, compact(m)})
}

// forward runs the operation once; with inPlace >= 0 the result lies in that input.
func (t *trial) forward(name string, add bool, inPlace int) error {
	r := &Run{Device: t.device, Add: add}
	var all []*buffer
	for i, o := range t.In {
		b := place(t.device, o, t.in[i])
		b.input = i != inPlace
		all, r.In = append(all, b), append(r.In, b.mat)
	}
	for i, o := range t.Out {
		if i == 0 && inPlace >= 0 {
			r.Out = append(r.Out, r.In[inPlace])
			continue
		}
		b := place(t.device, o, nil)
		if i == 0 && add {
			b = place(t.device, o, t.base(o))
			b.input = false
		}
		all, r.Out = append(all, b), append(r.Out, b.mat)
	}
	t.Forward(r)
	for i, o := range t.Out {
		if !o.Absent && (i == 0 || name == "") {
			t.add(o.Name+name, r.Out[i])
		}
	}
	if name == "" {
		t.kept = r.Out
	}
	return t.untouched(all)
}

// backward asks for gradients once.
func (t *trial) backward(v variant) error {
	r := &Run{Device: t.device, Add: v.add, Out: t.kept}
	var all []*buffer
	for i, o := range t.In {
		b := place(t.device, o, t.in[i])
		all, r.In = append(all, b), append(r.In, b.mat)
		if o.Grad == None || i == v.omit || o.Absent {
			r.DIn = append(r.DIn, compute.Mat{})
			continue
		}
		d := o
		d.Name = "d" + o.Name
		g := place(t.device, d, nil)
		if v.add || o.Grad == Parameter {
			g = place(t.device, d, t.base(d))
			g.input = false
		}
		all, r.DIn = append(all, g), append(r.DIn, g.mat)
	}
	dout := place(t.device, t.Out[0], t.dout())
	r.DOut = dout.mat
	all = append(all, dout)
	t.Backward(r)
	for i, o := range t.In {
		if r.DIn[i].Exists() {
			t.add("d"+o.Name+v.name, r.DIn[i])
		}
	}
	return t.untouched(all)
}

// dout is the gradient of the result.
func (c *Case) dout() []float32 { return c.values(c.Out[0], "cotangent") }

func (t *trial) untouched(all []*buffer) error {
	for _, b := range all {
		if err := b.touched(); err != nil {
			return fmt.Errorf("%s: %w", t.FullName(), err)
		}
	}
	return nil
}

package autograd

import (
	"trimtab/compute"
	"trimtab/tensor"
)

// Parameter is a tensor that trains. Data and Grad hold Shape's elements,
// row-major; a vector is a matrix of one row. It outlives the tape.
type Parameter struct {
	// Name is unique within a run: the module path of transformers, or of the delta's library.
	Name string
	// Shape is the shape that files have.
	Shape tensor.Shape
	// Data holds the elements.
	Data []float32
	// Grad holds their gradients: the sum since ZeroGrad or, of a tape's Gradients, those of its last Backward until its next Reset. Nil where
	// there was no Backward yet.
	Grad []float32

	lent bool // Grad is a tape's memory
}

// NewParameter makes a parameter of zeros.
func NewParameter(dev compute.Device, name string, shape ...int) *Parameter {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &Parameter{Name: name, Shape: shape, Data: dev.Alloc(n)}
}

// ZeroGrad forgets the gradient.
func (p *Parameter) ZeroGrad() {
	if p.lent {
		p.Grad, p.lent = nil, false
		return
	}
	clear(p.Grad)
}

// NeedGrad gives the parameter a gradient of its own, zeros, if it has none.
func (p *Parameter) NeedGrad(dev compute.Device) {
	if p.Grad == nil {
		p.Grad = dev.Alloc(len(p.Data))
	}
}

// matrix is the parameter's shape as rows and columns: all dimensions but the
// last are rows.
func (p *Parameter) matrix() (rows, cols int) {
	if len(p.Shape) == 0 {
		return 1, 1
	}
	cols = p.Shape[len(p.Shape)-1]
	if cols == 0 {
		return 0, 0
	}
	return len(p.Data) / cols, cols
}

// Value is a matrix of a recorded computation.
type Value struct {
	// Rows and Cols are its shape.
	Rows, Cols int

	needs    bool       // a parameter stands behind it
	external bool       // its memory is not the arena's: a constant or a parameter
	wanted   bool       // stays readable after the run
	exact    bool       // the backward reads the very elements that the forward made
	viewed   bool       // another value looks into it
	base     *Value     // of a view: what it looks into, never itself a view
	row, col int        // of a view: where it begins
	param    *Parameter // of a parameter
	lends    bool       // its gradient's memory is the arena's

	block int // the checkpointed block that makes it, or -1

	data, grad compute.Mat
	written    bool // grad has been written in this run
	reached    bool // the loss depends on it

	maker  int  // of a value that is cheap to make: the node that does, plus 1
	remade bool // it is made again for the backward, instead of being kept

	anew    bool // it is made again before the backward reads it, as far as the schedule is written
	shelved bool // it is kept as bfloat16 until the backward
	strips  bool // who reads it then restores some rows at a time, into the place of v.restored

	first, again, gradient interval // when data lives: made forward, made again for the backward; when grad does
	shelf, restored        interval // of a shelved value: when its bfloat16 elements live, and those made of them
}

// Data is the matrix's elements: of constants and parameters at any time, of
// others after a run that was asked to keep them, until the next Reset.
func (v *Value) Data() compute.Mat { return v.data }

// NeedsGrad reports whether a parameter stands behind the value.
func (v *Value) NeedsGrad() bool { return v.needs }

// root is the value that owns v's memory.
func (v *Value) root() *Value {
	if v.base != nil {
		return v.base
	}
	return v
}

// vector is the value's elements, for values of one row. Nil gives nil.
func (v *Value) vector() []float32 {
	if v == nil {
		return nil
	}
	return v.data.Data
}

// through views m, the matrix of v's base, as v does.
func (v *Value) through(m compute.Mat) compute.Mat {
	return m.RowRange(v.row, v.row+v.Rows).ColRange(v.col, v.col+v.Cols)
}

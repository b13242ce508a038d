package cases

import (
	"trimtab/compute"
	"trimtab/internal/chance"
)

// Case is one use of one operation.
type Case struct {
	Op compute.Op
	// Name says what is special about it; with the operation's name it is unique.
	Name string
	// In are the matrices that it reads, Out those that it writes: the result, then
	// what it keeps for the backward.
	In, Out []Operand
	// Forward runs the operation on a device, Backward its gradient; nil for an
	// operation without one.
	Forward, Backward func(r *Run)
	// Onto says that the operation can add to its result.
	Onto bool
	// InPlace are the inputs in whose memory the result may lie.
	InPlace []int
	// Omits says that a gradient may be left out.
	Omits bool
	// Twin is the definition.
	Twin Twin
	// Flops is the floating-point operations of the forward, Bytes the memory that it
	// must touch.
	Flops, Bytes int64

	drawn map[string][]float32 // values by operand and use, drawn once
}

// Twin is an operation's definition in float64.
type Twin struct {
	// Forward gives the result and what else the definition has of Out.
	Forward func(in []Matrix) []Matrix
	// Backward adds to d, one for each input, the gradients for the result's dy;
	// those that nobody asks for have no Data.
	Backward func(in, out []Matrix, dy Matrix, d []Matrix)
}

// Operand is a matrix of a case.
type Operand struct {
	Name       string
	Rows, Cols int
	// Gap is how many elements lie between rows.
	Gap int
	// Fill makes its values, of the result its gradient's; nil is normally distributed ones.
	Fill func(key chance.Key, dst []float32)
	// Size multiplies the values; 0 is 1.
	Size float32
	// Grad says whether the operation has a gradient for it, and who adds.
	Grad Grad
	// Absent operands are handed over as zero Mats.
	Absent bool
}

// Grad says how an operation hands back the gradient of an input.
type Grad uint8

const (
	// None: there is no gradient.
	None Grad = iota
	// Activation gradients are written, or added where the caller says so.
	Activation
	// Parameter gradients are always added.
	Parameter
)

// FullName is the operation's name and the case's.
func (c *Case) FullName() string { return compute.Operations[c.Op].Name + "/" + c.Name }

// Matrix is a matrix in float64, without gaps. The zero Matrix is not there.
type Matrix struct {
	Rows, Cols int
	Data       []float64
}

// NewMatrix is a matrix of zeros.
func NewMatrix(rows, cols int) Matrix { return Matrix{rows, cols, make([]float64, rows*cols)} }

// Row is row i.
func (m Matrix) Row(i int) []float64 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// Exists reports whether the matrix is there.
func (m Matrix) Exists() bool { return m.Data != nil }

// values are an operand's elements for a use, not to be written: the same for a case each
// time, and others for each use.
func (c *Case) values(o Operand, use string) []float32 {
	name := o.Name + "/" + use
	if v, ok := c.drawn[name]; ok {
		return v
	}
	if c.drawn == nil {
		c.drawn = map[string][]float32{}
	}
	key := chance.Key{Seed: chance.SiteOf(c.FullName() + "/" + o.Name), Site: chance.SiteOf(use)}
	v := make([]float32, o.Rows*o.Cols)
	if o.Fill != nil && (use == "values" || use == "cotangent") {
		o.Fill(key, v)
	} else {
		chance.Normals(key, v)
	}
	for i := range v {
		if o.Size != 0 {
			v[i] *= o.Size
		}
	}
	c.drawn[name] = v
	return v
}

// wide is v in float64.
func wide(o Operand, v []float32) Matrix {
	if o.Absent {
		return Matrix{}
	}
	m := NewMatrix(o.Rows, o.Cols)
	for i, x := range v {
		m.Data[i] = float64(x)
	}
	return m
}

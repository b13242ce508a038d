package nn

import (
	"fmt"
	"math"

	"trimtab/autograd"
	"trimtab/compute"
)

// Rotation turns queries and keys by their positions (RoPE, Su et al. 2021), in
// the order of halves. Angles are computed in float32, as the libraries do: far
// along a long segment that is what models were trained with.
type Rotation struct {
	// Frequencies are the angles, in radians, from one position to the next, for each pair of a head.
	Frequencies []float32
	// Scale multiplies the turned vectors (YaRN's attention factor); usually 1.
	Scale float32
	// Positions is how many there are: a place beyond is an error.
	Positions int

	cos, sin compute.Mat // of the first so many positions, grown on demand
}

// Forward turns the rows of x [rows, heads·2·len(Frequencies)] by their positions.
func (r *Rotation) Forward(p *Pass, x *autograd.Value, positions []int32) *autograd.Value {
	last := int32(-1)
	for _, at := range positions {
		last = max(last, at)
	}
	if int(last) >= r.Positions {
		p.Fail(fmt.Errorf("position %d: the model has %d positions", last, r.Positions))
		return x
	}
	if int(last) >= r.cos.Rows {
		r.grow(p.Device(), int(last)+1)
	}
	return p.Rotate(x, positions, r.cos, r.sin, 2*len(r.Frequencies))
}

// grow computes the tables anew for at least n positions.
func (r *Rotation) grow(dev compute.Device, n int) {
	rows := min(r.Positions, max(64, 2*n))
	cols := len(r.Frequencies)
	r.cos = compute.NewMat(rows, cols, dev.Alloc(rows*cols))
	r.sin = compute.NewMat(rows, cols, dev.Alloc(rows*cols))
	for i := range rows {
		cos, sin := r.cos.Row(i), r.sin.Row(i)
		for j, f := range r.Frequencies {
			s, c := math.Sincos(float64(float32(i) * f))
			cos[j], sin[j] = float32(c)*r.Scale, float32(s)*r.Scale
		}
	}
}

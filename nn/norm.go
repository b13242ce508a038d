package nn

import (
	"trimtab/autograd"
	"trimtab/compute"
)

// Norm is a LayerNorm, or an RMSNorm if RMS.
type Norm struct {
	Site
	// Gain is [n], Bias [n] or nil.
	Gain, Bias *Param
	// Eps is added to the variance.
	Eps float32
	// RMS leaves the mean where it is (Zhang & Sennrich 2019).
	RMS bool
}

// Params are the gain and, if there is one, the bias.
func (n *Norm) Params() []*Param {
	if n.Bias == nil {
		return []*Param{n.Gain}
	}
	return []*Param{n.Gain, n.Bias}
}

// Forward normalises each row of x.
func (n *Norm) Forward(p *Pass, x *autograd.Value) *autograd.Value {
	p.Site = n.Name
	if n.RMS {
		return p.RMSNorm(x, n.Gain.Row(p), n.Eps)
	}
	return p.LayerNorm(x, n.Gain.Row(p), n.Bias.Row(p), n.Eps)
}

// newMat is a matrix of zeros in host memory.
func newMat(rows, cols int) compute.Mat {
	return compute.NewMat(rows, cols, make([]float32, rows*cols))
}

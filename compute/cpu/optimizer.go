package cpu

import (
	"math"

	"trimtab/compute"
)

// AdamW updates p from g and the moments m and v.
func (d *Device) AdamW(p, g, m, v []float32, o compute.AdamW) {
	b1, b2 := float32(o.Beta1), float32(o.Beta2)
	c1, c2 := float32(1-o.Beta1), float32(1-o.Beta2)
	decay := float32(1 - o.LearningRate*o.WeightDecay)
	step := float32(o.LearningRate / (1 - math.Pow(o.Beta1, float64(o.Step))))
	root := float32(math.Sqrt(1 - math.Pow(o.Beta2, float64(o.Step))))
	eps := float32(o.Epsilon)
	for i := range p {
		gi := g[i] * o.GradientScale
		m[i] = b1*m[i] + c1*gi
		v[i] = b2*v[i] + c2*gi*gi
		p[i] = decay*p[i] - step*m[i]/(float32(math.Sqrt(float64(v[i])))/root+eps)
	}
}

// SumSquares is Σ x².
func (d *Device) SumSquares(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

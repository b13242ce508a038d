package cases

import (
	"fmt"
	"math"

	"trimtab/compute"
)

func losses() []*Case {
	var all []*Case
	for _, s := range []shape{{0, 3, 0}, {1, 1, 0}, {1, 2, 0}, {9, 33, 2}, {70, 300, 0}, {4, 5003, 0}} {
		all = append(all, crossEntropy(s, false, 1), crossEntropy(s, true, 5))
	}
	return all
}

// crossEntropy leaves every fifth row out. Its loss is one number, whose gradient the runner draws.
func crossEntropy(s shape, weighted bool, size float32) *Case {
	const by = 0.25
	target := sparse(s.rows, s.cols)
	weight := make([]float32, s.cols)
	for i := range weight {
		weight[i] = float32(i%4) / 2
	}
	of := func(t int32) float64 { return float64(weight[t]) }
	given := weight
	if !weighted {
		given, of = nil, func(int32) float64 { return 1 }
	}
	return &Case{
		Op: compute.OpCrossEntropy, Name: fmt.Sprintf("%v, weighted %v, size %g", s, weighted, size),
		In:      []Operand{x("x", s.rows, s.cols).gap(s.gap).sized(size)},
		Out:     []Operand{result("loss", 1, 1), result("lse", 1, s.rows)},
		Forward: func(r *Run) { r.Device.CrossEntropy(r.OutVec(0), r.OutVec(1), r.In[0], target, given, by) },
		Backward: func(r *Run) {
			r.Device.CrossEntropyBackward(r.DIn[0], r.DOut.Data[0], r.In[0], r.OutVec(1), target, given, by, r.Add)
		},
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				loss, lse := NewMatrix(1, 1), NewMatrix(1, s.rows)
				for i, t := range target {
					lse.Data[i] = logSum(in[0].Row(i))
					if t >= 0 {
						loss.Data[0] += by * of(t) * (lse.Data[i] - in[0].Row(i)[t])
					}
				}
				return []Matrix{loss, lse}
			},
			Backward: func(in, out []Matrix, dy Matrix, d []Matrix) {
				for i, t := range target {
					for j, v := range in[0].Row(i) {
						if t < 0 {
							continue
						}
						g := math.Exp(v - out[1].Data[i])
						if j == int(t) {
							g--
						}
						d[0].Row(i)[j] += dy.Data[0] * by * of(t) * g
					}
				}
			},
		},
		Flops: int64(6 * s.rows * s.cols), Bytes: int64(4 * s.rows * s.cols),
	}
}

package cpu

import (
	"math"

	"trimtab/compute"
)

// CrossEntropy is scale·Σᵢ weight[target[i]]·(lse(x[i]) - x[i,target[i]]).
func (d *Device) CrossEntropy(loss, lse []float32, x compute.Mat, target []int32, weight []float32, scale float32) {
	long("CrossEntropy", weight, x.Cols)
	var sum float64
	for i := range x.Rows {
		l := logSumExp(x.Row(i))
		if lse != nil {
			lse[i] = float32(l)
		}
		if t := target[i]; t >= 0 {
			sum += at(weight, int(t), 1) * (l - float64(x.Row(i)[t]))
		}
	}
	loss[0] = float32(float64(scale) * sum)
}

// CrossEntropyBackward is dx (+)= dloss·scale·weight·(softmax(x) - onehot).
func (d *Device) CrossEntropyBackward(dx compute.Mat, dloss float32, x compute.Mat, lse []float32, target []int32, weight []float32, scale float32, add bool) {
	like("CrossEntropyBackward", x, dx)
	for i := range x.Rows {
		t := target[i]
		if t < 0 {
			if !add {
				clear(dx.Row(i))
			}
			continue
		}
		s := float64(dloss) * float64(scale) * at(weight, int(t), 1)
		for j, v := range x.Row(i) {
			p := math.Exp(float64(v) - float64(lse[i]))
			if j == int(t) {
				p--
			}
			put(&dx.Row(i)[j], float32(s*p), add)
		}
	}
}

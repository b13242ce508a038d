package cases

import (
	"fmt"
	"math"

	"trimtab/compute"
	"trimtab/internal/chance"
)

func rotations() []*Case {
	return []*Case{
		rotate(0, 1, 8, 0, false), rotate(1, 1, 2, 0, false), rotate(5, 3, 16, 2, false),
		rotate(60, 2, 64, 0, false), rotate(7, 1, 6, 1, true), rotate(300, 4, 10, 0, true),
	}
}

// turns fills a table of angles' cosines, or with shift -π/2 sines.
func turns(half int, shift float64) func(chance.Key, []float32) {
	return func(_ chance.Key, v []float32) {
		for i := range v {
			position, pair := i/half, i%half
			v[i] = float32(math.Cos(float64(position)*math.Pow(10000, -float64(pair)/float64(half)) + shift))
		}
	}
}

func rotate(rows, heads, dim, gap int, inverse bool) *Case {
	const positions = 50
	half := dim / 2
	at := scattered(rows, positions)
	turn := func(y, x, cos, sin Matrix, sign float64) {
		for i := range rows {
			c, s := cos.Row(int(at[i])), sin.Row(int(at[i]))
			for h := range heads {
				yi, xi := head(y, i, h, dim), head(x, i, h, dim)
				for j := range half {
					yi[j] += xi[j]*c[j] - sign*xi[j+half]*s[j]
					yi[j+half] += xi[j+half]*c[j] + sign*xi[j]*s[j]
				}
			}
		}
	}
	sign := 1.0
	if inverse {
		sign = -1
	}
	return &Case{
		Op: compute.OpRotate, Name: fmt.Sprintf("%d rows, %d heads of %d, gap %d, inverse %v", rows, heads, dim, gap, inverse),
		In: []Operand{
			x("x", rows, heads*dim).gap(gap),
			frozen("cos", positions, half).filled(turns(half, 0)),
			frozen("sin", positions, half).filled(turns(half, -math.Pi/2)),
		},
		Out:     []Operand{result("y", rows, heads*dim).gap(gap)},
		Onto:    true,
		InPlace: []int{0},
		Forward: func(r *Run) { r.Device.Rotate(r.Out[0], r.In[0], at, r.In[1], r.In[2], dim, inverse, r.Add) },
		Backward: func(r *Run) {
			r.Device.Rotate(r.DIn[0], r.DOut, at, r.In[1], r.In[2], dim, !inverse, r.Add)
		},
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				y := NewMatrix(rows, heads*dim)
				turn(y, in[0], in[1], in[2], sign)
				return []Matrix{y}
			},
			Backward: func(in, _ []Matrix, dy Matrix, d []Matrix) { turn(d[0], dy, in[1], in[2], -sign) },
		},
		Flops: int64(3 * rows * heads * dim), Bytes: int64(8 * rows * heads * dim),
	}
}

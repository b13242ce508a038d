package cases

import (
	"fmt"
	"math"

	"trimtab/compute"
	"trimtab/internal/chance"
)

const epsilon = 1e-5

func norms() []*Case {
	var all []*Case
	for _, s := range shapes {
		if s.cols == 1 {
			s.cols = 3 // a column alone has no variance, and √ε magnifies rounding
		}
		all = append(all, layerNorm(s, true, true, 0), rmsNorm(s, true), logSoftmax(s, 1))
	}
	odd := shape{7, 30, 0}
	return append(all,
		layerNorm(odd, false, false, 0), layerNorm(odd, true, false, 0), layerNorm(odd, false, true, 0),
		layerNorm(shape{5, 200, 0}, true, true, 4), rmsNorm(odd, false), logSoftmax(odd, 20),
		rowNorms(1, 1, 1, true, packed), rowNorms(33, 40, 3, true, packed), rowNorms(20, 17, 0, false, asRows), rowNorms(130, 300, 8, true, asRows),
	)
}

// shifted adds offset to normal values, for rows whose mean is far from zero.
func shifted(offset float32) func(chance.Key, []float32) {
	return func(key chance.Key, v []float32) {
		chance.Normals(key, v)
		for i := range v {
			v[i] += offset
		}
	}
}

// standard gives a row's mean and 1/√(variance+ε); the mean is 0 for an RMS norm.
func standard(x []float64, centred bool) (mean, rstd float64) {
	n := float64(len(x))
	if centred {
		for _, v := range x {
			mean += v / n
		}
	}
	variance := 0.0
	for _, v := range x {
		variance += (v - mean) * (v - mean) / n
	}
	return mean, 1 / math.Sqrt(variance+epsilon)
}

// or is v[j], or what stands for it where v is not there.
func or(v Matrix, j int, without float64) float64 {
	if !v.Exists() {
		return without
	}
	return v.Data[j]
}

// normTwin is the definition of LayerNorm (centred), and of RMSNorm.
func normTwin(centred bool) Twin {
	return Twin{
		Forward: func(in []Matrix) []Matrix {
			x := in[0]
			y, mean, rstd := NewMatrix(x.Rows, x.Cols), NewMatrix(1, x.Rows), NewMatrix(1, x.Rows)
			for i := range x.Rows {
				mean.Data[i], rstd.Data[i] = standard(x.Row(i), centred)
				for j, v := range x.Row(i) {
					y.Row(i)[j] = (v-mean.Data[i])*rstd.Data[i]*or(in[1], j, 1) + or(in[2], j, 0)
				}
			}
			if centred {
				return []Matrix{y, mean, rstd}
			}
			return []Matrix{y, rstd}
		},
		Backward: func(in, _ []Matrix, dy Matrix, d []Matrix) {
			for i := range dy.Rows {
				normRowBackward(in[0].Row(i), dy.Row(i), i, in, d, centred)
			}
		},
	}
}

func normRowBackward(x, dy []float64, i int, in, d []Matrix, centred bool) {
	n := float64(len(x))
	mean, rstd := standard(x, centred)
	var sum, along float64
	for j, v := range x {
		g, h := dy[j]*or(in[1], j, 1), (v-mean)*rstd
		along += g * h
		if centred {
			sum += g
		}
		if d[1].Exists() {
			d[1].Data[j] += dy[j] * h
		}
		if d[2].Exists() {
			d[2].Data[j] += dy[j]
		}
	}
	for j, v := range x {
		d[0].Row(i)[j] += rstd * (dy[j]*or(in[1], j, 1) - sum/n - (v-mean)*rstd*along/n)
	}
}

func layerNorm(s shape, gamma, beta bool, offset float32) *Case {
	return &Case{
		Op: compute.OpLayerNorm, Name: fmt.Sprintf("%v, gamma %v, beta %v, mean %g", s, gamma, beta, offset),
		In: []Operand{x("x", s.rows, s.cols).gap(s.gap).filled(shifted(offset)),
			vec("gamma", s.cols).absent(!gamma), vec("beta", s.cols).absent(!beta)},
		Out:   []Operand{result("y", s.rows, s.cols).gap(s.gap), result("mean", 1, s.rows), result("rstd", 1, s.rows)},
		Omits: true,
		Forward: func(r *Run) {
			r.Device.LayerNorm(r.Out[0], r.In[0], r.Vec(1), r.Vec(2), epsilon, r.OutVec(1), r.OutVec(2))
		},
		Backward: func(r *Run) {
			r.Device.LayerNormBackward(r.DIn[0], r.DVec(1), r.DVec(2), r.DOut, r.In[0], r.Vec(1), r.OutVec(1), r.OutVec(2), r.Add)
		},
		Twin:  normTwin(true),
		Flops: int64(8 * s.rows * s.cols), Bytes: int64(8 * s.rows * s.cols),
	}
}

func rmsNorm(s shape, gamma bool) *Case {
	return &Case{
		Op: compute.OpRMSNorm, Name: fmt.Sprintf("%v, gamma %v", s, gamma),
		In:      []Operand{x("x", s.rows, s.cols).gap(s.gap), vec("gamma", s.cols).absent(!gamma), vec("beta", s.cols).absent(true)},
		Out:     []Operand{result("y", s.rows, s.cols).gap(s.gap), result("rstd", 1, s.rows)},
		Omits:   true,
		Forward: func(r *Run) { r.Device.RMSNorm(r.Out[0], r.In[0], r.Vec(1), epsilon, r.OutVec(1)) },
		Backward: func(r *Run) {
			r.Device.RMSNormBackward(r.DIn[0], r.DVec(1), r.DOut, r.In[0], r.Vec(1), r.OutVec(1), r.Add)
		},
		Twin:  normTwin(false),
		Flops: int64(5 * s.rows * s.cols), Bytes: int64(8 * s.rows * s.cols),
	}
}

// logSum is log Σ exp(x).
func logSum(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

func logSoftmax(s shape, size float32) *Case {
	return &Case{
		Op: compute.OpLogSoftmax, Name: fmt.Sprintf("%v, size %g", s, size),
		In:       []Operand{x("x", s.rows, s.cols).gap(s.gap).sized(size)},
		Out:      []Operand{result("y", s.rows, s.cols).gap(s.gap)},
		Forward:  func(r *Run) { r.Device.LogSoftmax(r.Out[0], r.In[0]) },
		Backward: func(r *Run) { r.Device.LogSoftmaxBackward(r.DIn[0], r.DOut, r.Out[0], r.Add) },
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				y := NewMatrix(s.rows, s.cols)
				for i := range s.rows {
					lse := logSum(in[0].Row(i))
					for j, v := range in[0].Row(i) {
						y.Row(i)[j] = v - lse
					}
				}
				return []Matrix{y}
			},
			Backward: func(_, out []Matrix, dy Matrix, d []Matrix) {
				for i := range s.rows {
					sum := 0.0
					for _, g := range dy.Row(i) {
						sum += g
					}
					for j, y := range out[0].Row(i) {
						d[0].Row(i)[j] += dy.Row(i)[j] - math.Exp(y)*sum
					}
				}
			},
		},
		Flops: int64(6 * s.rows * s.cols), Bytes: int64(8 * s.rows * s.cols),
	}
}

func rowNorms(out, in, rank int, low bool, h holding) *Case {
	const s = 0.5
	return &Case{
		Op: compute.OpRowNorms, Name: fmt.Sprintf("%d x %d, rank %d, %v", out, in, rank, h),
		In:      []Operand{frozen("w", out, in), frozen("b", out, rank).absent(!low), frozen("a", rank, in).absent(!low)},
		Out:     []Operand{result("norms", 1, out)},
		Forward: func(r *Run) { r.Device.RowNorms(r.OutVec(0), r.hold(0, h), r.In[1], r.In[2], s) },
		Twin: Twin{Forward: func(m []Matrix) []Matrix {
			n := NewMatrix(1, out)
			for o := range out {
				sum := 0.0
				for j, v := range m[0].Row(o) {
					for k := 0; low && k < rank; k++ {
						v += s * m[1].Row(o)[k] * m[2].Row(k)[j]
					}
					sum += v * v
				}
				n.Data[o] = math.Sqrt(sum)
			}
			return []Matrix{n}
		}},
		Flops: int64(2 * out * in * (rank + 1)), Bytes: int64(4 * out * in),
	}
}

package cases

import (
	"fmt"
	"math"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// holding is a way for a device to hold a frozen weight.
type holding uint8

const (
	packed holding = iota
	packedTransposed
	asRows
	inInt8
	inLLMInt8
)

func (h holding) String() string {
	return [...]string{"packed", "packed transposed", "rows", "int8", "llm_int8"}[h]
}

// hold gives input i, [out, in], to the device as a weight, once. For packedTransposed
// the matrix is transposed first.
func (r *Run) hold(i int, h holding) compute.Weight {
	if r.held == nil {
		r.held = map[int]compute.Weight{}
	}
	if r.held[i] == nil {
		r.held[i] = r.pack(r.In[i], h)
	}
	return r.held[i]
}

func (r *Run) pack(m compute.Mat, h holding) compute.Weight {
	switch h {
	case packed:
		return r.Device.Pack(m, compute.F32)
	case asRows:
		return r.Device.Rows(m)
	case inInt8:
		return r.Device.Pack(m, compute.Int8)
	case inLLMInt8:
		return r.Device.Pack(m, compute.LLMInt8)
	}
	t := compute.NewMat(m.Cols, m.Rows, make([]float32, m.Rows*m.Cols))
	for o := range m.Rows {
		for j, v := range m.Row(o) {
			t.Data[j*m.Rows+o] = v
		}
	}
	return r.Device.Pack(compute.Transposed(t), compute.F32)
}

func products() []*Case {
	var all []*Case
	for _, h := range []holding{packed, packedTransposed, asRows} {
		for _, s := range []struct{ m, in, out, gap int }{
			{0, 16, 16, 0}, {1, 1, 1, 0}, {1, 64, 200, 0}, {3, 17, 33, 2}, {4, 300, 70, 0}, {5, 256, 256, 3}, {17, 520, 19, 0}, {150, 96, 80, 0},
		} {
			all = append(all, linear(s.m, s.in, s.out, s.gap, h, s.m%2 == 1))
		}
	}
	all = append(all, linear(300, 768, 96, 0, packed, true), linear(130, 64, 1100, 0, packed, false), linear(7, 3100, 24, 0, asRows, true))
	for _, h := range []holding{inInt8, inLLMInt8} {
		for _, s := range []struct{ m, in, out, gap int }{{0, 16, 16, 0}, {1, 1, 1, 0}, {1, 64, 200, 0}, {5, 17, 33, 2}, {20, 300, 70, 0}, {130, 96, 80, 1}} {
			all = append(all, linearInt8(s.m, s.in, s.out, s.gap, h, s.m%2 == 1))
		}
	}
	for _, h := range []holding{packed, asRows} {
		for _, s := range []struct{ m, in, out, rows int }{{1, 32, 50, 3}, {5, 33, 47, 0}, {6, 100, 300, 70}, {20, 64, 9, 20}} {
			all = append(all, linearRows(s.m, s.in, s.out, s.rows, h, s.m%2 == 0))
		}
	}
	for _, t := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		for _, s := range []struct{ m, k, n, gap int }{
			{0, 3, 4, 0}, {3, 0, 4, 0}, {1, 1, 1, 0}, {1, 40, 65, 0}, {2, 33, 18, 3}, {4, 7, 100, 0}, {5, 64, 3, 1}, {70, 65, 130, 0}, {8, 1000, 150, 0}, {150, 900, 8, 2},
		} {
			all = append(all, matMul(s.m, s.k, s.n, s.gap, 0.75, t[0], t[1]))
		}
		all = append(all, matMul(6, 20, 40, 0, 0, t[0], t[1]), matMul(50, 300, 16, 1, -2, t[0], t[1]))
	}
	return all
}

func linear(m, in, out, gap int, h holding, bias bool) *Case {
	name := fmt.Sprintf("%d rows, %d to %d, %v", m, in, out, h)
	if gap > 0 {
		name += ", gaps"
	}
	if bias {
		name += ", bias"
	}
	return &Case{
		Op: compute.OpLinear, Name: name,
		In: []Operand{
			x("x", m, in).gap(gap),
			frozen("w", out, in).gap(gap).sized(fan(in)),
			{Name: "bias", Rows: 1, Cols: out, Absent: !bias},
		},
		Out:      []Operand{result("y", m, out).gap(2 * gap)},
		Forward:  func(r *Run) { r.Device.Linear(r.Out[0], r.In[0], r.hold(1, h), r.Vec(2)) },
		Backward: func(r *Run) { r.Device.LinearBackward(r.DIn[0], r.DOut, r.hold(1, h), r.Add) },
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				return []Matrix{affine(in[0], in[1], in[2], nil)}
			},
			Backward: func(in, _ []Matrix, dy Matrix, d []Matrix) { affineBackward(d[0], dy, in[1], nil) },
		},
		Flops: int64(2 * m * in * out),
		Bytes: int64(4 * (m*in + in*out + m*out)),
	}
}

// linearInt8 is linear in whole numbers. Its rows and weights are some that 8 bits can say, its result's gradients some that 16 bits can, so the
// definition, and the gradient that is checked, are those of the product of what is held; rounding has no gradient. In the mixed form rows have outliers too.
func linearInt8(m, in, out, gap int, h holding, bias bool) *Case {
	c := linear(m, in, out, gap, h, bias)
	c.In[0].Size, c.In[0].Fill = 1.0/32, wholeNumbers(in, 127)
	if h == inLLMInt8 {
		c.In[0].Fill = outliers(in, 32)
	}
	c.In[1].Size, c.In[1].Fill = 1.0/1024, wholeNumbers(in, 127)
	c.Out[0].Size, c.Out[0].Fill = 1.0/8192, wholeNumbers(out, 22017) // what 16 bits leave for products that add up in 32
	forward, backward := c.Twin.Forward, c.Twin.Backward
	c.Twin.Forward = func(in []Matrix) []Matrix { return forward([]Matrix{in[0], spoilt(in[1]), in[2]}) }
	c.Twin.Backward = func(in, out []Matrix, dy Matrix, d []Matrix) {
		backward([]Matrix{in[0], spoilt(in[1]), in[2]}, out, dy, d)
	}
	return c
}

// wholeNumbers fills rows with whole numbers up to most, which the first one is.
func wholeNumbers(cols int, most float32) func(chance.Key, []float32) {
	return func(key chance.Key, dst []float32) {
		chance.Normals(key, dst)
		for i, v := range dst {
			dst[i] = float32(math.Round(float64(max(-most, min(most, most/3*v)))))
			if i%cols == 0 {
				dst[i] = most
			}
		}
	}
}

// outliers fills rows with whole numbers up to 127 and, in some places, such as are outliers in units of 1/unit.
func outliers(cols int, unit float64) func(chance.Key, []float32) {
	fill := wholeNumbers(cols, 127)
	return func(key chance.Key, dst []float32) {
		fill(key, dst)
		for i, v := range dst {
			if i%cols > 0 && i%13 == 0 {
				dst[i] = float32(math.Copysign(6*unit+16*math.Abs(float64(v)), float64(v)))
			}
		}
	}
}

// spoilt is w, but rows of which an element is not finite are NaN: they have no scale.
func spoilt(w Matrix) Matrix {
	s := NewMatrix(w.Rows, w.Cols)
	copy(s.Data, w.Data)
	for o := range s.Rows {
		var sum float64
		for _, v := range w.Row(o) {
			sum += v
		}
		for i := range s.Row(o) {
			if sum-sum != 0 {
				s.Row(o)[i] = math.NaN()
			}
		}
	}
	return s
}

// fan keeps products of n terms near 1.
func fan(n int) float32 { return float32(1 / math.Sqrt(max(1, float64(n)))) }

// affine is x·w[rows]ᵀ + bias[rows]; nil rows are all.
func affine(x, w, bias Matrix, rows []int32) Matrix {
	if rows == nil {
		rows = count(w.Rows)
	}
	y := NewMatrix(x.Rows, len(rows))
	for i := range x.Rows {
		for j, o := range rows {
			y.Row(i)[j] = dot(x.Row(i), w.Row(int(o)))
			if bias.Exists() {
				y.Row(i)[j] += bias.Data[o]
			}
		}
	}
	return y
}

func affineBackward(dx, dy, w Matrix, rows []int32) {
	if rows == nil {
		rows = count(w.Rows)
	}
	for i := range dx.Rows {
		for j, o := range rows {
			for l, v := range w.Row(int(o)) {
				dx.Row(i)[l] += dy.Row(i)[j] * v
			}
		}
	}
}

func count(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// scattered is n places below most, in no order, some of them twice.
func scattered(n, most int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i * 7919 % most)
	}
	return rows
}

func linearRows(m, in, out, n int, h holding, bias bool) *Case {
	rows := scattered(n, out)
	name := fmt.Sprintf("%d rows, %d to %d of %d, %v", m, in, n, out, h)
	if bias {
		name += ", bias"
	}
	return &Case{
		Op: compute.OpLinearRows, Name: name,
		In: []Operand{
			x("x", m, in),
			frozen("w", out, in).sized(fan(in)),
			{Name: "bias", Rows: 1, Cols: out, Absent: !bias},
		},
		Out:      []Operand{result("y", m, n)},
		Forward:  func(r *Run) { r.Device.LinearRows(r.Out[0], r.In[0], r.hold(1, h), r.Vec(2), rows) },
		Backward: func(r *Run) { r.Device.LinearRowsBackward(r.DIn[0], r.DOut, r.hold(1, h), rows, r.Add) },
		Twin: Twin{
			Forward:  func(in []Matrix) []Matrix { return []Matrix{affine(in[0], in[1], in[2], rows)} },
			Backward: func(in, _ []Matrix, dy Matrix, d []Matrix) { affineBackward(d[0], dy, in[1], rows) },
		},
		Flops: int64(2 * m * in * n),
		Bytes: int64(4 * (m*in + in*n + m*n)),
	}
}

// matMul has the gradients that autograd asks for, which are themselves products.
func matMul(m, k, n, gap int, alpha float32, ta, tb bool) *Case {
	wideAlpha := float64(alpha)
	a, b := x("a", m, k), x("b", k, n)
	if ta {
		a.Rows, a.Cols = k, m
	}
	if tb {
		b.Rows, b.Cols = n, k
	}
	return &Case{
		Op: compute.OpMatMul, Name: fmt.Sprintf("%d x %d x %d, gap %d, alpha %g, transposed %v %v", m, k, n, gap, alpha, ta, tb),
		In:      []Operand{a.gap(gap).sized(fan(k)), b.gap(gap).sized(fan(n))},
		Out:     []Operand{result("c", m, n).gap(gap)},
		Onto:    true,
		Forward: func(r *Run) { r.Device.MatMul(r.Out[0], r.In[0], r.In[1], ta, tb, alpha, r.Add) },
		Backward: func(r *Run) {
			da, db, a, b, dc := r.DIn[0], r.DIn[1], r.In[0], r.In[1], r.DOut
			if ta {
				r.Device.MatMul(da, b, dc, tb, true, alpha, r.Add)
			} else {
				r.Device.MatMul(da, dc, b, false, !tb, alpha, r.Add)
			}
			if tb {
				r.Device.MatMul(db, dc, a, true, ta, alpha, r.Add)
			} else {
				r.Device.MatMul(db, a, dc, !ta, false, alpha, r.Add)
			}
		},
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				c := NewMatrix(m, n)
				matMulTerms(m, k, n, ta, tb, func(i, j, ai, bi int) {
					c.Data[i*n+j] += wideAlpha * in[0].Data[ai] * in[1].Data[bi]
				})
				return []Matrix{c}
			},
			Backward: func(in, _ []Matrix, dc Matrix, d []Matrix) {
				matMulTerms(m, k, n, ta, tb, func(i, j, ai, bi int) {
					d[0].Data[ai] += wideAlpha * dc.Data[i*n+j] * in[1].Data[bi]
					d[1].Data[bi] += wideAlpha * dc.Data[i*n+j] * in[0].Data[ai]
				})
			},
		},
		Flops: int64(2 * m * k * n),
		Bytes: int64(4 * (m*k + k*n + m*n)),
	}
}

// matMulTerms calls f for each term of each element [i, j] of the product with the
// places of its factors in a and b.
func matMulTerms(m, k, n int, ta, tb bool, f func(i, j, ai, bi int)) {
	for i := range m {
		for j := range n {
			for l := range k {
				ai, bi := i*k+l, l*n+j
				if ta {
					ai = l*m + i
				}
				if tb {
					bi = j*k + l
				}
				f(i, j, ai, bi)
			}
		}
	}
}

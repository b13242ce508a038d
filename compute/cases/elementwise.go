package cases

import (
	"fmt"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// pointwise is a case whose result's element i hangs on elements i of its inputs:
// f gives it, and its derivatives by each.
func pointwise(op compute.Op, name string, s shape, inputs []string, f func(i int, v []float64) (y float64, slopes []float64)) *Case {
	c := &Case{Op: op, Name: name, Out: []Operand{result("y", s.rows, s.cols).gap(s.gap)}}
	n := s.rows * s.cols
	for i, in := range inputs {
		c.In = append(c.In, x(in, s.rows, s.cols).gap(s.gap))
		c.InPlace = append(c.InPlace, i)
	}
	at := func(in []Matrix, i int) (float64, []float64) {
		v := make([]float64, len(inputs))
		for j := range v {
			v[j] = in[j].Data[i]
		}
		return f(i, v)
	}
	c.Twin.Forward = func(in []Matrix) []Matrix {
		y := NewMatrix(s.rows, s.cols)
		for i := range n {
			y.Data[i], _ = at(in, i)
		}
		return []Matrix{y}
	}
	c.Twin.Backward = func(in, _ []Matrix, dy Matrix, d []Matrix) {
		for i := range n {
			_, slopes := at(in, i)
			for j, slope := range slopes {
				if slope == 0 { // passes nothing on, not even NaN
					continue
				}
				d[j].Data[i] += dy.Data[i] * slope
			}
		}
	}
	c.Flops, c.Bytes = int64(n), int64(4*n*(1+len(inputs)))
	return c
}

func elementwise() []*Case {
	var all []*Case
	for _, s := range shapes {
		all = append(all, add(s), mul(s), scale(s), addRow(s), mulRow(s), drop(s, 0.1), drop(s, 0.5))
	}
	return append(all, drop(shape{9, 130, 0}, 0), drop(shape{3, 40, 0}, 1.0/3))
}

func add(s shape) *Case {
	c := pointwise(compute.OpAdd, s.String(), s, []string{"a", "b"}, func(_ int, v []float64) (float64, []float64) {
		return v[0] + v[1], []float64{1, 1}
	})
	c.Forward = func(r *Run) { r.Device.Add(r.Out[0], r.In[0], r.In[1]) }
	// The gradient of a sum is the gradient itself: autograd copies or adds it by Scale.
	c.Backward = func(r *Run) {
		r.Device.Scale(r.DIn[0], r.DOut, 1, r.Add)
		r.Device.Scale(r.DIn[1], r.DOut, 1, r.Add)
	}
	return c
}

func mul(s shape) *Case {
	c := pointwise(compute.OpMul, s.String(), s, []string{"a", "b"}, func(_ int, v []float64) (float64, []float64) {
		return v[0] * v[1], []float64{v[1], v[0]}
	})
	c.Onto = true
	c.Forward = func(r *Run) { r.Device.Mul(r.Out[0], r.In[0], r.In[1], r.Add) }
	c.Backward = func(r *Run) {
		r.Device.Mul(r.DIn[0], r.DOut, r.In[1], r.Add)
		r.Device.Mul(r.DIn[1], r.DOut, r.In[0], r.Add)
	}
	return c
}

func scale(s shape) *Case {
	const by = -0.375
	c := pointwise(compute.OpScale, s.String(), s, []string{"x"}, func(_ int, v []float64) (float64, []float64) {
		return by * v[0], []float64{by}
	})
	c.Onto = true
	c.Forward = func(r *Run) { r.Device.Scale(r.Out[0], r.In[0], by, r.Add) }
	c.Backward = func(r *Run) { r.Device.Scale(r.DIn[0], r.DOut, by, r.Add) }
	return c
}

// rowwise is a case whose result is, in every row, f of the input's row and a vector.
func rowwise(op compute.Op, s shape, f func(x, v float64) (y, dx, dv float64)) *Case {
	return &Case{
		Op: op, Name: s.String(),
		In:      []Operand{x("x", s.rows, s.cols).gap(s.gap), vec("v", s.cols)},
		Out:     []Operand{result("y", s.rows, s.cols).gap(s.gap)},
		InPlace: []int{0},
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				y := NewMatrix(s.rows, s.cols)
				for i := range y.Data {
					y.Data[i], _, _ = f(in[0].Data[i], in[1].Data[i%s.cols])
				}
				return []Matrix{y}
			},
			Backward: func(in, _ []Matrix, dy Matrix, d []Matrix) {
				for i, g := range dy.Data {
					_, dx, dv := f(in[0].Data[i], in[1].Data[i%s.cols])
					d[0].Data[i] += g * dx
					d[1].Data[i%s.cols] += g * dv
				}
			},
		},
		Flops: int64(s.rows * s.cols), Bytes: int64(8 * s.rows * s.cols),
	}
}

func addRow(s shape) *Case {
	c := rowwise(compute.OpAddRow, s, func(x, v float64) (float64, float64, float64) { return x + v, 1, 1 })
	c.Forward = func(r *Run) { r.Device.AddRow(r.Out[0], r.In[0], r.Vec(1)) }
	c.Backward = func(r *Run) {
		r.Device.Scale(r.DIn[0], r.DOut, 1, r.Add)
		r.Device.ColumnSum(r.DVec(1), r.DOut)
	}
	return c
}

func mulRow(s shape) *Case {
	c := rowwise(compute.OpMulRow, s, func(x, v float64) (float64, float64, float64) { return x * v, v, x })
	c.Onto = true
	c.Forward = func(r *Run) { r.Device.MulRow(r.Out[0], r.In[0], r.Vec(1), r.Add) }
	c.Backward = func(r *Run) {
		r.Device.MulRow(r.DIn[0], r.DOut, r.Vec(1), r.Add)
		r.Device.ColumnDot(r.DVec(1), r.DOut, r.In[0])
	}
	return c
}

// kept is the factor of element e under dropout: 0, or 1/(1-P).
func kept(d compute.Dropout, e uint64) float64 {
	if d.P > 0 && chance.Float(chance.Key{Seed: d.Seed, Step: d.Step, Site: d.Site}, e) < d.P {
		return 0
	}
	return 1 / (1 - float64(d.P))
}

func drop(s shape, p float32) *Case {
	d := compute.Dropout{P: p, Seed: 11, Step: 3 << 40, Site: 5 << 33}
	c := pointwise(compute.OpDrop, fmt.Sprintf("%v, p %.2g", s, p), s, []string{"x"}, func(i int, v []float64) (float64, []float64) {
		k := kept(d, uint64(i))
		if k == 0 {
			return 0, []float64{0}
		}
		return v[0] * k, []float64{k}
	})
	c.Onto = true
	c.Forward = func(r *Run) { r.Device.Drop(r.Out[0], r.In[0], d, r.Add) }
	c.Backward = func(r *Run) { r.Device.Drop(r.DIn[0], r.DOut, d, r.Add) }
	return c
}

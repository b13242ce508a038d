package cpu

import "trimtab/compute"

// put writes v to *p, or adds it.
func put(p *float32, v float32, add bool) {
	if add {
		v += *p
	}
	*p = v
}

func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func axpy(y []float32, s float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += s * v
	}
}

// Linear is y = x·wᵀ + bias.
func (d *Device) Linear(y, x compute.Mat, w compute.Weight, bias []float32) {
	m := w.(*weight).m
	shaped("Linear", x, x.Rows, m.Cols)
	shaped("Linear", y, x.Rows, m.Rows)
	long("Linear", bias, m.Rows)
	for i := range x.Rows {
		xi, yi := x.Row(i), y.Row(i)
		for o := range yi {
			yi[o] = dot(xi, m.Row(o))
			if bias != nil {
				yi[o] += bias[o]
			}
		}
	}
}

// LinearBackward is dx (+)= dy·w.
func (d *Device) LinearBackward(dx, dy compute.Mat, w compute.Weight, add bool) {
	d.MatMul(dx, dy, w.(*weight).m, false, false, 1, add)
}

// LinearRows is y[i,j] = x[i]·w[rows[j]] + bias[rows[j]].
func (d *Device) LinearRows(y, x compute.Mat, w compute.Weight, bias []float32, rows []int32) {
	m := w.(*weight).m
	shaped("LinearRows", x, x.Rows, m.Cols)
	shaped("LinearRows", y, x.Rows, len(rows))
	long("LinearRows", bias, m.Rows)
	for i := range x.Rows {
		xi, yi := x.Row(i), y.Row(i)
		for j, o := range rows {
			yi[j] = dot(xi, m.Row(int(o)))
			if bias != nil {
				yi[j] += bias[o]
			}
		}
	}
}

// LinearRowsBackward is dx (+)= Σⱼ dy[i,j]·w[rows[j]].
func (d *Device) LinearRowsBackward(dx, dy compute.Mat, w compute.Weight, rows []int32, add bool) {
	m := w.(*weight).m
	shaped("LinearRowsBackward", dx, dy.Rows, m.Cols)
	shaped("LinearRowsBackward", dy, dy.Rows, len(rows))
	for i := range dy.Rows {
		if !add {
			clear(dx.Row(i))
		}
		for j, o := range rows {
			axpy(dx.Row(i), dy.Row(i)[j], m.Row(int(o)))
		}
	}
}

// MatMul is c (+)= alpha·op(a)·op(b).
func (d *Device) MatMul(c, a, b compute.Mat, ta, tb bool, alpha float32, add bool) {
	m, k, n := a.Rows, a.Cols, b.Cols
	if ta {
		m, k = k, m
	}
	if tb {
		n = b.Rows
		shaped("MatMul", b, n, k)
	} else {
		shaped("MatMul", b, k, n)
	}
	shaped("MatMul", c, m, n)
	for i := range m {
		ci := c.Row(i)
		if !add {
			clear(ci)
		}
		if tb && !ta {
			ai := a.Row(i)
			for j := range ci {
				ci[j] += alpha * dot(ai, b.Row(j))
			}
			continue
		}
		for l := range k {
			var av float32
			if ta {
				av = a.Row(l)[i]
			} else {
				av = a.Row(i)[l]
			}
			if !tb {
				axpy(ci, alpha*av, b.Row(l))
				continue
			}
			for j := range ci {
				ci[j] += alpha * av * b.Row(j)[l]
			}
		}
	}
}

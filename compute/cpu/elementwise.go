package cpu

import (
	"math"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// Add is y = a + b.
func (d *Device) Add(y, a, b compute.Mat) {
	like("Add", y, a, b)
	for i := range y.Rows {
		yi, ai, bi := y.Row(i), a.Row(i), b.Row(i)
		for j := range yi {
			yi[j] = ai[j] + bi[j]
		}
	}
}

// Mul is y (+)= a∘b.
func (d *Device) Mul(y, a, b compute.Mat, add bool) {
	like("Mul", y, a, b)
	for i := range y.Rows {
		yi, ai, bi := y.Row(i), a.Row(i), b.Row(i)
		for j := range yi {
			put(&yi[j], ai[j]*bi[j], add)
		}
	}
}

// Scale is y (+)= s·x.
func (d *Device) Scale(y, x compute.Mat, s float32, add bool) {
	like("Scale", y, x)
	for i := range y.Rows {
		yi, xi := y.Row(i), x.Row(i)
		for j := range yi {
			put(&yi[j], s*xi[j], add)
		}
	}
}

// AddRow is y = x + v.
func (d *Device) AddRow(y, x compute.Mat, v []float32) {
	like("AddRow", y, x)
	long("AddRow", v, y.Cols)
	for i := range y.Rows {
		yi, xi := y.Row(i), x.Row(i)
		for j := range yi {
			yi[j] = xi[j] + v[j]
		}
	}
}

// MulRow is y (+)= x∘v.
func (d *Device) MulRow(y, x compute.Mat, v []float32, add bool) {
	like("MulRow", y, x)
	long("MulRow", v, y.Cols)
	for i := range y.Rows {
		yi, xi := y.Row(i), x.Row(i)
		for j := range yi {
			put(&yi[j], xi[j]*v[j], add)
		}
	}
}

// ColumnSum is dv += Σᵢ x[i].
func (d *Device) ColumnSum(dv []float32, x compute.Mat) {
	long("ColumnSum", dv, x.Cols)
	for i := range x.Rows {
		axpy(dv, 1, x.Row(i))
	}
}

// ColumnDot is dv += Σᵢ a[i]∘b[i].
func (d *Device) ColumnDot(dv []float32, a, b compute.Mat) {
	like("ColumnDot", a, b)
	long("ColumnDot", dv, a.Cols)
	for i := range a.Rows {
		ai, bi := a.Row(i), b.Row(i)
		for j := range dv {
			dv[j] += ai[j] * bi[j]
		}
	}
}

// activation is f(x) and f′(x).
func activation(f compute.Activation, x float64) (y, slope float64) {
	switch f {
	case compute.Identity:
		return x, 1
	case compute.GELU:
		phi := 0.5 * math.Erfc(-x/math.Sqrt2)
		return x * phi, phi + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case compute.GELUTanh:
		c := math.Sqrt(2 / math.Pi)
		t := math.Tanh(c * (x + 0.044715*x*x*x))
		return 0.5 * x * (1 + t), 0.5*(1+t) + 0.5*x*(1-t*t)*c*(1+3*0.044715*x*x)
	case compute.SiLU:
		s := 1 / (1 + math.Exp(-x))
		return x * s, s * (1 + x*(1-s))
	case compute.ReLU:
		if x <= 0 {
			return 0, 0
		}
		return x, 1
	case compute.Tanh:
		t := math.Tanh(x)
		return t, 1 - t*t
	case compute.Sigmoid:
		s := 1 / (1 + math.Exp(-x))
		return s, s * (1 - s)
	}
	panic("cpu: unknown activation")
}

// Activate is y = f(x).
func (d *Device) Activate(y, x compute.Mat, f compute.Activation) {
	like("Activate", y, x)
	for i := range y.Rows {
		yi, xi := y.Row(i), x.Row(i)
		for j := range yi {
			v, _ := activation(f, float64(xi[j]))
			yi[j] = float32(v)
		}
	}
}

// ActivateBackward is dx (+)= dy∘f′(x).
func (d *Device) ActivateBackward(dx, dy, x compute.Mat, f compute.Activation, add bool) {
	like("ActivateBackward", dx, dy, x)
	for i := range dx.Rows {
		dxi, dyi, xi := dx.Row(i), dy.Row(i), x.Row(i)
		for j := range dxi {
			_, s := activation(f, float64(xi[j]))
			put(&dxi[j], dyi[j]*float32(s), add)
		}
	}
}

// Gate is y = f(g)∘u.
func (d *Device) Gate(y, g, u compute.Mat, f compute.Activation) {
	like("Gate", y, g, u)
	for i := range y.Rows {
		yi, gi, ui := y.Row(i), g.Row(i), u.Row(i)
		for j := range yi {
			v, _ := activation(f, float64(gi[j]))
			yi[j] = float32(v) * ui[j]
		}
	}
}

// GateBackward is dg (+)= dy∘u∘f′(g), du (+)= dy∘f(g).
func (d *Device) GateBackward(dg, du, dy, g, u compute.Mat, f compute.Activation, addG, addU bool) {
	like("GateBackward", dy, g, u)
	for i := range dy.Rows {
		dyi, gi, ui := dy.Row(i), g.Row(i), u.Row(i)
		for j := range dyi {
			v, s := activation(f, float64(gi[j]))
			dyj, uj := dyi[j], ui[j]
			if dg.Exists() {
				put(&dg.Row(i)[j], dyj*uj*float32(s), addG)
			}
			if du.Exists() {
				put(&du.Row(i)[j], dyj*float32(v), addU)
			}
		}
	}
}

// dropped is the factor of element e: 0 or 1/(1-P).
func dropped(r *compute.Dropout, e uint64) float32 {
	if r.P == 0 {
		return 1
	}
	if chance.Float(chance.Key{Seed: r.Seed, Step: r.Step, Site: r.Site}, e) < r.P {
		return 0
	}
	return 1 / (1 - r.P)
}

// Drop is y (+)= x with dropout.
func (d *Device) Drop(y, x compute.Mat, r compute.Dropout, add bool) {
	like("Drop", y, x)
	for i := range y.Rows {
		yi, xi := y.Row(i), x.Row(i)
		for j := range yi {
			v := xi[j]
			if f := dropped(&r, uint64(i*y.Cols+j)); f == 0 {
				v = 0
			} else {
				v *= f
			}
			put(&yi[j], v, add)
		}
	}
}

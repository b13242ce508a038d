package cases

import (
	"fmt"
	"math"

	"trimtab/compute"
)

// nonlinear are the definitions of the activations: f(x) and f′(x).
var nonlinear = []struct {
	name string
	f    compute.Activation
	at   func(x float64) (y, slope float64)
}{
	{"identity", compute.Identity, func(x float64) (float64, float64) { return x, 1 }},
	{"gelu", compute.GELU, func(x float64) (float64, float64) {
		phi := math.Erfc(-x/math.Sqrt2) / 2
		return x * phi, phi + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}},
	{"gelu tanh", compute.GELUTanh, func(x float64) (float64, float64) {
		c := math.Sqrt(2 / math.Pi)
		t := math.Tanh(c * (x + 0.044715*x*x*x))
		slope := (1 + t) / 2
		if t*t < 1 { // else flat, however far away
			slope += x * (1 - t*t) * c * (1 + 3*0.044715*x*x) / 2
		}
		return x * (1 + t) / 2, slope
	}},
	{"silu", compute.SiLU, func(x float64) (float64, float64) {
		s := logistic(x)
		return x * s, s + x*s*(1-s)
	}},
	{"relu", compute.ReLU, func(x float64) (float64, float64) {
		if x <= 0 {
			return 0, 0
		}
		return x, 1
	}},
	{"tanh", compute.Tanh, func(x float64) (float64, float64) {
		t := math.Tanh(x)
		return t, 1 - t*t
	}},
	{"sigmoid", compute.Sigmoid, func(x float64) (float64, float64) {
		s := logistic(x)
		return s, s * (1 - s)
	}},
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func activations() []*Case {
	var all []*Case
	for i := range nonlinear {
		for _, s := range []shape{{0, 4, 0}, {1, 1, 0}, {5, 33, 2}, {70, 257, 0}} {
			all = append(all, activate(i, s, 1), gate(i, s))
		}
		all = append(all, activate(i, shape{3, 200, 0}, 3))
	}
	return all
}

func activate(i int, s shape, size float32) *Case {
	a := nonlinear[i]
	name := fmt.Sprintf("%s, %v", a.name, s)
	if size != 1 {
		name += ", large"
	}
	c := pointwise(compute.OpActivate, name, s, []string{"x"}, func(_ int, v []float64) (float64, []float64) {
		y, slope := a.at(v[0])
		return y, []float64{slope}
	})
	c.In[0].Size = size
	c.Flops = int64(10 * s.rows * s.cols)
	c.Forward = func(r *Run) { r.Device.Activate(r.Out[0], r.In[0], a.f) }
	c.Backward = func(r *Run) { r.Device.ActivateBackward(r.DIn[0], r.DOut, r.In[0], a.f, r.Add) }
	return c
}

func gate(i int, s shape) *Case {
	a := nonlinear[i]
	c := pointwise(compute.OpGate, fmt.Sprintf("%s, %v", a.name, s), s, []string{"g", "u"}, func(_ int, v []float64) (float64, []float64) {
		y, slope := a.at(v[0])
		if slope != 0 { // a gate that is shut passes nothing on, not even NaN
			slope *= v[1]
		}
		return y * v[1], []float64{slope, y}
	})
	c.Omits = true
	c.Flops = int64(11 * s.rows * s.cols)
	c.Forward = func(r *Run) { r.Device.Gate(r.Out[0], r.In[0], r.In[1], a.f) }
	c.Backward = func(r *Run) {
		r.Device.GateBackward(r.DIn[0], r.DIn[1], r.DOut, r.In[0], r.In[1], a.f, r.Add, r.Add)
	}
	return c
}

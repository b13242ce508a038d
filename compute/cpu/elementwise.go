package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// Add is y = a + b.
func (d *Device) Add(y, a, b compute.Mat) {
	like("Add", y, a, b)
	d.each(operands{y: y, a: a, b: b, apply: func(k *kernel.Set, w *worker, o *operands) {
		k.Add(w.piece.y, w.piece.a, w.piece.b)
	}})
}

// Mul is y (+)= a∘b.
func (d *Device) Mul(y, a, b compute.Mat, add bool) {
	like("Mul", y, a, b)
	d.each(operands{y: y, a: a, b: b, add: add, apply: func(k *kernel.Set, w *worker, o *operands) {
		p := &w.piece
		to := w.target(p.y, o.add)
		k.Mul(to, p.a, p.b)
		finish(k, p.y, to, o.add)
	}})
}

// target is where an operation on a piece writes: y, or scratch that finish adds to y.
func (w *worker) target(y []float32, add bool) []float32 {
	if add {
		return w.floats(workerTemp, len(y))
	}
	return y
}

func finish(k *kernel.Set, y, from []float32, add bool) {
	if add {
		k.Add(y, y, from)
	}
}

// Scale is y (+)= s·x.
func (d *Device) Scale(y, x compute.Mat, s float32, add bool) {
	like("Scale", y, x)
	d.each(operands{y: y, a: x, s: s, add: add, apply: func(k *kernel.Set, w *worker, o *operands) {
		if o.add {
			k.Axpy(w.piece.y, w.piece.a, o.s)
		} else {
			k.Scale(w.piece.y, w.piece.a, o.s)
		}
	}})
}

// AddRow is y = x + v.
func (d *Device) AddRow(y, x compute.Mat, v []float32) {
	like("AddRow", y, x)
	long("AddRow", v, y.Cols)
	d.each(operands{y: y, a: x, v: v, apply: func(k *kernel.Set, w *worker, o *operands) {
		k.Add(w.piece.y, w.piece.a, w.piece.v)
	}})
}

// MulRow is y (+)= x∘v.
func (d *Device) MulRow(y, x compute.Mat, v []float32, add bool) {
	like("MulRow", y, x)
	long("MulRow", v, y.Cols)
	d.each(operands{y: y, a: x, v: v, add: add, apply: func(k *kernel.Set, w *worker, o *operands) {
		p := &w.piece
		to := w.target(p.y, o.add)
		k.Mul(to, p.a, p.v)
		finish(k, p.y, to, o.add)
	}})
}

// Activate is y = f(x).
func (d *Device) Activate(y, x compute.Mat, f compute.Activation) {
	like("Activate", y, x)
	d.each(operands{y: y, a: x, f: f, apply: func(k *kernel.Set, w *worker, o *operands) {
		activate(k, o.f, w.piece.y, w.piece.a)
	}})
}

// ActivateBackward is dx (+)= dy∘f′(x).
func (d *Device) ActivateBackward(dx, dy, x compute.Mat, f compute.Activation, add bool) {
	like("ActivateBackward", dx, dy, x)
	d.each(operands{y: dx, a: dy, b: x, f: f, add: add, apply: func(k *kernel.Set, w *worker, o *operands) {
		p := &w.piece
		to := w.target(p.y, o.add)
		activateBackward(k, w, o.f, to, p.a, p.b)
		finish(k, p.y, to, o.add)
	}})
}

// Gate is y = f(g)∘u.
func (d *Device) Gate(y, g, u compute.Mat, f compute.Activation) {
	like("Gate", y, g, u)
	d.each(operands{y: y, a: g, b: u, f: f, apply: func(k *kernel.Set, w *worker, o *operands) {
		p := &w.piece
		if o.f == compute.SiLU {
			k.SwiGLU(p.y, p.a, p.b)
			return
		}
		t := w.floats(workerTemp, len(p.y))
		activate(k, o.f, t, p.a)
		k.Mul(p.y, t, p.b)
	}})
}

// GateBackward is dg (+)= dy∘u∘f′(g), du (+)= dy∘f(g).
func (d *Device) GateBackward(dg, du, dy, g, u compute.Mat, f compute.Activation, addG, addU bool) {
	like("GateBackward", dy, g, u)
	for _, m := range [...]compute.Mat{dg, du} {
		if m.Exists() {
			like("GateBackward", dy, m)
		}
	}
	d.each(operands{y: dg, z: du, a: dy, b: g, c: u, f: f, add: addG, addZ: addU, apply: gateBackward})
}

// gateBackward computes both gradients before it writes either, since they may
// lie where an input does.
func gateBackward(k *kernel.Set, w *worker, o *operands) {
	p := &w.piece
	n := len(p.a)
	toG, toU := w.floats(workerLeft, n), w.floats(workerRight, n)
	if o.f == compute.SiLU {
		k.SwiGLUBackward(toG, toU, p.b, p.c, p.a)
	} else {
		activate(k, o.f, toU, p.b)
		k.Mul(toU, toU, p.a)
		k.Mul(toG, p.a, p.c)
		activateBackward(k, w, o.f, toG, toG, p.b)
	}
	give(k, p.y, toG, o.add)
	give(k, p.z, toU, o.addZ)
}

// give writes from to y, or adds it, if y is there.
func give(k *kernel.Set, y, from []float32, add bool) {
	switch {
	case y == nil:
	case add:
		k.Add(y, y, from)
	default:
		copy(y, from)
	}
}

// Drop is y (+)= x with dropout.
func (d *Device) Drop(y, x compute.Mat, r compute.Dropout, add bool) {
	like("Drop", y, x)
	d.each(operands{y: y, a: x, drop: r, add: add, apply: func(k *kernel.Set, w *worker, o *operands) {
		p := &w.piece
		to := w.target(p.y, o.add)
		dropout(k, to, p.a, &o.drop, uint64(p.first))
		finish(k, p.y, to, o.add)
	}})
}

package autograd

import "trimtab/compute"

type add struct{ a, b, y *Value }

// Add is a + b.
func (t *Tape) Add(a, b *Value) *Value {
	t.same(compute.OpAdd, a, b)
	o := fresh[add](t)
	*o = add{a, b, t.value(a.Rows, a.Cols)}
	t.record(o, compute.OpAdd, t.list(o.y), t.list(a, b)).overwrites()
	return o.y
}

func (o *add) forward(t *Tape) { t.dev.Add(o.y.data, o.a.data, o.b.data) }

func (o *add) backward(t *Tape) {
	for _, x := range [...]*Value{o.a, o.b} {
		if dx, add, ok := t.gradient(x); ok {
			t.passOn(dx, o.y.grad, add)
		}
	}
}

// passOn is dx (+)= dy. Where a gradient has taken over the memory of the one that it is, there is nothing to do.
func (t *Tape) passOn(dx, dy compute.Mat, add bool) {
	if add || !sameMemory(dx, dy) {
		t.dev.Scale(dx, dy, 1, add)
	}
}

type mul struct{ a, b, y *Value }

// Mul is a∘b, element by element.
func (t *Tape) Mul(a, b *Value) *Value {
	t.same(compute.OpMul, a, b)
	o := fresh[mul](t)
	*o = mul{a, b, t.value(a.Rows, a.Cols)}
	t.record(o, compute.OpMul, t.list(o.y), t.list(a, b)).keep = t.list(a, b)
	return o.y
}

func (o *mul) forward(t *Tape) { t.dev.Mul(o.y.data, o.a.data, o.b.data, false) }

func (o *mul) backward(t *Tape) {
	if da, add, ok := t.gradient(o.a); ok {
		t.dev.Mul(da, o.y.grad, o.b.data, add)
	}
	if db, add, ok := t.gradient(o.b); ok {
		t.dev.Mul(db, o.y.grad, o.a.data, add)
	}
}

type scale struct {
	x, y *Value
	s    float32
}

// Scale is s·x.
func (t *Tape) Scale(x *Value, s float32) *Value {
	o := fresh[scale](t)
	*o = scale{x, t.value(x.Rows, x.Cols), s}
	t.record(o, compute.OpScale, t.list(o.y), t.list(x)).overwrites()
	return o.y
}

func (o *scale) forward(t *Tape) { t.dev.Scale(o.y.data, o.x.data, o.s, false) }

func (o *scale) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.Scale(dx, o.y.grad, o.s, add)
	}
}

type addRow struct{ x, v, y *Value }

// AddRow is x + v [1, cols], added to every row.
func (t *Tape) AddRow(x, v *Value) *Value {
	t.row(compute.OpAddRow, x, v)
	o := fresh[addRow](t)
	*o = addRow{x, v, t.value(x.Rows, x.Cols)}
	t.record(o, compute.OpAddRow, t.list(o.y), t.list(x, v)).overwrites()
	return o.y
}

func (o *addRow) forward(t *Tape) { t.dev.AddRow(o.y.data, o.x.data, o.v.vector()) }

func (o *addRow) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.passOn(dx, o.y.grad, add)
	}
	if dv := t.vectorGradient(o.v); dv != nil {
		t.dev.ColumnSum(dv, o.y.grad)
	}
}

type mulRow struct{ x, v, y *Value }

// MulRow is x∘v [1, cols], every row.
func (t *Tape) MulRow(x, v *Value) *Value {
	t.row(compute.OpMulRow, x, v)
	o := fresh[mulRow](t)
	*o = mulRow{x, v, t.value(x.Rows, x.Cols)}
	n := t.record(o, compute.OpMulRow, t.list(o.y), t.list(x, v))
	if v.needs {
		n.keep = t.list(x, v)
	} else {
		n.keep = t.list(v)
	}
	return o.y
}

func (o *mulRow) forward(t *Tape) { t.dev.MulRow(o.y.data, o.x.data, o.v.vector(), false) }

func (o *mulRow) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.MulRow(dx, o.y.grad, o.v.vector(), add)
	}
	if dv := t.vectorGradient(o.v); dv != nil {
		t.dev.ColumnDot(dv, o.y.grad, o.x.data)
	}
}

type activate struct {
	x, y *Value
	f    compute.Activation
}

// Activate is f(x).
func (t *Tape) Activate(x *Value, f compute.Activation) *Value {
	if f == compute.Identity {
		return x
	}
	o := fresh[activate](t)
	*o = activate{x, t.value(x.Rows, x.Cols), f}
	n := t.record(o, compute.OpActivate, t.list(o.y), t.list(x))
	n.overwrites()
	n.keep, n.cheap, n.byRows = t.list(x), true, true
	return o.y
}

func (o *activate) forward(t *Tape) {
	step := t.stripOf(o.x)
	for from := 0; from < o.x.Rows; from += step {
		to := min(from+step, o.x.Rows)
		t.dev.Activate(o.y.data.RowRange(from, to), t.rows(o.x, from, to), o.f)
	}
}

func (o *activate) backward(t *Tape) {
	dx, add, ok := t.gradient(o.x)
	if !ok {
		return
	}
	step := t.stripOf(o.x)
	for from := 0; from < o.x.Rows; from += step {
		to := min(from+step, o.x.Rows)
		t.dev.ActivateBackward(dx.RowRange(from, to), o.y.grad.RowRange(from, to), t.rows(o.x, from, to), o.f, add)
	}
}

type gate struct {
	g, u, y *Value
	f       compute.Activation
}

// Gate is f(g)∘u: SwiGLU with SiLU, GeGLU with GELU (Shazeer 2020).
func (t *Tape) Gate(g, u *Value, f compute.Activation) *Value {
	t.same(compute.OpGate, g, u)
	o := fresh[gate](t)
	*o = gate{g, u, t.value(g.Rows, g.Cols), f}
	n := t.record(o, compute.OpGate, t.list(o.y), t.list(g, u))
	n.keep, n.inPlace, n.cheap, n.byRows = t.list(g, u), true, true, true
	return o.y
}

func (o *gate) forward(t *Tape) {
	step := t.stripOf(o.g)
	for from := 0; from < o.g.Rows; from += step {
		to := min(from+step, o.g.Rows)
		t.dev.Gate(o.y.data.RowRange(from, to), t.rows(o.g, from, to), t.rows(o.u, from, to), o.f)
	}
}

func (o *gate) backward(t *Tape) {
	dg, addG, _ := t.gradient(o.g)
	du, addU, _ := t.gradient(o.u)
	step := t.stripOf(o.g)
	for from := 0; from < o.g.Rows; from += step {
		to := min(from+step, o.g.Rows)
		t.dev.GateBackward(rowsOf(dg, from, to), rowsOf(du, from, to), o.y.grad.RowRange(from, to), t.rows(o.g, from, to), t.rows(o.u, from, to), o.f, addG, addU)
	}
}

// rowsOf are rows [from, to) of m; a matrix that is left out stays so.
func rowsOf(m compute.Mat, from, to int) compute.Mat {
	if !m.Exists() {
		return m
	}
	return m.RowRange(from, to)
}

type drop struct {
	x, y *Value
	d    compute.Dropout
}

// Drop is x with dropout; with d.P = 0 it is x.
func (t *Tape) Drop(x *Value, d compute.Dropout) *Value {
	if d.P == 0 {
		return x
	}
	o := fresh[drop](t)
	*o = drop{x, t.value(x.Rows, x.Cols), d}
	t.record(o, compute.OpDrop, t.list(o.y), t.list(x)).overwrites()
	return o.y
}

func (o *drop) forward(t *Tape) { t.dev.Drop(o.y.data, o.x.data, o.d, false) }

func (o *drop) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.Drop(dx, o.y.grad, o.d, add)
	}
}

// same fails the tape unless a and b have one shape.
func (t *Tape) same(row compute.Op, a, b *Value) {
	t.need(a.Rows == b.Rows && a.Cols == b.Cols, row, "[%d, %d] and [%d, %d]", a.Rows, a.Cols, b.Rows, b.Cols)
}

// row fails the tape unless v is a row of x's width.
func (t *Tape) row(row compute.Op, x, v *Value) {
	t.need(v.Rows == 1 && v.Cols == x.Cols, row, "[%d, %d] and a row [%d, %d]", x.Rows, x.Cols, v.Rows, v.Cols)
}

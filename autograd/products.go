package autograd

import "trimtab/compute"

type linear struct {
	x, y, bias *Value
	w          compute.Weight
}

// Linear is x [m, in]·wᵀ + bias [1, out] for a frozen weight; bias may be nil.
func (t *Tape) Linear(x *Value, w compute.Weight, bias *Value) *Value {
	t.need(x.Cols == w.In(), compute.OpLinear, "x [%d, %d] for a weight [%d, %d]", x.Rows, x.Cols, w.Out(), w.In())
	t.need(bias == nil || bias.Cols == w.Out(), compute.OpLinear, "a bias for a weight [%d, %d]", w.Out(), w.In())
	o := fresh[linear](t)
	*o = linear{x: x, y: t.value(x.Rows, w.Out()), bias: bias, w: w}
	n := t.record(o, compute.OpLinear, t.list(o.y), t.list(x, bias))
	n.flops = product(x.Rows, w.Out(), w.In())
	if x.needs {
		n.twice = n.flops
	}
	return o.y
}

func (o *linear) forward(t *Tape) { t.dev.Linear(o.y.data, o.x.data, o.w, o.bias.vector()) }

func (o *linear) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.LinearBackward(dx, o.y.grad, o.w, add)
	}
	if db := t.vectorGradient(o.bias); db != nil {
		t.dev.ColumnSum(db, o.y.grad)
	}
}

type linearRows struct {
	x, y *Value
	bias []float32
	w    compute.Weight
	rows []int32
}

// LinearRows is column j = x·w[rows[j]] + bias[rows[j]] for a frozen weight: the
// wanted rows of a vocabulary. bias [out] may be nil.
func (t *Tape) LinearRows(x *Value, w compute.Weight, bias []float32, rows []int32) *Value {
	t.need(x.Cols == w.In(), compute.OpLinearRows, "x [%d, %d] for a weight [%d, %d]", x.Rows, x.Cols, w.Out(), w.In())
	o := fresh[linearRows](t)
	*o = linearRows{x: x, y: t.value(x.Rows, len(rows)), bias: bias, w: w, rows: rows}
	n := t.record(o, compute.OpLinearRows, t.list(o.y), t.list(x))
	n.flops = product(x.Rows, len(rows), w.In())
	n.twice = n.flops
	return o.y
}

func (o *linearRows) forward(t *Tape) {
	t.dev.LinearRows(o.y.data, o.x.data, o.w, o.bias, o.rows)
}

func (o *linearRows) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.LinearRowsBackward(dx, o.y.grad, o.w, o.rows, add)
	}
}

type matMul struct {
	a, b, onto, y *Value
	ta, tb        bool
	alpha         float32
}

// MatMul is alpha·op(a)·op(b), where op transposes if ta or tb say so.
func (t *Tape) MatMul(a, b *Value, ta, tb bool, alpha float32) *Value {
	return t.MatMulOnto(nil, a, b, ta, tb, alpha)
}

// MatMulOnto is onto + alpha·op(a)·op(b), in onto's memory where nothing else reads it.
func (t *Tape) MatMulOnto(onto, a, b *Value, ta, tb bool, alpha float32) *Value {
	m, k := orient(a, ta)
	k2, n := orient(b, tb)
	t.need(k == k2, compute.OpMatMul, "[%d, %d] times [%d, %d]", m, k, k2, n)
	t.need(onto == nil || onto.Rows == m && onto.Cols == n, compute.OpMatMul, "[%d, %d] onto another shape", m, n)
	o := fresh[matMul](t)
	*o = matMul{a: a, b: b, onto: onto, y: t.value(m, n), ta: ta, tb: tb, alpha: alpha}
	nd := t.record(o, compute.OpMatMul, t.list(o.y), t.list(onto, a, b))
	nd.inPlace = onto != nil && a.root() != onto && b.root() != onto // a product reads its operands while it writes
	nd.gradientInPlace = nd.inPlace
	nd.flops = product(m, n, k)
	switch {
	case a.needs && b.needs:
		nd.keep, nd.twice = t.list(a, b), 2*nd.flops
	case a.needs:
		nd.keep, nd.twice = t.list(b), nd.flops
	case b.needs:
		nd.keep, nd.twice = t.list(a), nd.flops
	}
	return o.y
}

func (o *matMul) forward(t *Tape) {
	if o.onto != nil && !sameMemory(o.y.data, o.onto.data) {
		t.dev.Scale(o.y.data, o.onto.data, 1, false)
	}
	t.dev.MatMul(o.y.data, o.a.data, o.b.data, o.ta, o.tb, o.alpha, o.onto != nil)
}

func (o *matMul) backward(t *Tape) {
	dy := o.y.grad
	if d, add, ok := t.gradient(o.onto); ok {
		t.passOn(d, dy, add)
	}
	if da, add, ok := t.gradient(o.a); ok {
		if o.ta {
			t.dev.MatMul(da, o.b.data, dy, o.tb, true, o.alpha, add)
		} else {
			t.dev.MatMul(da, dy, o.b.data, false, !o.tb, o.alpha, add)
		}
	}
	if db, add, ok := t.gradient(o.b); ok {
		if o.tb {
			t.dev.MatMul(db, dy, o.a.data, true, o.ta, o.alpha, add)
		} else {
			t.dev.MatMul(db, o.a.data, dy, !o.ta, false, o.alpha, add)
		}
	}
}

func orient(v *Value, transposed bool) (rows, cols int) {
	if transposed {
		return v.Cols, v.Rows
	}
	return v.Rows, v.Cols
}

func product(m, n, k int) int64 { return 2 * int64(m) * int64(n) * int64(k) }

type rowNorms struct {
	norms, b, a *Value
	w           compute.Weight
	scale       float32
}

// RowNorms is [1, out], the norms of the rows of w + scale·b·a, for w [out, in], b
// [out, r] and a [r, in]. It has no backward: give it detached values.
func (t *Tape) RowNorms(w compute.Weight, b, a *Value, scale float32) *Value {
	t.need(b.Rows == w.Out() && a.Cols == w.In() && a.Rows == b.Cols, compute.OpRowNorms,
		"b [%d, %d], a [%d, %d] for a weight [%d, %d]", b.Rows, b.Cols, a.Rows, a.Cols, w.Out(), w.In())
	o := fresh[rowNorms](t)
	*o = rowNorms{norms: t.value(1, w.Out()), b: b, a: a, w: w, scale: scale}
	t.record(o, compute.OpRowNorms, t.list(o.norms), t.list(b, a)).flops = product(w.Out(), w.In(), a.Rows)
	return o.norms
}

func (o *rowNorms) forward(t *Tape) {
	t.dev.RowNorms(o.norms.vector(), o.w, o.b.data, o.a.data, o.scale)
}

func (o *rowNorms) backward(*Tape) {}

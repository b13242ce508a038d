package autograd

import "trimtab/compute"

type attend struct {
	q, k, v, bias, y, lse *Value
	a                     compute.Attention
}

// Attend is scaled dot-product attention (Vaswani et al. 2017) over a packed
// batch, as a describes it: q [queries, Heads·HeadDim], k and v [keys, KVHeads·HeadDim], and bias, the relative one [buckets, Heads]; nil for none.
func (t *Tape) Attend(q, k, v, bias *Value, a compute.Attention) *Value {
	t.attention(q, k, v, bias, &a)
	o := fresh[attend](t)
	*o = attend{q: q, k: k, v: v, bias: bias, y: t.value(q.Rows, q.Cols), lse: t.aux(q.Rows * a.Heads), a: a}
	reads, keeps := t.list(q, k, v), t.list(q, k, v, o.lse)
	if bias != nil {
		reads, keeps = t.list(q, k, v, bias), t.list(q, k, v, bias, o.lse)
	}
	n := t.record(o, compute.OpAttend, t.list(o.y, o.lse), reads)
	n.keep = keeps
	for s := range a.Query {
		n.flops += 2 * product(int(a.Query[s].Len), a.Most(s), a.Heads*a.HeadDim)
	}
	n.twice = n.flops / 2 * 5
	return o.y
}

// attention fails the tape unless a fits its operands.
func (t *Tape) attention(q, k, v, bias *Value, a *compute.Attention) {
	const row = compute.OpAttend
	t.need(a.KVHeads > 0 && a.Heads%a.KVHeads == 0, row, "%d heads, %d of keys", a.Heads, a.KVHeads)
	t.need(q.Cols == a.Heads*a.HeadDim, row, "queries of %d columns for %d heads of %d", q.Cols, a.Heads, a.HeadDim)
	t.need(k.Cols == a.KVHeads*a.HeadDim && v.Cols == k.Cols && v.Rows == k.Rows, row,
		"keys [%d, %d], values [%d, %d] for %d heads of %d", k.Rows, k.Cols, v.Rows, v.Cols, a.KVHeads, a.HeadDim)
	t.need(len(a.Query) == len(a.Key), row, "%d segments of queries, %d of keys", len(a.Query), len(a.Key))
	t.need(a.Window == 0 || a.Window > 0 && a.Causal, row, "a window of %d keys, which needs to be above 0, and causal attention", a.Window)
	t.need(!a.Causal && bias == nil || len(a.Position) == q.Rows, row, "%d positions for %d queries", len(a.Position), q.Rows)
	if bias != nil {
		t.need(bias.Cols == a.Heads && len(a.Bucket) > 0, row, "a bias [%d, %d] and %d buckets for %d heads", bias.Rows, bias.Cols, len(a.Bucket), a.Heads)
		t.ids(row, a.Bucket, bias.Rows)
	}
	for s := range min(len(a.Query), len(a.Key)) {
		ok := a.Query[s].Start >= 0 && int(a.Query[s].End()) <= q.Rows && a.Key[s].Start >= 0 && int(a.Key[s].End()) <= k.Rows
		t.need(ok, row, "segment %d: rows [%d, %d) of %d, keys [%d, %d) of %d", s,
			int(a.Query[s].Start), int(a.Query[s].End()), q.Rows, int(a.Key[s].Start), int(a.Key[s].End()), k.Rows)
	}
}

// biased is the attention with its bias, where that lies now.
func (o *attend) biased() *compute.Attention {
	if o.bias != nil {
		o.a.Bias = o.bias.data
	}
	return &o.a
}

func (o *attend) forward(t *Tape) {
	var lse []float32
	if t.plan.backward {
		lse = o.lse.vector()
	}
	t.dev.Attend(o.y.data, lse, o.q.data, o.k.data, o.v.data, o.biased())
}

func (o *attend) backward(t *Tape) {
	dq, addQ, _ := t.gradient(o.q)
	dk, addK, _ := t.gradient(o.k)
	dv, addV, _ := t.gradient(o.v)
	dbias, add, ok := t.gradient(o.bias)
	if ok && !add {
		clear(dbias.Data)
	}
	t.dev.AttendBackward(dq, dk, dv, dbias, o.y.grad, o.q.data, o.k.data, o.v.data, o.lse.vector(), o.biased(), addQ, addK, addV)
}

type rotate struct {
	x, y      *Value
	positions []int32
	cos, sin  compute.Mat
	dim       int
}

// Rotate turns the pairs (i, i+dim/2) of every head of width dim by the angles of
// the row's position, whose cosines and sines are rows of cos and sin [positions,
// dim/2] (RoPE, Su et al. 2021, in the order of halves).
func (t *Tape) Rotate(x *Value, positions []int32, cos, sin compute.Mat, dim int) *Value {
	t.need(dim > 0 && x.Cols%dim == 0 && cos.Cols == dim/2, compute.OpRotate, "%d columns, heads of %d, tables of %d", x.Cols, dim, cos.Cols)
	t.need(len(positions) == x.Rows, compute.OpRotate, "%d positions for %d rows", len(positions), x.Rows)
	t.ids(compute.OpRotate, positions, cos.Rows)
	o := fresh[rotate](t)
	*o = rotate{x, t.value(x.Rows, x.Cols), positions, cos, sin, dim}
	t.record(o, compute.OpRotate, t.list(o.y), t.list(x)).inPlace = true
	return o.y
}

func (o *rotate) forward(t *Tape) {
	t.dev.Rotate(o.y.data, o.x.data, o.positions, o.cos, o.sin, o.dim, false, false)
}

func (o *rotate) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.Rotate(dx, o.y.grad, o.positions, o.cos, o.sin, o.dim, true, add)
	}
}

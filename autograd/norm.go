package autograd

import "trimtab/compute"

type layerNorm struct {
	x, y, gamma, beta, mean, rstd *Value
	eps                           float32
}

// LayerNorm is (x-mean)/√(var+eps)∘gamma + beta a row (Ba et al. 2016); beta may be nil.
func (t *Tape) LayerNorm(x, gamma, beta *Value, eps float32) *Value {
	t.row(compute.OpLayerNorm, x, gamma)
	o := fresh[layerNorm](t)
	*o = layerNorm{x: x, y: t.value(x.Rows, x.Cols), gamma: gamma, beta: beta, mean: t.aux(x.Rows), rstd: t.aux(x.Rows), eps: eps}
	n := t.record(o, compute.OpLayerNorm, t.list(o.y, o.mean, o.rstd), t.list(x, gamma, beta))
	n.keep, n.cheap = t.list(x, gamma, o.mean, o.rstd), true
	return o.y
}

func (o *layerNorm) forward(t *Tape) {
	t.dev.LayerNorm(o.y.data, o.x.data, o.gamma.vector(), o.beta.vector(), o.eps, o.mean.vector(), o.rstd.vector())
}

func (o *layerNorm) backward(t *Tape) {
	dx, add, _ := t.gradient(o.x)
	t.dev.LayerNormBackward(dx, t.vectorGradient(o.gamma), t.vectorGradient(o.beta),
		o.y.grad, o.x.data, o.gamma.vector(), o.mean.vector(), o.rstd.vector(), add)
}

type rmsNorm struct {
	x, y, gamma, rstd *Value
	eps               float32
}

// RMSNorm is x/√(mean(x²)+eps)∘gamma a row (Zhang & Sennrich 2019).
func (t *Tape) RMSNorm(x, gamma *Value, eps float32) *Value {
	t.row(compute.OpRMSNorm, x, gamma)
	o := fresh[rmsNorm](t)
	*o = rmsNorm{x: x, y: t.value(x.Rows, x.Cols), gamma: gamma, rstd: t.aux(x.Rows), eps: eps}
	n := t.record(o, compute.OpRMSNorm, t.list(o.y, o.rstd), t.list(x, gamma))
	n.keep, n.cheap = t.list(x, gamma, o.rstd), true
	return o.y
}

func (o *rmsNorm) forward(t *Tape) {
	t.dev.RMSNorm(o.y.data, o.x.data, o.gamma.vector(), o.eps, o.rstd.vector())
}

func (o *rmsNorm) backward(t *Tape) {
	dx, add, _ := t.gradient(o.x)
	t.dev.RMSNormBackward(dx, t.vectorGradient(o.gamma), o.y.grad, o.x.data, o.gamma.vector(), o.rstd.vector(), add)
}

type logSoftmax struct{ x, y *Value }

// LogSoftmax is x - log Σ exp(x), a row at a time.
func (t *Tape) LogSoftmax(x *Value) *Value {
	o := fresh[logSoftmax](t)
	*o = logSoftmax{x, t.value(x.Rows, x.Cols)}
	t.record(o, compute.OpLogSoftmax, t.list(o.y), t.list(x)).keep = t.list(o.y)
	precisely(o.y)
	return o.y
}

func (o *logSoftmax) forward(t *Tape) { t.dev.LogSoftmax(o.y.data, o.x.data) }

func (o *logSoftmax) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.LogSoftmaxBackward(dx, o.y.grad, o.y.data, add)
	}
}

type crossEntropy struct {
	x, loss, lse *Value
	target       []int32
	weight       []float32
	scale        float32
}

// CrossEntropy is the loss [1, 1]: scale·Σ weight[target]·(-log softmax(x)[target])
// over the rows of x whose target is not negative. A nil weight is ones.
func (t *Tape) CrossEntropy(x *Value, target []int32, weight []float32, scale float32) *Value {
	t.targets(target, x.Rows, x.Cols)
	o := fresh[crossEntropy](t)
	*o = crossEntropy{x: x, loss: t.value(1, 1), lse: t.aux(x.Rows), target: target, weight: weight, scale: scale}
	t.record(o, compute.OpCrossEntropy, t.list(o.loss, o.lse), t.list(x)).keep = t.list(x, o.lse)
	precisely(x) // beside a lse of the elements as they were, rounded ones make no softmax
	return o.loss
}

// targets sees that each of so many rows has one, below cols.
func (t *Tape) targets(target []int32, rows, cols int) {
	t.need(len(target) == rows, compute.OpCrossEntropy, "%d targets for [%d, %d]", len(target), rows, cols)
	for _, c := range target {
		t.need(int(c) < cols, compute.OpCrossEntropy, "target %d of [%d, %d]", int(c), rows, cols)
	}
}

func (o *crossEntropy) forward(t *Tape) {
	t.dev.CrossEntropy(o.loss.vector(), o.lse.vector(), o.x.data, o.target, o.weight, o.scale)
}

func (o *crossEntropy) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.CrossEntropyBackward(dx, o.loss.grad.Data[0], o.x.data, o.lse.vector(), o.target, o.weight, o.scale, add)
	}
}

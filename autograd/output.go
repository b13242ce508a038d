package autograd

import "trimtab/compute"

// outputElements bounds the logits that LinearCrossEntropy holds at once: 32 MB.
const outputElements = 8 << 20

type linearCrossEntropy struct {
	x, bias, loss   *Value
	logits, lse, dx *Value // of some rows at a time; dx is the gradient of x for a loss whose own is 1
	w               compute.Weight
	target          []int32
	scale           float32
}

// LinearCrossEntropy is CrossEntropy(Linear(x, w, bias), target, nil, scale) without the matrix of all logits: some rows
// at a time it makes them, their part of the loss and, where the run has a backward, the gradient of x. bias may be nil; it does not train.
func (t *Tape) LinearCrossEntropy(x *Value, w compute.Weight, bias *Value, target []int32, scale float32) *Value {
	return t.linearCrossEntropy(x, w, bias, target, scale, outputElements)
}

func (t *Tape) linearCrossEntropy(x *Value, w compute.Weight, bias *Value, target []int32, scale float32, most int) *Value {
	t.need(x.Cols == w.In(), compute.OpLinear, "x [%d, %d] for a weight [%d, %d]", x.Rows, x.Cols, w.Out(), w.In())
	t.need(bias == nil || bias.Cols == w.Out() && !bias.needs, compute.OpLinear, "a bias for a weight [%d, %d]", w.Out(), w.In())
	t.targets(target, x.Rows, w.Out())
	parts := max(1, (x.Rows*w.Out()+most-1)/most)
	rows := (x.Rows + parts - 1) / parts
	o := fresh[linearCrossEntropy](t)
	*o = linearCrossEntropy{x: x, bias: bias, loss: t.value(1, 1), logits: t.value(rows, w.Out()), lse: t.aux(rows), w: w, target: target, scale: scale}
	if x.needs {
		o.dx = t.value(x.Rows, x.Cols)
		precisely(o.dx)
	}
	n := t.record(o, compute.OpCrossEntropy, t.list(o.loss, o.logits, o.lse, o.dx), t.list(x, bias))
	n.keep, n.flops = t.list(o.dx), product(x.Rows, w.Out(), w.In())
	n.twice = n.flops
	return o.loss
}

func (o *linearCrossEntropy) forward(t *Tape) {
	var sum float64
	for from := 0; from < o.x.Rows; from += o.logits.Rows {
		to := min(from+o.logits.Rows, o.x.Rows)
		logits, lse, target := o.logits.data.RowRange(0, to-from), o.lse.vector()[:to-from], o.target[from:to]
		t.dev.Linear(logits, o.x.data.RowRange(from, to), o.w, o.bias.vector())
		t.dev.CrossEntropy(o.loss.vector(), lse, logits, target, nil, o.scale)
		sum += float64(o.loss.vector()[0])
		if o.dx != nil && t.plan.backward {
			t.dev.CrossEntropyBackward(logits, 1, logits, lse, target, nil, o.scale, false)
			t.dev.LinearBackward(o.dx.data.RowRange(from, to), logits, o.w, false)
		}
	}
	o.loss.vector()[0] = float32(sum)
}

func (o *linearCrossEntropy) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.Scale(dx, o.dx.data, o.loss.grad.Data[0], add)
	}
}

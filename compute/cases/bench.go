package cases

import (
	"math"
	"time"

	"trimtab/compute"
)

// Bench is the cases that are worth timing: one layer of a BERT-base shaped model on
// 32 segments of 128 tokens, the products that decoding and pretraining lean on, and what lies between them.
func Bench() []*Case {
	const tokens, hidden, inner = 4096, 768, 3072
	wide, narrow := shape{tokens, inner, 0}, shape{tokens, hidden, 0}
	segment := make([]int, 32)
	for i := range segment {
		segment[i] = tokens / len(segment)
	}
	bert := attending{name: "32 segments of 128, 12 heads of 64", s: segments{queries: segment, keys: segment}, heads: 12, kvHeads: 12, dim: 64}
	causal := bert
	causal.name, causal.causal = bert.name+", causal", true
	decode := attending{name: "one query, 1024 keys, 12 heads of 64", s: segments{queries: []int{1}, keys: []int{1024}}, heads: 12, kvHeads: 12, dim: 64, causal: true}
	return []*Case{
		linear(tokens, hidden, hidden, 0, packed, true), linear(tokens, hidden, inner, 0, packed, true), linear(tokens, inner, hidden, 0, packed, true),
		linear(128, hidden, hidden, 0, packed, true), linear(16, hidden, inner, 0, packed, true), linear(1, hidden, inner, 0, packed, true),
		linear(600, 256, 8000, 0, asRows, true), linearRows(32, hidden, 30522, 20, packed, true),
		matMul(tokens, hidden, hidden, 0, 1, false, true), matMul(tokens, 256, 1024, 0, 1, false, true), matMul(600, 256, 8000, 0, 1, false, true),
		matMul(tokens, hidden, 8, 0, 1, false, true), matMul(tokens, 8, hidden, 0, 1, false, true),
		attend(bert), attend(causal), attend(decode),
		activate(1, wide, 1), gate(3, wide), add(narrow), addRow(narrow), drop(narrow, 0.1),
		layerNorm(narrow, true, true, 0), rmsNorm(narrow, true), logSoftmax(shape{600, 8000, 0}, 1), crossEntropy(shape{600, 8000, 0}, false, 1),
		lookup(tokens, 8000, hidden, asRows), lookupMat(tokens, 8000, hidden, 0), rotate(tokens, 12, 64, 0, false),
	}
}

// Timing is how long a case takes on a device.
type Timing struct {
	Case *Case
	// Backward says that it is the gradient's time.
	Backward bool
	// Best is the shortest of the times measured: on a machine that others use too, the
	// one that says most about the program.
	Best time.Duration
}

// Flops is the floating-point operations done: a backward's are its gradients' products.
func (t Timing) Flops() int64 {
	c := t.Case
	switch {
	case !t.Backward:
		return c.Flops
	case c.Op == compute.OpMatMul:
		return 2 * c.Flops
	case c.Op == compute.OpAttend:
		return c.Flops / 2 * 5
	}
	return c.Flops
}

// Bytes is the memory that must be touched: a backward reads what the forward wrote
// and writes what it read, and norms and activations read their input again.
func (t Timing) Bytes() int64 { return t.Case.Bytes }

// Time measures a case's forward or backward for about the given time, and at least
// three times.
func Time(d compute.Device, c *Case, backward bool, budget time.Duration) Timing {
	forward, back := Steps(d, c)
	if !backward {
		return Timing{c, false, best(budget, forward)}
	}
	forward()
	return Timing{c, true, best(budget, back)}
}

// Steps gives a case's forward and backward, nil if there is none, on a device, to be
// called again and again; what the device prepares once is done.
func Steps(d compute.Device, c *Case) (forward, backward func()) {
	r := &Run{Device: d}
	for _, o := range c.In {
		r.In = append(r.In, place(d, o, c.values(o, "values")).mat)
		g := compute.Mat{}
		if o.Grad != None && !o.Absent {
			g = place(d, o, c.values(o, "base")).mat
		}
		r.DIn = append(r.DIn, g)
	}
	for _, o := range c.Out {
		r.Out = append(r.Out, place(d, o, c.values(o, "base")).mat)
	}
	r.DOut = place(d, c.Out[0], c.dout()).mat
	c.Forward(r)
	forward = func() { c.Forward(r) }
	if c.Backward != nil {
		backward = func() { c.Backward(r) }
	}
	return forward, backward
}

// best is the shortest time that f took.
func best(budget time.Duration, f func()) time.Duration {
	shortest := time.Duration(math.MaxInt64)
	for begin, n := time.Now(), 0; n < 3 || time.Since(begin) < budget; n++ {
		start := time.Now()
		f()
		shortest = min(shortest, time.Since(start))
	}
	return shortest
}

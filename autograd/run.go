package autograd

import (
	"errors"
	"fmt"
	"runtime/debug"

	"trimtab/compute"
)

// Cost is what a run takes.
type Cost struct {
	// ArenaBytes is the memory for everything between inputs and results,
	// parameters, their gradients and weights aside.
	ArenaBytes int64
	// Flops counts multiplications and additions of matrix products and attention.
	Flops int64
	// Operations is the number of operations that run.
	Operations int
}

// Forward runs what was recorded. The values in wanted stay readable until Reset.
func (t *Tape) Forward(wanted ...*Value) error {
	if err := t.ready(nil, wanted); err != nil {
		return err
	}
	t.run()
	look(wanted)
	return nil
}

// Backward runs what was recorded, forward and then backward from loss, a value
// [1, 1] that an operation makes. Loss and the values in wanted stay readable until Reset.
func (t *Tape) Backward(loss *Value, wanted ...*Value) error {
	if t.err == nil && (loss.Rows != 1 || loss.Cols != 1) {
		t.Fail(fmt.Errorf("loss: %w: [%d, %d] is not [1, 1]", ErrShape, loss.Rows, loss.Cols))
	}
	if t.err == nil && !loss.needs {
		t.Fail(errors.New("loss: nothing that trains stands behind it"))
	}
	if t.err == nil && (loss.base != nil || loss.external) {
		t.Fail(errors.New("loss: no operation makes it"))
	}
	loss.root().wanted = true
	if err := t.ready(loss, wanted); err != nil {
		return err
	}
	t.run()
	look(wanted)
	return nil
}

// Cost plans a run, with a backward unless loss is nil, and tells what it takes. Nothing runs.
func (t *Tape) Cost(loss *Value) (Cost, error) {
	if t.err != nil {
		return Cost{}, t.err
	}
	if loss != nil {
		loss.root().wanted = true
	}
	t.prepare(loss)
	c := Cost{ArenaBytes: int64(t.plan.peak) * 4, Operations: len(t.plan.steps)}
	for _, s := range t.plan.steps {
		switch s.phase {
		case forward, again:
			c.Flops += t.nodes[s.node].flops
		case backward:
			c.Flops += t.nodes[s.node].twice
		}
	}
	return c, nil
}

// ready plans the run and binds every value to its place.
func (t *Tape) ready(loss *Value, wanted []*Value) error {
	if t.err != nil {
		return t.err
	}
	for _, v := range wanted {
		v.root().wanted = true
	}
	t.prepare(loss)
	if len(t.arena) < t.plan.peak {
		t.grow(t.plan.peak)
	}
	if loss != nil {
		t.bindGradients()
	}
	for i := range t.nodes {
		for _, v := range t.nodes[i].out {
			t.bind(v, &v.first)
			if v.gradient.size > 0 {
				v.grad = compute.NewMat(v.Rows, v.Cols, t.arena[v.gradient.offset:])
			}
		}
	}
	return nil
}

// bindGradients gives the gradients of parameters their places.
func (t *Tape) bindGradients() {
	for _, v := range t.params {
		if v.lends {
			v.param.Grad, v.param.lent = t.arena[v.gradient.offset:][:len(v.param.Data):len(v.param.Data)], true
		} else {
			v.param.NeedGrad(t.dev)
		}
		v.grad = compute.NewMat(v.Rows, v.Cols, v.param.Grad)
	}
}

// grow makes the arena of n elements. Before a large one, what is garbage goes back to the system: the arena that was there, and what
// making weights left. It would be resident until the heap has grown enough for a collection.
func (t *Tape) grow(n int) {
	const large = 16 << 20 / 4
	t.arena = nil
	t.values.rest(func(v *Value) { v.data, v.grad = compute.Mat{}, compute.Mat{} })
	if n >= large {
		debug.FreeOSMemory()
	}
	t.arena = t.dev.Alloc(n)
}

func (t *Tape) run() {
	started := false
	for _, s := range t.plan.steps {
		n := &t.nodes[s.node]
		t.plan.behind = s.phase == again || s.phase == backward
		switch s.phase {
		case shelve:
			t.dev.ToBF16(t.onShelf(s.value), s.value.data)
			continue
		case restore:
			t.bind(s.value, &s.value.restored)
			t.dev.FromBF16(s.value.data, t.onShelf(s.value))
			continue
		case again:
			for _, v := range n.out {
				t.bind(v, &v.again)
			}
		}
		look(n.in)
		look(n.keep)
		if s.phase != backward {
			n.forward(t)
			continue
		}
		if !started { // the first is the one that made the loss
			started = true
			n.out[0].grad.Data[0], n.out[0].written = 1, true
		}
		n.backward(t)
	}
	for i := range t.nodes {
		for _, v := range t.nodes[i].out {
			if v.wanted {
				t.bind(v, &v.first)
			}
		}
	}
	for _, v := range t.params {
		if v.lends && !v.written { // the loss does not depend on it
			clear(v.param.Grad)
		}
	}
}

// look binds views to where their bases are now.
func look(vs []*Value) {
	for _, v := range vs {
		if v.base != nil && !v.external {
			v.data = v.through(v.base.data)
		}
	}
}

// sameMemory reports whether two matrices begin at one place.
func sameMemory(a, b compute.Mat) bool {
	return len(a.Data) > 0 && len(b.Data) > 0 && &a.Data[0] == &b.Data[0]
}

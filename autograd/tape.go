package autograd

import (
	"errors"
	"fmt"

	"trimtab/compute"
)

// ErrNoBackward is wrapped by errors about an operation without a backward on a
// value that needs a gradient.
var ErrNoBackward = errors.New("operation has no backward")

// ErrShape is wrapped by errors about operands whose shapes do not fit.
var ErrShape = errors.New("shapes do not fit")

// operation is one recorded call: its operands, and how to run it.
type operation interface {
	forward(t *Tape)
	backward(t *Tape)
}

// node is an operation with what the plan must know of it.
type node struct {
	operation
	row             compute.Op
	in, out         []*Value
	keep            []*Value // what its backward reads, beside gradients
	inPlace         bool     // out[0] may take the memory of in[0]
	gradientInPlace bool     // in[0]'s gradient may take the memory of out[0]'s
	cheap           bool     // out[0] is made again for the backward rather than kept
	byRows          bool     // it reads what it keeps by rows, any number of them at a time
	needs           bool     // its backward will run
	block           int      // checkpointed block, or -1
	flops           int64    // of the forward
	twice           int64    // of the backward
}

// overwrites says that the operation computes element by element, so that results may lie where operands lay, both ways.
func (n *node) overwrites() { n.inPlace, n.gradientInPlace = true, true }

// Tape records a computation. It is for one goroutine.
type Tape struct {
	dev compute.Device
	err error

	// Site names where recording is, for errors: nn sets it.
	Site string
	// Kept is how the backward's memory of the forward is held: F32 as it was made, BF16 in half of the memory, rounded to
	// nearest even. The forward is the same. Statistics of rows, and what softmax of a whole row is taken of, stay as they are.
	Kept compute.Precision
	// Gradients are parameters whose gradients each Backward writes anew, into the tape's memory, where they need no place before they are made;
	// those of all others add up in memory of their own. They are there until the next Reset.
	Gradients []*Parameter

	nodes  []node
	values slab[Value]
	params []*Value // of parameters, each once
	known  map[*Parameter]*Value
	lists  []*Value
	slabs  slabs
	blocks int
	block  int

	plan  plan
	arena []float32
}

// New returns an empty tape that runs on dev.
func New(dev compute.Device) *Tape {
	return &Tape{dev: dev, block: -1, known: map[*Parameter]*Value{}}
}

// Device is what the tape runs on.
func (t *Tape) Device() compute.Device { return t.dev }

// Reset forgets the recorded computation and every Value of it, and keeps the memory.
func (t *Tape) Reset() {
	t.err, t.Site = nil, ""
	for _, v := range t.params {
		if v.lends && v.param.lent {
			v.param.ZeroGrad()
		}
	}
	t.params = t.params[:0]
	clear(t.known)
	t.nodes, t.lists = t.nodes[:0], t.lists[:0]
	t.values.reset()
	t.slabs.reset()
	t.blocks, t.block = 0, -1
}

// Err is the first mistake of the recording, or nil.
func (t *Tape) Err() error { return t.err }

// Fail makes err the tape's error, unless it has one.
func (t *Tape) Fail(err error) {
	if t.err == nil {
		if t.Site != "" {
			err = fmt.Errorf("%s: %w", t.Site, err)
		}
		t.err = err
	}
}

// need fails the tape unless ok, with a message about shapes. The numbers come as
// they are: as interfaces they would be on the heap at every call.
func (t *Tape) need(ok bool, row compute.Op, format string, numbers ...int) {
	if ok || t.err != nil {
		return
	}
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	t.Fail(fmt.Errorf("%s: %w: %s", compute.Operations[row].Name, ErrShape, fmt.Sprintf(format, args...)))
}

// Checkpoint records with f a block of which nothing is kept for the backward but
// its inputs: the rest is computed again when the backward reaches it. Blocks
// do not nest.
func (t *Tape) Checkpoint(f func() *Value) *Value {
	if t.block >= 0 {
		t.Fail(errors.New("checkpointed blocks do not nest"))
		return f()
	}
	t.block, t.blocks = t.blocks, t.blocks+1
	v := f()
	t.block = -1
	return v
}

// Constant is a value of the caller's own memory, which the run only reads.
func (t *Tape) Constant(m compute.Mat) *Value {
	v := t.values.next()
	*v = Value{Rows: m.Rows, Cols: m.Cols, external: true, data: m}
	return v
}

// Parameter is p as a value: [1, n] for a vector. Its gradient goes to p.Grad.
func (t *Tape) Parameter(p *Parameter) *Value {
	if v, ok := t.known[p]; ok {
		return v
	}
	rows, cols := p.matrix()
	v := t.values.next()
	*v = Value{Rows: rows, Cols: cols, external: true, needs: true, param: p, data: compute.NewMat(rows, cols, p.Data)}
	t.params, t.known[p] = append(t.params, v), v
	return v
}

// Detach is x without its gradient.
func (t *Tape) Detach(x *Value) *Value {
	viewed := x.root().viewed
	v := t.Columns(x, 0, x.Cols)
	v.needs, x.root().viewed = false, viewed
	return v
}

// Columns views columns [from, to) of x.
func (t *Tape) Columns(x *Value, from, to int) *Value {
	return t.view(x, 0, x.Rows, from, to)
}

// RowRange views rows [from, to) of x.
func (t *Tape) RowRange(x *Value, from, to int) *Value {
	return t.view(x, from, to, 0, x.Cols)
}

func (t *Tape) view(x *Value, row, toRow, col, toCol int) *Value {
	if row < 0 || col < 0 || row > toRow || col > toCol || toRow > x.Rows || toCol > x.Cols {
		t.Fail(fmt.Errorf("view: %w: rows [%d, %d) and columns [%d, %d) of [%d, %d]", ErrShape, row, toRow, col, toCol, x.Rows, x.Cols))
		row, col, toRow, toCol = 0, 0, x.Rows, x.Cols
	}
	v := t.values.next()
	root := x.root()
	*v = Value{Rows: toRow - row, Cols: toCol - col, needs: x.needs, external: root.external,
		base: root, row: x.row + row, col: x.col + col}
	root.viewed = true
	if root.external {
		v.data = v.through(root.data)
	}
	return v
}

// value makes a value of the arena.
func (t *Tape) value(rows, cols int) *Value {
	v := t.values.next()
	*v = Value{Rows: rows, Cols: cols, block: t.block}
	return v
}

// aux makes a value of n numbers that an operation keeps for its own backward, as they are.
func (t *Tape) aux(n int) *Value {
	v := t.value(1, n)
	v.exact = true
	return v
}

// precisely says of values that the backward reads the very elements that the forward made.
func precisely(vs ...*Value) {
	for _, v := range vs {
		v.root().exact = true
	}
}

// list copies vs, leaving out nil, to memory that lasts until Reset.
func (t *Tape) list(vs ...*Value) []*Value {
	from := len(t.lists)
	for _, v := range vs {
		if v != nil {
			t.lists = append(t.lists, v)
		}
	}
	return t.lists[from:len(t.lists):len(t.lists)]
}

// record appends an operation that makes out from in. It decides whether the
// backward will run, and refuses one that there is not.
func (t *Tape) record(o operation, row compute.Op, out, in []*Value) *node {
	needs := false
	for _, v := range in {
		needs = needs || v.needs
	}
	if needs && compute.Operations[row].ForwardOnly {
		t.Fail(fmt.Errorf("%w: %s on a value that needs a gradient", ErrNoBackward, compute.Operations[row].Name))
	}
	for _, v := range out {
		v.needs, v.block = needs, t.block
	}
	t.nodes = append(t.nodes, node{operation: o, row: row, in: in, out: out, needs: needs, block: t.block})
	return &t.nodes[len(t.nodes)-1]
}

// gradient is where the backward of one operation puts the gradient of x, and
// whether it adds to what is there. ok is false if x needs none.
func (t *Tape) gradient(x *Value) (m compute.Mat, add, ok bool) {
	if x == nil || !x.needs {
		return compute.Mat{}, false, false
	}
	root := x.root()
	if root.external && !root.lends {
		return x.through(root.grad), true, true
	}
	if x.base == nil && !x.viewed {
		add, x.written = x.written, true
		return x.grad, add, true
	}
	if !root.written { // views share it: start from zero, and all add
		clear(root.grad.Data)
		root.written = true
	}
	if x.base != nil {
		return x.through(root.grad), true, true
	}
	return root.grad, true, true
}

// vectorGradient is gradient for values of one row, whose gradients operations always add to.
func (t *Tape) vectorGradient(x *Value) []float32 {
	m, add, ok := t.gradient(x)
	if !ok {
		return nil
	}
	if !add {
		clear(m.Data)
	}
	return m.Data
}

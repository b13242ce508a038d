package autograd

import "trimtab/compute"

// phase says why a node runs.
type phase uint8

const (
	forward phase = iota
	again         // forward once more, for the backward
	backward
	shelve  // value, which the node made, is kept as bfloat16
	restore // value, which the node reads next, is float32 again
)

// step is one entry of the schedule: node runs in phase. Its index is its time.
type step struct {
	node  int
	phase phase
	value *Value // of shelve and restore
}

// interval is a stretch of the schedule in which a matrix is alive, and its place in the arena.
type interval struct {
	from, to int // steps, inclusive
	size     int // elements; 0: it never lives
	offset   int
	heir     *interval // takes its place over when it ends
	inherits bool      // its place is that of the one whose heir it is
	until    int       // the end of its last heir
}

// plan is the schedule of a run and the places of everything in the arena.
type plan struct {
	backward bool // the run has one
	steps    []step
	spare    []step      // memory of a schedule before
	births   []*interval // by from
	order    []*interval // those that inherit nothing, in the order of placing
	placed   []*interval // of those, by offset
	peak     int         // elements of the arena
	strip    int         // elements of a strip; 0: stripElements, which tests have too few for
	behind   bool        // the step that runs is behind the forward
	noReuse  bool        // give every matrix a place of its own: tests compare with it
}

// lives makes iv live from step at, if it does not yet, and to step at at least.
func (p *plan) lives(iv *interval, v *Value, at int) {
	if v.external && (iv != &v.gradient || !v.lends) {
		return
	}
	if iv.size == 0 {
		n := v.Rows * v.Cols
		switch {
		case iv == &v.shelf:
			n = compute.BF16Len(n)
		case iv == &v.restored && v.strips:
			n = min(v.Rows, p.stripRows(v)) * v.Cols
		}
		*iv = interval{from: at, size: max(16, (n+15)&^15)}
		p.births = append(p.births, iv)
	}
	iv.to = max(iv.to, at)
}

// prepare plans a run of everything recorded, and of the backward from loss unless it is nil.
func (t *Tape) prepare(loss *Value) {
	p := &t.plan
	p.backward = loss != nil
	p.steps, p.births = p.steps[:0], p.births[:0]
	for i := range t.nodes {
		p.steps = append(p.steps, step{node: i, phase: forward})
		for _, v := range t.nodes[i].out {
			v.first, v.again, v.gradient = interval{}, interval{}, interval{}
			v.shelf, v.restored = interval{}, interval{}
			v.written, v.reached, v.remade, v.maker = false, false, false, 0
			v.anew, v.shelved, v.strips = false, false, false
			if t.nodes[i].cheap && t.nodes[i].block < 0 && v == t.nodes[i].out[0] {
				v.maker = i + 1
			}
		}
	}
	t.lend(loss != nil)
	if loss != nil {
		t.scheduleBackward(loss)
		if t.Kept == compute.BF16 {
			t.shelve()
		}
	}
	for at, s := range p.steps {
		t.live(s, at, loss)
	}
	end := len(p.steps)
	for _, v := range t.params {
		if v.lends {
			p.lives(&v.gradient, v, end)
		}
	}
	for i := range t.nodes {
		for _, v := range t.nodes[i].out {
			if v.wanted {
				v.first.to = end
			}
		}
	}
	t.place()
}

// lend decides which parameters' gradients the arena holds.
func (t *Tape) lend(backward bool) {
	if backward {
		for _, p := range t.Gradients {
			t.Parameter(p).lends = true
		}
	}
	for _, v := range t.params {
		v.lends = v.lends && backward
		v.gradient, v.written = interval{}, false
	}
}

// scheduleBackward appends the nodes that loss depends on, last first, and
// before a checkpointed block's last the block once more.
func (t *Tape) scheduleBackward(loss *Value) {
	p := &t.plan
	loss.root().reached = true
	block := -1
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		reached := false
		for _, v := range n.out {
			reached = reached || v.reached
		}
		if !n.needs || !reached {
			continue
		}
		for _, v := range n.in {
			if v.needs {
				v.root().reached = true
			}
		}
		if n.block >= 0 && n.block != block {
			block = n.block
			for j := range t.nodes[:i+1] {
				if t.nodes[j].block == block {
					p.steps = append(p.steps, step{node: j, phase: again})
				}
			}
		}
		for _, v := range n.keep {
			t.remake(v.root(), i)
		}
		p.steps = append(p.steps, step{node: i, phase: backward})
	}
}

// remake schedules that v, which the backward of node reads, is made again, if it is
// cheap to make and not made yet.
func (t *Tape) remake(v *Value, node int) {
	if v.maker == 0 || v.maker == node+1 || v.remade {
		return
	}
	v.remade = true
	for _, in := range t.nodes[v.maker-1].in {
		t.remake(in.root(), v.maker-1)
	}
	t.plan.steps = append(t.plan.steps, step{node: v.maker - 1, phase: again})
}

// live notes what must be alive at a step.
func (t *Tape) live(s step, at int, loss *Value) {
	p, n := &t.plan, &t.nodes[s.node]
	switch s.phase {
	case shelve:
		p.lives(&s.value.first, s.value, at)
		p.lives(&s.value.shelf, s.value, at)
	case restore:
		p.lives(&s.value.shelf, s.value, at)
		p.lives(&s.value.restored, s.value, at)
	case forward:
		for _, v := range n.in {
			p.lives(&v.root().first, v.root(), at)
		}
		for _, v := range n.out {
			p.lives(&v.first, v, at)
		}
	case again:
		for _, v := range n.in {
			p.read(v.root(), at)
		}
		for _, v := range n.out {
			p.lives(&v.again, v, at)
		}
	case backward:
		for _, v := range n.keep {
			p.read(v.root(), at)
		}
		for _, v := range n.out {
			if v.reached || v == loss.root() {
				p.lives(&v.gradient, v, at)
			}
		}
		for _, v := range n.in {
			if v.needs {
				p.lives(&v.root().gradient, v.root(), at)
			}
		}
	}
}

// read notes that v is read at a step behind the forward.
func (p *plan) read(v *Value, at int) {
	if v.strips {
		p.lives(&v.shelf, v, at)
		p.lives(&v.restored, v, at)
		return
	}
	p.lives(v.version(at), v, at)
}

// version is the life of v that a step reads: another from when it was restored or made again.
func (v *Value) version(at int) *interval {
	switch {
	case v.again.size > 0 && v.again.from <= at:
		return &v.again
	case v.restored.size > 0 && v.restored.from <= at:
		return &v.restored
	}
	return &v.first
}

// bind gives v its data at an interval of the arena.
func (t *Tape) bind(v *Value, iv *interval) {
	if !v.external && iv.size > 0 {
		v.data = compute.NewMat(v.Rows, v.Cols, t.arena[iv.offset:])
	}
}

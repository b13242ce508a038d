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
	taken    bool      // its place was taken over by the output of an in-place operation
	heir     bool      // its place is its input's
	next     *interval // of those that end at the same step
}

// plan is the schedule of a run and the places of everything in the arena.
type plan struct {
	steps   []step
	spare   []step      // memory of a schedule before
	births  []*interval // by from
	deaths  []*interval // by to: heads of lists
	free    []gap       // by offset
	peak    int         // elements of the arena
	noReuse bool        // give every matrix a place of its own: tests compare with it
}

// lives makes iv live from step at, if it does not yet, and to step at at least.
func (p *plan) lives(iv *interval, v *Value, at int) {
	if v.external {
		return
	}
	if iv.size == 0 {
		n := v.Rows * v.Cols
		if iv == &v.shelf {
			n = compute.Halved(n)
		}
		*iv = interval{from: at, size: max(16, (n+15)&^15)}
		p.births = append(p.births, iv)
	}
	iv.to = max(iv.to, at)
}

// prepare plans a run of everything recorded, and of the backward from loss unless it is nil.
func (t *Tape) prepare(loss *Value) {
	p := &t.plan
	p.steps, p.births = p.steps[:0], p.births[:0]
	for i := range t.nodes {
		p.steps = append(p.steps, step{node: i, phase: forward})
		for _, v := range t.nodes[i].out {
			v.first, v.again, v.gradient = interval{}, interval{}, interval{}
			v.shelf, v.restored = interval{}, interval{}
			v.written, v.reached, v.remade, v.maker = false, false, false, 0
			v.anew, v.shelved = false, false
			if t.nodes[i].cheap && t.nodes[i].block < 0 && v == t.nodes[i].out[0] {
				v.maker = i + 1
			}
		}
	}
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
	for i := range t.nodes {
		for _, v := range t.nodes[i].out {
			if v.wanted {
				v.first.to = end
			}
		}
	}
	t.place()
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
			p.lives(v.root().version(at), v.root(), at)
		}
		for _, v := range n.out {
			p.lives(&v.again, v, at)
		}
	case backward:
		for _, v := range n.keep {
			p.lives(v.root().version(at), v.root(), at)
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

// place gives every interval its place: a sweep over the schedule that hands
// memory out at births and takes it back at deaths, best fit first.
func (t *Tape) place() {
	p := &t.plan
	p.peak, p.free = 0, p.free[:0]
	p.deaths = append(p.deaths[:0], make([]*interval, len(p.steps)+1)...)
	for _, iv := range p.births {
		iv.next, p.deaths[iv.to] = p.deaths[iv.to], iv
	}
	born := 0
	for at, s := range p.steps {
		t.takeOver(&t.nodes[s.node], s.phase, at)
		for ; born < len(p.births) && p.births[born].from == at; born++ {
			if iv := p.births[born]; !iv.heir {
				iv.offset = p.allocate(iv.size)
			}
		}
		for iv := p.deaths[at]; iv != nil; iv = iv.next {
			if !iv.taken && !p.noReuse {
				p.release(iv.offset, iv.size)
			}
		}
	}
}

// takeOver lets the output of an in-place operation have the memory of its first input, where nothing else will read that,
// and in the backward that input's gradient the memory of the output's.
func (t *Tape) takeOver(n *node, ph phase, at int) {
	if t.plan.noReuse || len(n.in) == 0 || len(n.out) == 0 {
		return
	}
	switch x, y := n.in[0], n.out[0]; {
	case ph == forward && n.inPlace && x.alone():
		inherit(&y.first, &x.first, at)
	case ph == again && n.inPlace && x.alone():
		inherit(&y.again, x.version(at), at)
	case ph == backward && n.gradientInPlace && x.needs && x.alone() && y.alone():
		inherit(&x.gradient, &y.gradient, at)
	}
}

// alone reports whether the value's memory is its own affair.
func (v *Value) alone() bool {
	return v.base == nil && !v.external && !v.viewed && !v.wanted
}

// inherit lets a matrix that is born at a step have the place of one that dies there.
func inherit(heir, old *interval, at int) {
	if old.from < at && old.to == at && heir.from == at && heir.size == old.size {
		old.taken, heir.offset, heir.heir = true, old.offset, true
	}
}

// bind gives v its data at an interval of the arena.
func (t *Tape) bind(v *Value, iv *interval) {
	if !v.external && iv.size > 0 {
		v.data = compute.NewMat(v.Rows, v.Cols, t.arena[iv.offset:])
	}
}

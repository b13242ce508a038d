package autograd

import "trimtab/compute"

// phase says why a node runs.
type phase uint8

const (
	forward phase = iota
	again         // forward once more, for the backward
	backward
)

// step is one entry of the schedule: node runs in phase. Its index is its time.
type step struct {
	node  int
	phase phase
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
		*iv = interval{from: at, size: (v.Rows*v.Cols + 15) &^ 15}
		if iv.size == 0 {
			iv.size = 16
		}
		p.births = append(p.births, iv)
	}
	iv.to = max(iv.to, at)
}

// prepare plans a run of everything recorded, and of the backward from loss unless it is nil.
func (t *Tape) prepare(loss *Value) {
	p := &t.plan
	p.steps, p.births = p.steps[:0], p.births[:0]
	for i := range t.nodes {
		p.steps = append(p.steps, step{i, forward})
		for _, v := range t.nodes[i].out {
			v.first, v.again, v.gradient = interval{}, interval{}, interval{}
			v.written, v.reached, v.remade, v.maker = false, false, false, 0
			if t.nodes[i].cheap && t.nodes[i].block < 0 && v == t.nodes[i].out[0] {
				v.maker = i + 1
			}
		}
	}
	if loss != nil {
		t.scheduleBackward(loss)
	}
	for at, s := range p.steps {
		t.live(&t.nodes[s.node], s.phase, at, loss)
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
					p.steps = append(p.steps, step{j, again})
				}
			}
		}
		for _, v := range n.keep {
			t.remake(v.root(), i)
		}
		p.steps = append(p.steps, step{i, backward})
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
	t.plan.steps = append(t.plan.steps, step{v.maker - 1, again})
}

// live notes what must be alive when n runs at a step.
func (t *Tape) live(n *node, ph phase, at int, loss *Value) {
	p := &t.plan
	switch ph {
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

// version is the life of v that a step reads: the second from when it was made again.
func (v *Value) version(at int) *interval {
	if v.again.size > 0 && v.again.from <= at {
		return &v.again
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

// takeOver lets the output of an in-place operation have the memory of its first
// input, where nothing else will read that.
func (t *Tape) takeOver(n *node, ph phase, at int) {
	if !n.inPlace || ph == backward || t.plan.noReuse {
		return
	}
	x, y := n.in[0], n.out[0]
	from, to := &x.first, &y.first
	if ph == again {
		from, to = x.version(at), &y.again
	}
	if x.base != nil || x.external || x.viewed || x.wanted || from.to != at || from.size != to.size {
		return
	}
	from.taken, to.offset, to.heir = true, from.offset, true
}

// bind gives v its data at an interval of the arena.
func (t *Tape) bind(v *Value, iv *interval) {
	if !v.external && iv.size > 0 {
		v.data = compute.NewMat(v.Rows, v.Cols, t.arena[iv.offset:])
	}
}

package autograd

import (
	"slices"

	"trimtab/compute"
)

// shelve puts steps into the schedule that keep what the backward reads of the forward as bfloat16 in between: a value is
// shelved as soon as it is made, lives on until its last reader of the forward, and is restored for the first
// of the backward, or some rows at a time where all its readers are content with that. What is made again needs no shelf.
func (t *Tape) shelve() {
	p := &t.plan
	backwards := len(t.nodes)
	shelved := false
	for i := range p.steps[backwards:] {
		s := p.steps[backwards+i]
		n := &t.nodes[s.node]
		for _, v := range n.reads(s.phase) {
			v := v.root()
			if !v.anew && !v.external && !v.exact && !v.wanted {
				v.strips = n.byRows && !v.viewed && (v.strips || !v.shelved)
				v.shelved, shelved = true, true
			}
		}
		if s.phase == again {
			for _, v := range n.out {
				v.anew = true
			}
		}
	}
	if !shelved {
		return
	}
	p.steps, p.spare = p.spare[:0], p.steps
	for i, s := range p.spare {
		n := &t.nodes[s.node]
		if i >= backwards {
			for _, v := range n.reads(s.phase) {
				if v := v.root(); v.shelved {
					v.shelved = false
					if v.strips {
						continue
					}
					p.steps = append(p.steps, step{node: s.node, phase: restore, value: v})
				}
			}
		}
		p.steps = append(p.steps, s)
		if i < backwards {
			for _, v := range n.out {
				if v.shelved {
					p.steps = append(p.steps, step{node: s.node, phase: shelve, value: v})
				}
			}
		}
	}
	p.spare = slices.Grow(p.spare[:0], len(p.steps)) // the next schedule's
}

// reads are the values whose data a node reads in a phase.
func (n *node) reads(ph phase) []*Value {
	if ph == backward {
		return n.keep
	}
	return n.in
}

// onShelf is the place of v's elements as bfloat16.
func (t *Tape) onShelf(v *Value) []float32 {
	return t.arena[v.shelf.offset:][:compute.BF16Len(v.Rows*v.Cols)]
}

// stripElements is about how many elements are restored at a time: the second cache holds them.
const stripElements = 1 << 19

// stripRows is how many rows of v that is, an even number: each strip begins on an element of the shelf.
func (p *plan) stripRows(v *Value) int {
	n := p.strip
	if n == 0 {
		n = stripElements
	}
	return max(2, n/max(1, v.Cols)&^1)
}

// stripOf is how many rows of x, and of what else is of its width, an operation takes at a time in the step that runs.
func (t *Tape) stripOf(x *Value) int {
	if t.plan.behind {
		return t.plan.stripRows(x)
	}
	return max(1, x.Rows)
}

// rows are rows [from, to) of v, restored where that is done by strips.
func (t *Tape) rows(v *Value, from, to int) compute.Mat {
	if !v.strips || !t.plan.behind {
		return v.data.RowRange(from, to)
	}
	m := compute.NewMat(to-from, v.Cols, t.arena[v.restored.offset:])
	t.dev.FromBF16(m, t.onShelf(v)[from*v.Cols/2:][:compute.BF16Len(m.Rows*m.Cols)])
	return m
}

package autograd

import "trimtab/compute"

// shelve puts steps into the schedule that keep what the backward reads of the forward as bfloat16 in between: a value is
// shelved as soon as it is made, lives on until its last reader of the forward, and is restored for the first
// of the backward. What is made again needs no shelf.
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

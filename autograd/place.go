package autograd

import (
	"cmp"
	"slices"
)

// place gives every matrix its place in the arena: the largest first, each in the smallest gap that those which are alive at
// the same time and have a place already leave (greedy by size, after Pisarchyk & Lee 2020, and best fit).
func (t *Tape) place() {
	p := &t.plan
	p.peak, p.order, p.placed = 0, p.order[:0], p.placed[:0]
	if !p.noReuse {
		for at, s := range p.steps {
			t.takeOver(&t.nodes[s.node], s.phase, at)
		}
	}
	for _, iv := range p.births {
		if !iv.inherits {
			iv.until = iv.to
			for heir := iv.heir; heir != nil; heir = heir.heir {
				iv.until = heir.to
			}
			p.order = append(p.order, iv)
		}
	}
	slices.SortStableFunc(p.order, func(a, b *interval) int { return cmp.Compare(b.size, a.size) })
	for _, iv := range p.order {
		offset := p.peak
		if !p.noReuse {
			offset = p.gap(iv)
			at, _ := slices.BinarySearchFunc(p.placed, offset, func(o *interval, offset int) int { return cmp.Compare(o.offset, offset) })
			p.placed = slices.Insert(p.placed, at, iv)
		}
		p.peak = max(p.peak, offset+iv.size)
		for heir := iv; heir != nil; heir = heir.heir {
			heir.offset = offset
		}
	}
}

// gap is where iv fits best among what lives at the same time.
func (p *plan) gap(iv *interval) int {
	best, least, end := -1, 0, 0
	for _, o := range p.placed {
		if o.from > iv.until || iv.from > o.until {
			continue
		}
		if room := o.offset - end; room >= iv.size && (best < 0 || room < least) {
			best, least = end, room
		}
		end = max(end, o.offset+o.size)
	}
	if best < 0 {
		return end
	}
	return best
}

// takeOver lets the output of an in-place operation have the memory of its first input, where nothing else will read that,
// and in the backward that input's gradient the memory of the output's.
func (t *Tape) takeOver(n *node, ph phase, at int) {
	if len(n.in) == 0 || len(n.out) == 0 {
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
	if old.to == at && heir.from == at && heir.size == old.size {
		old.heir, heir.inherits = heir, true
	}
}

package autograd

import "sort"

// gap is free memory of the arena: size elements at offset.
type gap struct{ offset, size int }

// allocate finds size elements: the smallest gap that has them, or new ones at the end.
func (p *plan) allocate(size int) int {
	best := -1
	for i, g := range p.free {
		if g.size >= size && (best < 0 || g.size < p.free[best].size) {
			best = i
		}
	}
	if best < 0 {
		return p.extend(size)
	}
	g := &p.free[best]
	offset := g.offset
	g.offset, g.size = g.offset+size, g.size-size
	if g.size == 0 {
		p.free = append(p.free[:best], p.free[best+1:]...)
	}
	return offset
}

// extend makes the arena larger, by what the gap at its end lacks.
func (p *plan) extend(size int) int {
	offset := p.peak
	if n := len(p.free); n > 0 && p.free[n-1].offset+p.free[n-1].size == p.peak {
		offset = p.free[n-1].offset
		p.free = p.free[:n-1]
	}
	p.peak = offset + size
	return offset
}

// release gives size elements at offset back, joined with the gaps beside them.
func (p *plan) release(offset, size int) {
	i := sort.Search(len(p.free), func(i int) bool { return p.free[i].offset > offset })
	before := i > 0 && p.free[i-1].offset+p.free[i-1].size == offset
	after := i < len(p.free) && offset+size == p.free[i].offset
	switch {
	case before && after:
		p.free[i-1].size += size + p.free[i].size
		p.free = append(p.free[:i], p.free[i+1:]...)
	case before:
		p.free[i-1].size += size
	case after:
		p.free[i].offset, p.free[i].size = offset, p.free[i].size+size
	default:
		p.free = append(p.free, gap{})
		copy(p.free[i+1:], p.free[i:])
		p.free[i] = gap{offset, size}
	}
}

package tokenizer

// Joining a word. Both ways below do the same: of all neighbours that can be
// joined, the pair of the lowest rank is joined first, the leftmost of several.

// shortWord is the number of symbols up to which looking at all pairs each time
// is faster than keeping a heap of them.
const shortWord = 24

func (m *bpe) join(s *scratch) {
	if len(s.symbols) <= shortWord {
		m.joinShort(s)
	} else {
		m.joinLong(s)
	}
}

// joinShort looks for the best pair again after each merge. The ranks of pairs
// that did not change are kept in s.ranks.
func (m *bpe) joinShort(s *scratch) {
	y := s.symbols
	if len(y) < 2 {
		return
	}
	var merges [shortWord]bpeMerge
	look := func(i int32) {
		merges[i] = bpeMerge{-1, -1}
		if n := y[i].next; n >= 0 {
			if g, ok := m.merges[pairKey(y[i].id, y[n].id)]; ok {
				merges[i] = g
			}
		}
	}
	for i := range y {
		look(int32(i))
	}
	for {
		best := int32(-1)
		for i := int32(0); i >= 0; i = y[i].next {
			if r := merges[i].rank; r >= 0 && (best < 0 || r < merges[best].rank) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		unite(y, best, merges[best].id)
		look(best)
		if p := y[best].prev; p >= 0 {
			look(p)
		}
	}
}

// unite joins symbol i with the next one.
func unite(y []symbol, i, id int32) {
	n := y[i].next
	y[i].id = id
	y[i].size += y[n].size
	y[i].next = y[n].next
	y[n].size = 0
	if y[i].next >= 0 {
		y[y[i].next].prev = i
	}
}

// bpeCandidate is a pair that could be joined when it was put on the heap.
type bpeCandidate struct{ rank, at, id int32 }

func (c bpeCandidate) before(o bpeCandidate) bool {
	return c.rank < o.rank || c.rank == o.rank && c.at < o.at
}

// joinLong keeps the pairs on a heap; those that have changed since are passed
// over.
func (m *bpe) joinLong(s *scratch) {
	y := s.symbols
	heap := s.heap[:0]
	look := func(i int32) {
		if i < 0 || y[i].next < 0 {
			return
		}
		if g, ok := m.merges[pairKey(y[i].id, y[y[i].next].id)]; ok {
			heap = push(heap, bpeCandidate{g.rank, i, g.id})
		}
	}
	for i := range y {
		look(int32(i))
	}
	for len(heap) > 0 {
		var c bpeCandidate
		c, heap = pop(heap)
		n := y[c.at].next
		if y[c.at].size == 0 || n < 0 {
			continue
		}
		if g, ok := m.merges[pairKey(y[c.at].id, y[n].id)]; !ok || g.id != c.id {
			continue
		}
		unite(y, c.at, c.id)
		look(y[c.at].prev)
		look(c.at)
	}
	s.heap = heap
}

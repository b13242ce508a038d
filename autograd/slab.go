package autograd

import "reflect"

// slab hands out values of T that live until reset, from memory that is used again.
type slab[T any] struct {
	chunks [][]T
	used   int
}

const chunk = 64

func (s *slab[T]) next() *T {
	if s.used == len(s.chunks)*chunk {
		s.chunks = append(s.chunks, make([]T, chunk))
	}
	p := &s.chunks[s.used/chunk][s.used%chunk]
	s.used++
	return p
}

func (s *slab[T]) reset() { s.used = 0 }

// rest calls f for what was handed out before the reset and not since.
func (s *slab[T]) rest(f func(*T)) {
	for i := s.used; i < len(s.chunks)*chunk; i++ {
		f(&s.chunks[i/chunk][i%chunk])
	}
}

// slabs holds a slab for each type of operation.
type slabs map[reflect.Type]interface{ reset() }

func (s slabs) reset() {
	for _, one := range s {
		one.reset()
	}
}

// fresh is a T that lives until the tape's Reset. It holds what its last user left.
func fresh[T any](t *Tape) *T { return of[slab[T]](t).next() }

// of is the tape's one S.
func of[S any, P interface {
	*S
	reset()
}](t *Tape) P {
	key := reflect.TypeFor[S]()
	s, ok := t.slabs[key].(P)
	if !ok {
		if t.slabs == nil {
			t.slabs = slabs{}
		}
		s = P(new(S))
		t.slabs[key] = s
	}
	return s
}

// stretch hands out slices that live until reset, from memory that is used again.
type stretch[T any] struct {
	memory []T
	used   int
	before int // used of memory that was too small
}

func (s *stretch[T]) next(n int) []T {
	if s.before+s.used+n > len(s.memory) { // who has the old memory keeps it; the new one has room for all that was used, and will be again
		s.before += s.used
		s.memory, s.used = make([]T, 2*(s.before+n)), 0
	}
	part := s.memory[s.used : s.used+n : s.used+n]
	s.used += n
	clear(part)
	return part
}

func (s *stretch[T]) reset() { s.used, s.before = 0, 0 }

// Slice is n zeros that live until the tape's Reset: for the lists that a pass makes, of rows, places or targets.
// Where a step was recorded before, the next one no larger takes no memory from the heap.
func Slice[T any](t *Tape, n int) []T { return of[stretch[T]](t).next(n) }

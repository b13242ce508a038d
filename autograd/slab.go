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

// slabs holds a slab for each type of operation.
type slabs map[reflect.Type]interface{ reset() }

func (s slabs) reset() {
	for _, one := range s {
		one.reset()
	}
}

// fresh is a T that lives until the tape's Reset. It holds what its last user left.
func fresh[T any](t *Tape) *T {
	key := reflect.TypeFor[T]()
	s, ok := t.slabs[key].(*slab[T])
	if !ok {
		if t.slabs == nil {
			t.slabs = slabs{}
		}
		s = &slab[T]{}
		t.slabs[key] = s
	}
	return s.next()
}

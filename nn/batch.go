package nn

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
)

// Segment is one sequence to be packed.
type Segment struct {
	// IDs are its tokens.
	IDs []int32
	// Types are token type ids; nil is zeros.
	Types []int32
	// Wanted are the places of the tokens whose final states matter, ascending.
	Wanted []int32
	// Soft says which tokens stand for soft tokens of a template: their ids are not looked up.
	Soft []Soft
}

// Soft is a token that stands for vector Index of a template's soft tokens.
type Soft struct {
	// Row is its place in the segment, or its row in the batch.
	Row int32
	// Index is the vector.
	Index int32
}

// Batch is packed segments: no padding. A row is a token.
type Batch struct {
	// IDs are the tokens' ids; those below zero stand for vectors of input slots.
	IDs []int32
	// Types are the token type ids.
	Types []int32
	// Positions are places in the segment, as position embeddings and rotations take them.
	Positions []int32
	// Segments are the rows of each sequence.
	Segments []compute.Span
	// Wanted are the rows whose final states matter, ascending; nil is all.
	Wanted []int32
	// Soft are the rows that stand for a template's soft tokens.
	Soft []Soft
	// Continues says that the segments go on from what a cache holds: nothing is put before them.
	Continues bool
	// Prefix is how many rows input slots have put before each segment.
	Prefix int32

	wanted []int32        // memory for Wanted, which is nil until there are some
	tape   *autograd.Tape // what a copy takes memory from; nil for the heap
}

// Pack lays segments one after another. If no segment names wanted tokens, all
// rows are wanted.
func Pack(segments ...Segment) (*Batch, error) {
	b := &Batch{}
	for _, s := range segments {
		if err := b.Add(s); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Add lays a segment behind those that are there.
func (b *Batch) Add(s Segment) error {
	i, start := len(b.Segments), int32(len(b.IDs))
	if len(s.IDs) == 0 {
		return fmt.Errorf("segment %d has no tokens", i)
	}
	if s.Types != nil && len(s.Types) != len(s.IDs) {
		return fmt.Errorf("segment %d: %d token types for %d tokens", i, len(s.Types), len(s.IDs))
	}
	b.Segments = append(b.Segments, compute.Span{Start: start, Len: int32(len(s.IDs))})
	b.IDs = append(b.IDs, s.IDs...)
	for p := range s.IDs {
		b.Positions = append(b.Positions, int32(p))
		typ := int32(0)
		if s.Types != nil {
			typ = s.Types[p]
		}
		b.Types = append(b.Types, typ)
	}
	last := int32(-1)
	for _, w := range s.Wanted {
		if w <= last || int(w) >= len(s.IDs) {
			return fmt.Errorf("segment %d: wanted token %d of %d, after %d", i, w, len(s.IDs), last)
		}
		last = w
		if b.Wanted == nil {
			b.Wanted = b.wanted
		}
		b.Wanted = append(b.Wanted, start+w)
	}
	for _, soft := range s.Soft {
		if soft.Row < 0 || int(soft.Row) >= len(s.IDs) {
			return fmt.Errorf("segment %d: soft token at %d of %d", i, soft.Row, len(s.IDs))
		}
		b.Soft = append(b.Soft, Soft{start + soft.Row, soft.Index})
	}
	return nil
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	wanted := b.wanted
	if cap(b.Wanted) > cap(wanted) {
		wanted = b.Wanted[:0]
	}
	*b = Batch{IDs: b.IDs[:0], Types: b.Types[:0], Positions: b.Positions[:0], Segments: b.Segments[:0], Soft: b.Soft[:0], wanted: wanted}
}

// Tokens is the number of rows.
func (b *Batch) Tokens() int { return len(b.IDs) }

// clone copies the batch to memory of the tape, so that input slots may change the copy.
func (b *Batch) clone(t *autograd.Tape) *Batch {
	c := &autograd.Slice[Batch](t, 1)[0]
	*c = Batch{IDs: lasting(t, b.IDs), Types: lasting(t, b.Types), Positions: lasting(t, b.Positions),
		Segments: lasting(t, b.Segments), Soft: lasting(t, b.Soft), Continues: b.Continues, Prefix: b.Prefix, tape: t}
	if b.Wanted != nil {
		c.Wanted = lasting(t, b.Wanted)
	}
	return c
}

// lasting copies list to memory of the tape.
func lasting[T any](t *autograd.Tape, list []T) []T {
	c := autograd.Slice[T](t, len(list))
	copy(c, list)
	return c
}

// Prepend puts n rows before each segment, whose ids are first, first-1, …, and
// shifts positions, wanted rows and soft tokens behind them: the rows take the first
// positions that the segment had. Segments that continue stay as they are.
func (b *Batch) Prepend(n int, first int32) {
	if n == 0 || b.Continues {
		return
	}
	rows := len(b.IDs) + n*len(b.Segments)
	ids, types, positions := b.room(rows), b.room(rows), b.room(rows)
	row := b.room(len(b.IDs))[:len(b.IDs)] // where each row goes
	for i, s := range b.Segments {
		start := int32(len(ids))
		for j := range int32(n) {
			ids, types, positions = append(ids, first-j), append(types, 0), append(positions, b.Positions[s.Start]+j)
		}
		for r := s.Start; r < s.End(); r++ {
			row[r] = int32(len(ids))
			ids = append(ids, b.IDs[r])
			types = append(types, b.Types[r])
			positions = append(positions, b.Positions[r]+int32(n))
		}
		b.Segments[i] = compute.Span{Start: start, Len: s.Len + int32(n)}
	}
	b.IDs, b.Types, b.Positions = ids, types, positions
	for i, w := range b.Wanted {
		b.Wanted[i] = row[w]
	}
	for i := range b.Soft {
		b.Soft[i].Row = row[b.Soft[i].Row]
	}
	b.Prefix += int32(n)
}

// room is an empty list with room for n.
func (b *Batch) room(n int) []int32 {
	if b.tape == nil {
		return make([]int32, 0, n)
	}
	return autograd.Slice[int32](b.tape, n)[:0]
}

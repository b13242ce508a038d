package nn

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
)

// Cache keeps the keys and values of each block for generation, so that a pass
// runs over new tokens only. The sequences of a batch are its own, in the same order.
// Attention in a window reads only the last keys of a sequence; the cache holds them all.
type Cache struct {
	dev    compute.Device
	room   int32
	blocks []cached
	slots  []int32 // where each sequence of a batch is
}

// cached is one block's keys and values: slot s has rows [s·room, s·room+length[s]).
type cached struct {
	keys, values compute.Mat
	room         int32
	length       []int32
	before       int32 // of which an AttentionDelta put
}

// NewCache makes a cache with room for so many tokens in each sequence, prefixes
// of deltas among them; where they do not suffice the room doubles.
func NewCache(dev compute.Device, room int) *Cache {
	return &Cache{dev: dev, room: int32(max(room, 1))}
}

// Rows is how many rows of batches sequence s has behind it: what came before a
// segment by [AttentionDelta] is not counted, what came by [InputDelta] is.
func (c *Cache) Rows(s int) int {
	if len(c.blocks) == 0 || s >= len(c.slots) {
		return 0
	}
	b := &c.blocks[0]
	return int(b.length[c.slots[s]] - b.before)
}

// Keep lets go of sequences: the next batch has those that are named, in that order.
func (c *Cache) Keep(sequences []int) {
	slots := make([]int32, len(sequences))
	for i, s := range sequences {
		slots[i] = c.slots[s]
	}
	c.slots = slots
}

// empty reports whether a block has seen nothing yet.
func (c *Cache) empty(block int) bool {
	return block >= len(c.blocks) || c.blocks[block].length == nil
}

// extend stores the keys and values of a pass, and returns everything that the
// block has seen, with the spans of the sequences and the places of the queries.
func (c *Cache) extend(p *Pass, a *Attention, k, v *autograd.Value, spans []compute.Span, r *Rows, before int) (keys, values *autograd.Value, all []compute.Span, places []int32) {
	for len(c.blocks) <= a.Block {
		c.blocks = append(c.blocks, cached{})
	}
	b := &c.blocks[a.Block]
	if b.length == nil {
		if len(c.slots) == 0 {
			for s := range spans {
				c.slots = append(c.slots, int32(s))
			}
		}
		b.length, b.before = make([]int32, len(c.slots)), int32(before)
	}
	if len(spans) != len(c.slots) {
		p.Fail(fmt.Errorf("a cache of %d sequences, a batch of %d", len(c.slots), len(spans)))
		return k, v, spans, r.Places
	}
	c.grow(b, spans, k.Cols)
	rows := autograd.Slice[int32](p.Tape, k.Rows)[:0]
	places = autograd.Slice[int32](p.Tape, len(r.Places))[:0]
	all = autograd.Slice[compute.Span](p.Tape, len(spans))[:0]
	for s, span := range spans {
		slot := c.slots[s]
		start := slot * b.room
		for i := range span.Len {
			rows = append(rows, start+b.length[slot]+i)
		}
		for _, place := range r.Places[r.Spans[s].Start:r.Spans[s].End()] {
			places = append(places, b.length[slot]+int32(before)+place)
		}
		b.length[slot] += span.Len
		all = append(all, compute.Span{Start: start, Len: b.length[slot]})
	}
	p.Store(b.keys, k, rows)
	p.Store(b.values, v, rows)
	return p.Constant(b.keys), p.Constant(b.values), all, places
}

// grow makes room for what spans bring.
func (c *Cache) grow(b *cached, spans []compute.Span, cols int) {
	room := max(b.room, c.room)
	for s, span := range spans {
		for room < b.length[c.slots[s]]+span.Len {
			room *= 2
		}
	}
	if room == b.room {
		return
	}
	rows := len(b.length) * int(room)
	for _, m := range []*compute.Mat{&b.keys, &b.values} {
		larger := compute.NewMat(rows, cols, c.dev.Alloc(rows*cols))
		for slot, n := range b.length {
			for i := range int(n) {
				copy(larger.Row(slot*int(room)+i), m.Row(slot*int(b.room)+i))
			}
		}
		*m = larger
	}
	b.room = room
}

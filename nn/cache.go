package nn

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
)

// Cache keeps the keys and values of each block for generation, so that a pass
// runs over new tokens only. It has room for a fixed number of tokens a sequence,
// prefixes of deltas among them.
type Cache struct {
	// Capacity is the number of tokens that a sequence may have.
	Capacity int

	dev    compute.Device
	blocks []cached
}

// cached is one block's keys and values: sequence s has rows [s·Capacity, s·Capacity+length[s]).
type cached struct {
	keys, values compute.Mat
	length       []int32
	before       int // of which an AttentionDelta put
}

// NewCache makes room for capacity tokens in each of a number of sequences.
func NewCache(dev compute.Device, capacity int) *Cache {
	return &Cache{Capacity: capacity, dev: dev}
}

// Rows is how many rows of batches sequence s has behind it: what came before a
// segment by [AttentionDelta] is not counted, what came by [InputDelta] is.
func (c *Cache) Rows(s int) int {
	if len(c.blocks) == 0 || s >= len(c.blocks[0].length) {
		return 0
	}
	return int(c.blocks[0].length[s]) - c.blocks[0].before
}

// empty reports whether a block has seen nothing yet.
func (c *Cache) empty(block int) bool {
	if block >= len(c.blocks) {
		return true
	}
	for _, n := range c.blocks[block].length {
		if n > 0 {
			return false
		}
	}
	return true
}

// extend stores the keys and values of a pass, and returns everything that the
// block has seen, with the spans of the sequences and the places of the queries.
func (c *Cache) extend(p *Pass, a *Attention, k, v *autograd.Value, spans []compute.Span, r *Rows, before int) (keys, values *autograd.Value, all []compute.Span, places []int32) {
	for len(c.blocks) <= a.Block {
		c.blocks = append(c.blocks, cached{})
	}
	b := &c.blocks[a.Block]
	if b.length == nil {
		b.length, b.before = make([]int32, len(spans)), before
		rows, cols := len(spans)*c.Capacity, k.Cols
		b.keys = compute.NewMat(rows, cols, c.dev.Alloc(rows*cols))
		b.values = compute.NewMat(rows, cols, c.dev.Alloc(rows*cols))
	}
	if len(spans) != len(b.length) {
		p.Fail(fmt.Errorf("a cache of %d sequences, a batch of %d", len(b.length), len(spans)))
		return k, v, spans, r.Places
	}
	rows := make([]int32, 0, k.Rows)
	places = make([]int32, 0, len(r.Places))
	for s, span := range spans {
		if int(b.length[s]+span.Len) > c.Capacity {
			p.Fail(fmt.Errorf("sequence %d: %d tokens, and the cache has room for %d", s, b.length[s]+span.Len, c.Capacity))
			return k, v, spans, r.Places
		}
		first := int32(s*c.Capacity) + b.length[s]
		for i := range span.Len {
			rows = append(rows, first+i)
		}
		for _, place := range r.Places[r.Spans[s].Start:r.Spans[s].End()] {
			places = append(places, b.length[s]+int32(before)+place)
		}
		b.length[s] += span.Len
		all = append(all, compute.Span{Start: int32(s * c.Capacity), Len: b.length[s]})
	}
	p.Store(b.keys, k, rows)
	p.Store(b.values, v, rows)
	return p.Constant(b.keys), p.Constant(b.values), all, places
}

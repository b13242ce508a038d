package nn

import (
	"math"

	"trimtab/autograd"
	"trimtab/compute"
)

// Attention is scaled dot-product attention over the segments of a batch.
type Attention struct {
	Site
	// Heads, KVHeads and HeadDim are its shape; Hidden is Heads·HeadDim.
	Heads, KVHeads, HeadDim int
	// Causal lets a token see itself and what is before it.
	Causal bool
	// Window, of causal attention, is how many of the last tokens a token sees, itself among them; 0 is all. What deltas
	// put before counts: token i of a segment behind n such keys sees the last of them while i < Window-1.
	Window int
	// Dropout is the probability for attention weights.
	Dropout float32
	// Block is the number of the block, from 0.
	Block int

	deltas slot[AttentionDelta]
}

// Params is empty: the maps around attention are sites of their own.
func (a *Attention) Params() []*Param { return nil }

// Attach puts d behind what is attached already.
func (a *Attention) Attach(d AttentionDelta) { a.deltas.attach(d) }

// Detach takes d out and reports whether it was there.
func (a *Attention) Detach(d AttentionDelta) bool { return a.deltas.detach(d) }

// Forward attends from the rows of q, which r names, to all rows of the batch in k
// and v, to what deltas put before them, and to what the pass's cache holds.
func (a *Attention) Forward(p *Pass, q, k, v *autograd.Value, r *Rows) *autograd.Value {
	p.Site = a.Name
	spec := compute.Attention{Heads: a.Heads, KVHeads: a.KVHeads, HeadDim: a.HeadDim,
		Scale: float32(1 / math.Sqrt(float64(a.HeadDim))), Query: r.Spans, Key: p.Batch.Segments,
		Causal: a.Causal, Window: a.Window, Position: r.Places, Dropout: p.dropout(&a.Site, a.Dropout)}
	before := 0 // keys before each segment's own
	if len(a.deltas) > 0 && (p.Cache == nil || p.Cache.empty(a.Block)) {
		k, v, spec.Key, before = a.prefixed(p, k, v)
	}
	if p.Cache != nil {
		k, v, spec.Key, spec.Position = p.Cache.extend(p, a, k, v, spec.Key, r, before)
	} else if before > 0 {
		spec.Position = p.shifted(r.Places, before)
	}
	return p.Attend(q, k, v, nil, spec)
}

// prefixed puts the keys and values of deltas before each segment's own.
func (a *Attention) prefixed(p *Pass, k, v *autograd.Value) (keys, values *autograd.Value, spans []compute.Span, n int) {
	ks, vs := autograd.Slice[*autograd.Value](p.Tape, 1+len(a.deltas)), autograd.Slice[*autograd.Value](p.Tape, 1+len(a.deltas))
	ks[0], vs[0] = k, v
	for i, d := range a.deltas {
		ks[i+1], vs[i+1] = d.Prefix(p, a)
		n += ks[i+1].Rows
	}
	segments := p.Batch.Segments
	refs := autograd.Slice[compute.RowRef](p.Tape, k.Rows+n*len(segments))[:0]
	spans = autograd.Slice[compute.Span](p.Tape, len(segments))
	for at, s := range segments {
		spans[at] = compute.Span{Start: int32(len(refs)), Len: s.Len + int32(n)}
		for i, d := range ks[1:] {
			for row := range int32(d.Rows) {
				refs = append(refs, compute.RowRef{Source: int32(i + 1), Row: row})
			}
		}
		for row := s.Start; row < s.End(); row++ {
			refs = append(refs, compute.RowRef{Row: row})
		}
	}
	return p.Assemble(ks, refs), p.Assemble(vs, refs), spans, n
}

func (p *Pass) shifted(places []int32, by int) []int32 {
	out := autograd.Slice[int32](p.Tape, len(places))
	for i, v := range places {
		out[i] = v + int32(by)
	}
	return out
}

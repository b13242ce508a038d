package nn

import "trimtab/autograd"

// Sublayer is one half of a block: attention or the feed-forward network, and how
// its output joins the residual stream. Its name is that of the module whose
// output it is.
type Sublayer struct {
	Site
	// Norm follows the sum (post-norm, as BERT); nil if the block normalises inputs (pre-norm).
	Norm *Norm
	// Hidden is the width.
	Hidden int
	// Attention says which half it is.
	Attention bool
	// Block is the number of the block, from 0.
	Block int

	deltas slot[SublayerDelta]
}

// Params is empty: a sublayer owns no tensors.
func (s *Sublayer) Params() []*Param { return nil }

// Attach puts d behind what is attached already.
func (s *Sublayer) Attach(d SublayerDelta) { s.deltas.attach(d) }

// Detach takes d out and reports whether it was there.
func (s *Sublayer) Detach(d SublayerDelta) bool { return s.deltas.detach(d) }

// Join is the residual stream after the sublayer: residual + h, and its norm in a
// post-norm block. in is what the sublayer was applied to.
func (s *Sublayer) Join(p *Pass, in, h, residual *autograd.Value) *autograd.Value {
	for _, d := range s.deltas {
		p.Site = s.Name
		h = d.Sublayer(p, s, in, h, residual)
	}
	p.Site = s.Name
	h = p.Add(h, residual)
	if s.Norm != nil {
		h = s.Norm.Forward(p, h)
	}
	return h
}

package nn

import (
	"slices"
	"trimtab/autograd"
)

// Site is a named place in a base where a delta may attach. Its name is that of
// transformers' module tree: "bert.encoder.layer.3.attention.self.query".
type Site struct{ Name string }

// Path is the site's name.
func (s *Site) Path() string { return s.Name }

// Layer is a site of any kind: *Linear, *Norm, *Embedding, *Attention or *Sublayer.
type Layer interface {
	// Path is the site's name.
	Path() string
	// Params are the tensors that the site itself owns, weight first.
	Params() []*Param
}

// LinearDelta is a delta on a linear map.
type LinearDelta interface {
	// Linear returns what takes the place of y, the output so far for input x.
	Linear(p *Pass, l *Linear, x, y *autograd.Value) *autograd.Value
}

// EmbeddingDelta is a delta on an embedding.
type EmbeddingDelta interface {
	// Embedding returns what takes the place of y, the output so far for ids.
	Embedding(p *Pass, e *Embedding, ids []int32, y *autograd.Value) *autograd.Value
}

// SublayerDelta is a delta on a sublayer's output.
type SublayerDelta interface {
	// Sublayer returns what takes the place of h, the output so far for input in,
	// before it joins residual.
	Sublayer(p *Pass, s *Sublayer, in, h, residual *autograd.Value) *autograd.Value
}

// AttentionDelta puts keys and values before each segment's own.
type AttentionDelta interface {
	// Prefix returns keys and values [n, KVHeads·HeadDim].
	Prefix(p *Pass, a *Attention) (keys, values *autograd.Value)
}

// InputDelta puts vectors before or inside the segments, in place of word
// embeddings.
type InputDelta interface {
	// Arrange changes the batch: the rows that vector i is to fill get the id
	// first-i. It is called once a pass, before anything else reads the batch.
	Arrange(b *Batch, first int32)
	// Vectors returns the vectors [n, hidden]; nil if there are none.
	Vectors(p *Pass, e *Embedding) *autograd.Value
	// Count is n.
	Count() int
}

// slot holds what is attached to one place, in the order of attaching.
type slot[D comparable] []D

func (s *slot[D]) attach(d D) { *s = append(*s, d) }

// detach takes d out and reports whether it was there.
func (s *slot[D]) detach(d D) bool {
	i := slices.Index(*s, d)
	if i < 0 {
		return false
	}
	*s = slices.Delete(*s, i, i+1)
	return true
}

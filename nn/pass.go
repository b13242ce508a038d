package nn

import (
	"errors"
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/internal/chance"
)

// Pass is one forward pass through a model: the tape it records on, and the
// batch it runs over. Build it with [NewPass]; it lives until the tape's Reset.
type Pass struct {
	*autograd.Tape
	// Batch is the pass's own copy: input slots may lengthen it.
	Batch *Batch
	// Training turns dropout on. Seed and Step address its chance.
	Training   bool
	Seed, Step uint64
	// Dropout overrides the probability that the model's config states, where not nil.
	Dropout *float32
	// Cache holds keys and values of the tokens before, for generation; nil for none.
	Cache *Cache
	// Checkpoint recomputes blocks in the backward instead of keeping their insides.
	Checkpoint bool
	// Observe is called with each hidden state, as transformers numbers them: 0 is the
	// embedding output. Nil for none.
	Observe func(state int, h *autograd.Value)

	all, wanted *Rows
}

// NewPass begins a pass over a copy of b.
func NewPass(t *autograd.Tape, b *Batch) *Pass {
	p := &autograd.Slice[Pass](t, 1)[0]
	p.Tape, p.Batch = t, b.clone(t)
	return p
}

// Parameter is q as a value. With a cache, which has no backward, nothing trains: it is a constant.
func (p *Pass) Parameter(q *autograd.Parameter) *autograd.Value {
	v := p.Tape.Parameter(q)
	if p.Cache != nil {
		return p.Constant(v.Data())
	}
	return v
}

// Hidden reports hidden state number state.
func (p *Pass) Hidden(state int, h *autograd.Value) {
	if p.Observe != nil {
		p.Observe(state, h)
	}
}

// Block records one block of a model, checkpointed if the pass says so.
func (p *Pass) Block(f func() *autograd.Value) *autograd.Value {
	if p.Checkpoint {
		return p.Tape.Checkpoint(f)
	}
	return f()
}

// Drop is dropout at a site with the probability that a config states.
func (p *Pass) Drop(site *Site, x *autograd.Value, probability float32) *autograd.Value {
	return p.Tape.Drop(x, p.dropout(site, probability))
}

func (p *Pass) dropout(site *Site, probability float32) compute.Dropout {
	if p.Dropout != nil {
		probability = *p.Dropout
	}
	if !p.Training || probability == 0 {
		return compute.Dropout{}
	}
	return compute.Dropout{P: probability, Seed: p.Seed, Step: p.Step, Site: chance.SiteOf(site.Name)}
}

// Rows are the rows of the batch that a matrix holds, segment by segment.
type Rows struct {
	// List are the rows of the batch; nil means all of them.
	List []int32
	// Spans are each segment's rows in the matrix.
	Spans []compute.Span
	// Places are each row's place in its segment.
	Places []int32
}

// All are all rows of the batch, as it is now.
func (p *Pass) All() *Rows {
	if p.all == nil {
		r := p.rows(len(p.Batch.IDs))
		r.Spans = p.Batch.Segments
		for _, s := range p.Batch.Segments {
			for place := range s.Len {
				r.Places[s.Start+place] = place
			}
		}
		p.all = r
	}
	return p.all
}

// Wanted are the wanted rows: what the last block is computed for. All rows where
// the batch names none.
func (p *Pass) Wanted() *Rows {
	if p.Batch.Wanted == nil {
		return p.All()
	}
	if p.wanted == nil {
		r := p.rows(len(p.Batch.Wanted))
		r.List, r.Spans = p.Batch.Wanted, autograd.Slice[compute.Span](p.Tape, len(p.Batch.Segments))
		next := 0
		for i, s := range p.Batch.Segments {
			from := next
			for ; next < len(r.List) && r.List[next] < s.End(); next++ {
				r.Places[next] = r.List[next] - s.Start
			}
			r.Spans[i] = compute.Span{Start: int32(from), Len: int32(next - from)}
		}
		p.wanted = r
	}
	return p.wanted
}

// rows are n rows whose places are to be set.
func (p *Pass) rows(n int) *Rows {
	r := &autograd.Slice[Rows](p.Tape, 1)[0]
	r.Places = autograd.Slice[int32](p.Tape, n)
	return r
}

// Take is the rows of x, which holds all rows of the batch, that r names.
func (p *Pass) Take(x *autograd.Value, r *Rows) *autograd.Value {
	if r.List == nil {
		return x
	}
	return p.Gather(x, r.List)
}

// Fits fails the pass if a token's position is beyond a model's number of them.
func (p *Pass) Fits(positions int) {
	for _, at := range p.Batch.Positions {
		if int(at) >= positions {
			p.Site = ""
			p.Fail(fmt.Errorf("%w: a segment reaches %d tokens, and the model has %d positions", ErrTooLong, at+1, positions))
			return
		}
	}
}

// ErrTooLong is wrapped by errors about segments that are longer than a model's positions.
var ErrTooLong = errors.New("text is too long")

// Positions are those of the rows that r names.
func (p *Pass) Positions(r *Rows) []int32 {
	if r.List == nil {
		return p.Batch.Positions
	}
	positions := autograd.Slice[int32](p.Tape, len(r.List))
	for i, row := range r.List {
		positions[i] = p.Batch.Positions[row]
	}
	return positions
}

// Narrow makes rows the wanted ones, after the input has settled the batch, unless
// the pass observes hidden states, which want all rows.
func (p *Pass) Narrow(rows []int32) {
	if p.Observe != nil {
		rows = nil
	}
	p.Batch.Wanted, p.wanted = rows, nil
}

// Pick is the given rows of h, which holds the wanted ones.
func (p *Pass) Pick(h *autograd.Value, rows []int32) *autograd.Value {
	if p.Batch.Wanted != nil { // narrowed to them
		return h
	}
	return p.Gather(h, rows)
}

// FirstRows are the rows of the segments' first tokens, LastRows of their last.
func (p *Pass) FirstRows() []int32 {
	rows := autograd.Slice[int32](p.Tape, len(p.Batch.Segments))
	for i, s := range p.Batch.Segments {
		rows[i] = s.Start
	}
	return rows
}

// LastRows are the rows of the segments' last tokens.
func (p *Pass) LastRows() []int32 {
	rows := autograd.Slice[int32](p.Tape, len(p.Batch.Segments))
	for i, s := range p.Batch.Segments {
		rows[i] = s.End() - 1
	}
	return rows
}

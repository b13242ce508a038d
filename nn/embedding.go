package nn

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
)

// Embedding is a table of vectors.
type Embedding struct {
	Site
	// Count and Dim are the table's rows and columns.
	Count, Dim int
	// Weight is [Count, Dim].
	Weight *Param

	deltas slot[EmbeddingDelta]
	inputs slot[InputDelta]
}

// Params is the table.
func (e *Embedding) Params() []*Param { return []*Param{e.Weight} }

// Attach puts d behind what is attached already.
func (e *Embedding) Attach(d EmbeddingDelta) { e.deltas.attach(d) }

// Detach takes d out and reports whether it was there.
func (e *Embedding) Detach(d EmbeddingDelta) bool { return e.deltas.detach(d) }

// AttachInput puts d behind the input deltas attached already.
func (e *Embedding) AttachInput(d InputDelta) { e.inputs.attach(d) }

// DetachInput takes d out and reports whether it was there.
func (e *Embedding) DetachInput(d InputDelta) bool { return e.inputs.detach(d) }

// Forward is the vectors of ids; an id below zero gives zeros.
func (e *Embedding) Forward(p *Pass, ids []int32) *autograd.Value {
	p.Site = e.Name
	for _, id := range ids {
		if int(id) >= e.Count {
			p.Fail(fmt.Errorf("id %d of %d: the batch needs a row that the table does not have", id, e.Count))
			break
		}
	}
	var y *autograd.Value
	if e.Weight.Trains() {
		y = p.LookupMat(e.Weight.matrix(p), ids, 1)
	} else if w, rows, ok := e.Weight.lookedUp(p, ids); ok {
		y = p.Lookup(w, rows, 1)
	} else {
		y = p.Constant(newMat(len(ids), e.Dim))
	}
	for _, d := range e.deltas {
		y = d.Embedding(p, e, ids, y)
	}
	return y
}

// Input is the vectors of the batch's tokens, and of what input deltas put
// before and among them. A model calls it first: it settles the batch.
func (e *Embedding) Input(p *Pass) *autograd.Value {
	e.arrange(p.Batch)
	y := e.Forward(p, p.Batch.IDs)
	n := 1 + len(e.inputs)
	sources, begins := autograd.Slice[*autograd.Value](p.Tape, n)[:0], autograd.Slice[int32](p.Tape, n)[:0]
	sources, begins = append(sources, y), append(begins, 0)
	count := int32(0)
	for _, d := range e.inputs {
		if v := d.Vectors(p, e); v != nil {
			sources, begins = append(sources, v), append(begins, count)
		}
		count += int32(d.Count())
	}
	refs := autograd.Slice[compute.RowRef](p.Tape, len(p.Batch.IDs))
	for i, id := range p.Batch.IDs {
		refs[i].Row = int32(i)
		if id >= 0 {
			continue
		}
		vector := -1 - id
		if vector >= count {
			p.Fail(fmt.Errorf("row %d stands for vector %d, and input deltas have %d", i, vector, count))
			continue
		}
		s := len(begins) - 1
		for ; begins[s] > vector; s-- {
		}
		refs[i] = compute.RowRef{Source: int32(s), Row: vector - begins[s]}
	}
	if len(sources) == 1 {
		return y
	}
	return p.Assemble(sources, refs)
}

// arrange lets every input delta lay out the batch.
func (e *Embedding) arrange(b *Batch) {
	first := int32(-1)
	for _, d := range e.inputs {
		d.Arrange(b, first)
		first -= int32(d.Count())
	}
}

package prompt

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"trimtab/internal/nearest"
)

// Example is what a template is filled with: texts by field name.
type Example struct {
	Fields map[string]string
}

// Blank returns an example with one text in every field, such as "" or "N/A":
// an input that says nothing, for calibration.
func (t *Template) Blank(text string) Example {
	e := Example{Fields: map[string]string{}}
	for _, name := range t.Fields() {
		e.Fields[name] = text
	}
	return e
}

// WrapOptions limits the length of an input.
type WrapOptions struct {
	MaxTokens  int // special tokens included; 0 is no limit
	Truncation Truncation
}

// Input is an example as a model reads it. TypeIDs, Roles and Parts have an
// entry a token, as IDs does.
type Input struct {
	IDs     []int32    // 0 where a soft token stands
	TypeIDs []int32    // token types: a wrapped example is one text, so all are 0
	Roles   []Kind     // what kind of part each token belongs to
	Parts   []int32    // which part, -1 for special tokens that the tokenizer puts around
	Masks   []int      // the positions to read, ascending: the masks, or a causal model's last token
	Soft    []SoftSlot // where vectors go in place of embeddings, ascending
	Cut     int        // how many tokens were cut off
	Cuts    []PartCut  // from which parts
}

// SoftSlot is a position that takes a soft token.
type SoftSlot struct {
	Position int // in the input
	Index    int // in the table of [BoundTemplate.Soft]
}

// PartCut says how many tokens a part lost.
type PartCut struct {
	Part   int // index into the template's parts
	Tokens int
}

// Wrap makes the input of one example. It is an error if a field is missing,
// if the text is not valid UTF-8, or if the input is too long and may not be
// cut that far ([ErrTooLong]).
func (b *BoundTemplate) Wrap(ex Example, o WrapOptions) (*Input, error) {
	ids := make([][]int32, len(b.pieces))
	lengths := make([]int, len(b.pieces))
	total := len(b.before) + len(b.after)
	for i, p := range b.pieces {
		part := &b.template.Parts[p.part]
		ids[i] = p.ids
		if part.Kind == Placeholder || part.Kind == Meta {
			var err error
			if ids[i], err = b.field(part, ex); err != nil {
				return nil, err
			}
			if part.Shortenable {
				lengths[i] = len(ids[i])
			}
		}
		total += len(ids[i])
	}
	in := &Input{}
	if excess := total - o.MaxTokens; o.MaxTokens > 0 && excess > 0 {
		lost, ok := o.Truncation.cut(lengths, excess)
		if !ok {
			return nil, tooLong(total, lengths, o)
		}
		in.Cut = excess
		for i, n := range lost {
			if n == 0 {
				continue
			}
			in.Cuts = append(in.Cuts, PartCut{Part: b.pieces[i].part, Tokens: n})
			if o.Truncation == Head {
				ids[i] = ids[i][n:]
			} else {
				ids[i] = ids[i][:len(ids[i])-n]
			}
		}
		total = o.MaxTokens
	}
	return in, b.join(in, ids, total)
}

// tooLong says why an input can not be cut.
func tooLong(total int, lengths []int, o WrapOptions) error {
	if o.Truncation == NoCut {
		return fmt.Errorf("%w: %d tokens, the limit is %d and truncation is error", ErrTooLong, total, o.MaxTokens)
	}
	rest := total
	for _, n := range lengths {
		rest -= n
	}
	return fmt.Errorf("%w: %d tokens, the limit is %d, and %d of them are template, masks or fields that may not be cut; give a field \"shortenable\": True or raise the limit", ErrTooLong, total, o.MaxTokens, rest)
}

// field returns the ids of a field's text.
func (b *BoundTemplate) field(part *Part, ex Example) ([]int32, error) {
	text, ok := ex.Fields[part.Value]
	if !ok {
		return nil, fmt.Errorf("the example has no field %s, which the template needs%s", quote(part.Value), nearest.Suggest(part.Value, sortedKeys(ex.Fields)))
	}
	for _, m := range part.Post {
		text = m.Apply(text)
	}
	ids, err := plainIDs(b.tok, part.spelled(text))
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", quote(part.Value), err)
	}
	return ids, nil
}

// join puts the parts' ids together.
func (b *BoundTemplate) join(in *Input, ids [][]int32, total int) error {
	in.IDs, in.TypeIDs = make([]int32, 0, total), make([]int32, total)
	in.Roles, in.Parts = make([]Kind, 0, total), make([]int32, 0, total)
	add := func(ids []int32, role Kind, part int) {
		for _, id := range ids {
			in.IDs, in.Roles, in.Parts = append(in.IDs, id), append(in.Roles, role), append(in.Parts, int32(part))
		}
	}
	add(b.before, Special, -1)
	for i, p := range b.pieces {
		at := len(in.IDs)
		role := b.template.Parts[p.part].Kind
		add(ids[i], role, p.part)
		for j, index := range p.soft {
			in.Soft = append(in.Soft, SoftSlot{Position: at + j, Index: index})
		}
		if role == Mask {
			if b.causal {
				at--
			}
			in.Masks = append(in.Masks, at)
		}
	}
	add(b.after, Special, -1)
	if in.Masks[0] < 0 {
		return fmt.Errorf("%w: a causal model reads the mask at the token before it, and there is none", ErrBind)
	}
	return nil
}

// Report counts what was cut.
type Report struct {
	Examples int // wrapped
	Cut      int // examples that lost tokens
	Tokens   int // tokens lost
}

// WrapAll wraps many examples, on all cores. An error names the first example
// that fails, from 1.
func (b *BoundTemplate) WrapAll(examples []Example, o WrapOptions) ([]*Input, Report, error) {
	inputs, errs := make([]*Input, len(examples)), make([]error, len(examples))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(examples)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(examples); i = int(next.Add(1)) - 1 {
				inputs[i], errs[i] = b.Wrap(examples[i], o)
			}
		})
	}
	group.Wait()
	r := Report{Examples: len(examples)}
	for i, err := range errs {
		if err != nil {
			return nil, Report{}, fmt.Errorf("example %d: %w", i+1, err)
		}
		if inputs[i].Cut > 0 {
			r.Cut++
			r.Tokens += inputs[i].Cut
		}
	}
	return inputs, r, nil
}

package prompt

import (
	"errors"
	"fmt"

	"trimtab/tokenizer"
)

// ErrBind is the sentinel of templates that do not fit a tokenizer or a kind
// of model.
var ErrBind = errors.New("the template does not fit")

// BindOptions says what kind of model a template is for.
type BindOptions struct {
	// Causal models answer with the token after the last one: the input ends
	// before the mask.
	Causal bool
}

// BoundTemplate is a template joined to a tokenizer. It is not changed by use
// and may be shared.
type BoundTemplate struct {
	template      *Template
	tok           *tokenizer.Tokenizer
	before, after []int32 // the special tokens around a text
	pieces        []piece
	soft          []SoftToken
	masks         int
	causal        bool
	unread        string // template text after a causal model's mask
}

// piece is a part as far as it is known without an example.
type piece struct {
	part int     // index into the template's parts
	ids  []int32 // fixed ids: text, special tokens, masks, soft tokens' zeros
	soft []int   // soft tokens: the index of each
}

// SoftToken is one trained vector in the place of a token's embedding.
type SoftToken struct {
	Name  string // stable across runs: soft.1.0 is the first vector that the first soft part makes, soft_id.3.0 the first of number 3
	Start int32  // the id whose embedding it starts from, -1 for noise
	Word  string // that token, "" for noise
}

// Bind joins the template to a tokenizer: template text is tokenized, special
// tokens are looked up and soft tokens are numbered, once.
func (t *Template) Bind(tok *tokenizer.Tokenizer, o BindOptions) (*BoundTemplate, error) {
	b := &BoundTemplate{template: t, tok: tok, causal: o.Causal}
	var err error
	if b.before, b.after, err = around(tok); err != nil {
		return nil, err
	}
	if o.Causal {
		b.after = nil
	}
	bySoftID := map[int][]int{}
	for i := range t.Parts {
		if b.causal && b.masks > 0 {
			if err := b.afterMask(&t.Parts[i]); err != nil {
				return nil, err
			}
			continue
		}
		p, err := b.piece(i, bySoftID)
		if err != nil {
			return nil, err
		}
		b.pieces = append(b.pieces, p)
	}
	if b.masks == 0 {
		return nil, ErrNoMask
	}
	return b, nil
}

// fail makes an error about a part.
func (b *BoundTemplate) fail(p *Part, format string, args ...any) error {
	return fmt.Errorf("template: %s: %w: %s", place(p.Line, p.Column), ErrBind, fmt.Sprintf(format, args...))
}

// afterMask takes a part that a causal model does not come to read.
func (b *BoundTemplate) afterMask(p *Part) error {
	switch {
	case p.Kind == Text:
		b.unread += map[bool]string{true: " "}[p.Space] + p.Value
		return nil
	case p.Kind == Mask:
		return b.fail(p, "a causal model answers once, at the end; there is a second mask here")
	}
	return b.fail(p, "a causal model answers at the end of its input; %s %s stands after the mask", p.Kind, quote(p.Value))
}

// piece tokenizes what is known of part i.
func (b *BoundTemplate) piece(i int, bySoftID map[int][]int) (piece, error) {
	part := &b.template.Parts[i]
	p := piece{part: i}
	var err error
	switch part.Kind {
	case Text:
		p.ids, err = b.encode(part, part.Value)
	case Special:
		id, problem := special(b.tok, part.Value)
		if problem != "" {
			return p, b.fail(part, "%s", problem)
		}
		p.ids = []int32{id}
	case Mask:
		b.masks++
		if b.causal {
			break
		}
		id, problem := special(b.tok, "<mask>")
		if problem != "" {
			return p, b.fail(part, "%s; a causal model needs none", problem)
		}
		p.ids = []int32{id}
	case Soft:
		p.soft, err = b.softPart(part, bySoftID)
		p.ids = make([]int32, len(p.soft))
	}
	return p, err
}

// softPart returns the vectors of a soft part, and makes those that are new.
func (b *BoundTemplate) softPart(part *Part, bySoftID map[int][]int) ([]int, error) {
	if known, ok := bySoftID[part.SoftID]; ok && part.SoftID != 0 {
		return known, nil
	}
	words := []int32{-1}
	if part.Value != "" {
		var err error
		if words, err = wordIDs(b.tok, part.spelled(part.Value)); err != nil {
			return nil, b.fail(part, "soft words %s: %v", quote(part.Value), err)
		}
	}
	copies := max(1, part.Duplicate)
	if len(b.soft)+len(words)*copies > maxSoft {
		return nil, b.fail(part, "more than %d soft tokens", maxSoft)
	}
	name := fmt.Sprintf("soft.%d", b.softParts(part))
	if part.SoftID != 0 {
		name = fmt.Sprintf("soft_id.%d", part.SoftID)
	}
	first := len(b.soft)
	var indices []int
	for c := range copies {
		for w, id := range words {
			if c > 0 && part.Same {
				indices = append(indices, first+w)
				continue
			}
			s := SoftToken{Name: fmt.Sprintf("%s.%d", name, len(b.soft)-first), Start: id}
			if id >= 0 {
				s.Word = b.token(id)
			}
			indices = append(indices, len(b.soft))
			b.soft = append(b.soft, s)
		}
	}
	if part.SoftID != 0 {
		bySoftID[part.SoftID] = indices
	}
	return indices, nil
}

// softParts counts the soft parts without a soft_id up to this one.
func (b *BoundTemplate) softParts(to *Part) int {
	n := 0
	for i := range b.template.Parts {
		p := &b.template.Parts[i]
		if p.Kind == Soft && p.SoftID == 0 {
			n++
		}
		if p == to {
			break
		}
	}
	return n
}

// encode tokenizes one part's text, with the space before it.
func (b *BoundTemplate) encode(p *Part, text string) ([]int32, error) {
	ids, err := plainIDs(b.tok, p.spelled(text))
	if err != nil {
		return nil, fmt.Errorf("template: %s: %w", place(p.Line, p.Column), err)
	}
	return ids, nil
}

// Soft returns the table of soft tokens: [Input.Soft] indexes it. Vector i
// starts from the embedding of its Start, or from noise.
func (b *BoundTemplate) Soft() []SoftToken { return append([]SoftToken(nil), b.soft...) }

// Masks returns how many positions of an input are read.
func (b *BoundTemplate) Masks() int { return b.masks }

// Template returns what was bound.
func (b *BoundTemplate) Template() *Template { return b.template }

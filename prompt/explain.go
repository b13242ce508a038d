package prompt

import "fmt"

// Explanation shows an input token by token.
type Explanation struct {
	Tokens []ExplainedToken `json:"tokens"`
	Cut    []CutField       `json:"cut,omitempty"`
	Unread string           `json:"unread,omitempty"` // template text after a causal model's mask, which is left out
}

// ExplainedToken is one position of an input.
type ExplainedToken struct {
	Position int    `json:"position"`
	ID       int32  `json:"id"`
	Token    string `json:"token"`            // as the vocabulary spells it; a soft token's name
	Role     string `json:"role"`             // text, placeholder, meta, special, mask or soft
	Source   string `json:"source,omitempty"` // a field's name; the token that a soft token starts from
	Read     bool   `json:"read,omitempty"`   // the model is asked here
}

// CutField says how many tokens a field lost.
type CutField struct {
	Field  string `json:"field"`
	Tokens int    `json:"tokens"`
}

// Explain says what each token of an input is and where it comes from.
func (b *BoundTemplate) Explain(in *Input) (*Explanation, error) {
	e := &Explanation{Unread: b.unread}
	for i, id := range in.IDs {
		t := ExplainedToken{Position: i, ID: id, Token: b.token(id), Role: in.Roles[i].String()}
		if role := in.Roles[i]; role == Placeholder || role == Meta {
			t.Source = b.template.Parts[in.Parts[i]].Value
		}
		e.Tokens = append(e.Tokens, t)
	}
	for _, s := range in.Soft {
		if s.Position >= len(e.Tokens) || s.Index >= len(b.soft) {
			return nil, fmt.Errorf("%w: soft token %d at position %d is not of this template", ErrBind, s.Index, s.Position)
		}
		e.Tokens[s.Position].Token, e.Tokens[s.Position].Source = b.soft[s.Index].Name, b.soft[s.Index].Word
	}
	for _, m := range in.Masks {
		e.Tokens[m].Read = true
	}
	for _, c := range in.Cuts {
		e.Cut = append(e.Cut, CutField{Field: b.template.Parts[c.Part].Value, Tokens: c.Tokens})
	}
	return e, nil
}

// token returns the spelling of an id.
func (b *BoundTemplate) token(id int32) string {
	token, ok := b.tok.Token(id)
	if !ok {
		return fmt.Sprintf("id %d", id)
	}
	return token
}

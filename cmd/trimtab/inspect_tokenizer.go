package main

import (
	"fmt"

	"trimtab/tokenizer"
)

// tokenizerReport is what inspect says of a tokenizer.
type tokenizerReport struct {
	Kind    string         `json:"kind"`
	Path    string         `json:"path"`
	Tokens  int            `json:"tokens"`
	Special []specialToken `json:"special"`
}

// specialToken is a token with a role.
type specialToken struct {
	Role  string `json:"role"`
	ID    int32  `json:"id"`
	Token string `json:"token"`
}

func (o *inspecting) tokenizer(out *printer, path string) error {
	t, err := openTokenizer(path)
	if err != nil {
		return err
	}
	r := tokenizerReport{Kind: "tokenizer", Path: path, Tokens: t.Size(), Special: specials(t)}
	if o.json {
		return out.json(r)
	}
	rows := [][]string{{"tokenizer", path}, {"tokens", number(r.Tokens)}}
	for _, s := range r.Special {
		rows = append(rows, []string{s.Role, fmt.Sprintf("%d %s", s.ID, s.Token)})
	}
	out.table(rows)
	return nil
}

// specials are the tokens that a tokenizer has a role for.
func specials(t *tokenizer.Tokenizer) []specialToken {
	list := []specialToken{}
	s := t.Special()
	for _, r := range []struct {
		role string
		id   int32
	}{{"cls", s.CLS}, {"sep", s.SEP}, {"mask", s.Mask}, {"pad", s.Pad}, {"unknown", s.Unknown}, {"bos", s.BOS}, {"eos", s.EOS}} {
		if token, ok := t.Token(r.id); ok {
			list = append(list, specialToken{r.role, r.id, token})
		}
	}
	return list
}

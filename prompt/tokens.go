package prompt

import (
	"fmt"
	"strings"

	"trimtab/tokenizer"
)

// plainIDs tokenizes a text as it is: nothing put around it, nothing cut.
func plainIDs(tok *tokenizer.Tokenizer, text string) ([]int32, error) {
	e, err := tok.Encode(text, tokenizer.Options{NoSpecialTokens: true, NoTruncation: true, NoPadding: true})
	if err != nil {
		return nil, err
	}
	return e.IDs, nil
}

// around returns the special tokens that the tokenizer puts before and after a
// single text.
func around(tok *tokenizer.Tokenizer) (before, after []int32, err error) {
	e, err := tok.WithSpecials([]int32{0}, nil)
	if err != nil {
		return nil, nil, err
	}
	seen := false
	for i, which := range e.Sequence {
		switch {
		case which == 0:
			seen = true
		case seen:
			after = append(after, e.IDs[i])
		default:
			before = append(before, e.IDs[i])
		}
	}
	return before, after, nil
}

// special returns the id of a special token by its role, <sep> for instance, or
// as the vocabulary spells it, and otherwise says what is wrong.
func special(tok *tokenizer.Tokenizer, name string) (id int32, problem string) {
	s := tok.Special()
	roles := map[string]int32{
		"<cls>": s.CLS, "<sep>": s.SEP, "<mask>": s.Mask, "<pad>": s.Pad, "<unk>": s.Unknown, "<bos>": s.BOS, "<eos>": s.EOS,
	}
	if id, ok := roles[name]; ok && id >= 0 {
		return id, ""
	}
	if id, ok := tok.ID(name); ok {
		return id, ""
	}
	var has []string
	for _, role := range sortedKeys(roles) {
		if roles[role] >= 0 {
			token, _ := tok.Token(roles[role])
			has = append(has, role+" ("+token+")")
		}
	}
	return 0, fmt.Sprintf("the tokenizer has no token %s; it has %s", quote(name), strings.Join(has, ", "))
}

package tokenizer

import "fmt"

// Special are the ids of the tokens with a role, -1 where there is none.
type Special struct {
	CLS, SEP, Mask, Pad, Unknown, BOS, EOS int32
}

// Special returns the tokens with a role: those that tokenizer_config.json and
// special_tokens_map.json name; for the rest, and where there are no such files,
// those that the post-processor and the model state, and added special tokens of
// a well-known spelling.
func (t *Tokenizer) Special() Special { return t.roles }

// role is one field of Special, its key in the configuration files, and the
// spellings that a special token of that role commonly has.
type role struct {
	key       string
	id        func(*Special) *int32
	spellings []string
}

var roles = []role{
	{"cls_token", func(s *Special) *int32 { return &s.CLS }, []string{"[CLS]"}},
	{"sep_token", func(s *Special) *int32 { return &s.SEP }, []string{"[SEP]"}},
	{"mask_token", func(s *Special) *int32 { return &s.Mask }, []string{"[MASK]", "<mask>"}},
	{"pad_token", func(s *Special) *int32 { return &s.Pad }, []string{"[PAD]", "<pad>"}},
	{"unk_token", func(s *Special) *int32 { return &s.Unknown }, []string{"[UNK]", "<unk>"}},
	{"bos_token", func(s *Special) *int32 { return &s.BOS }, []string{"<s>", "<|begin_of_text|>", "<|endoftext|>"}},
	{"eos_token", func(s *Special) *int32 { return &s.EOS }, []string{"</s>", "<|end_of_text|>", "<|endoftext|>"}},
}

// wellKnownRoles are the roles without any configuration file.
func (t *Tokenizer) wellKnownRoles() Special {
	var s Special
	for _, r := range roles {
		*r.id(&s) = -1
		for _, spelling := range r.spellings {
			if i, ok := t.added.byText[spelling]; ok && t.added.list[i].special {
				*r.id(&s) = t.added.list[i].id
				break
			}
		}
	}
	for _, p := range t.postprocessors {
		if b, ok := p.(interface{ brackets() (cls, sep int32) }); ok {
			s.CLS, s.SEP = b.brackets()
		}
	}
	if m, ok := t.model.(interface{ unknownToken() (int32, bool) }); ok {
		if id, ok := m.unknownToken(); ok {
			s.Unknown = id
		}
	}
	return s
}

// brackets are the tokens around a text.
func (b bertProcessing) brackets() (cls, sep int32) { return b.cls.ids[0], b.sep.ids[0] }

func (m *wordPiece) unknownToken() (int32, bool) { return m.id(m.unknown) }

// name gives the roles that a configuration file states. Its values are strings
// or objects with the key "content".
func (t *Tokenizer) name(config node) error {
	for i, key := range config.kids.keys {
		for _, r := range roles {
			if key != r.key {
				continue
			}
			v := config.kids.values[i]
			if v.kind == kindNull {
				continue
			}
			if v.kind == kindObject {
				v = fieldsOf(key, v).need("content", kindString)
			}
			if v.kind != kindString {
				return fmt.Errorf("key %q: expected a token, found %s", key, v.kind)
			}
			id, ok := t.ID(v.text)
			if !ok {
				return fmt.Errorf("key %q: token %q is not in the vocabulary", key, v.text)
			}
			*r.id(&t.roles) = id
		}
	}
	return nil
}

// WithSpecials puts the post-processor's special tokens around ids, or around
// the two sequences of a pair where b is not nil, as transformers'
// build_inputs_with_special_tokens does. The encoding has no offsets. Nothing is
// truncated or padded.
func (t *Tokenizer) WithSpecials(a, b []int32) (*Encoding, error) {
	parts := []*Encoding{t.encodingOf(a, 0)}
	if b != nil {
		parts = append(parts, t.encodingOf(b, 1))
	}
	return process(t.postprocessors, parts, true, make([]string, len(parts)))
}

// encodingOf is the encoding of ids without special tokens.
func (t *Tokenizer) encodingOf(ids []int32, which int8) *Encoding {
	e := newEncoding(len(ids) + 4)
	for _, id := range ids {
		token, _ := t.Token(id)
		e.add(id, token, Span{}, int32(which), false, which)
	}
	return e
}

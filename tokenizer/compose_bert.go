package tokenizer

import (
	"bytes"
	"fmt"
	"strings"
)

// bertSpecials are the special tokens of BERT: pad, unknown, class, separator
// and mask.
var bertSpecials = [5]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// bertRoles are the configuration keys of bertSpecials.
var bertRoles = [5]string{"pad_token", "unk_token", "cls_token", "sep_token", "mask_token"}

// bertOptions are those of BERT's tokenizer.
type bertOptions struct {
	lower, chinese bool
	accents        *bool     // nil: stripped where lower
	roles          [5]string // the tokens of bertRoles, if not bertSpecials
}

// bertFiles are the files of a BERT tokenizer with the vocabulary tokens.
func bertFiles(tokens, special []string, o bertOptions) (files, error) {
	if o.roles == [5]string{} {
		o.roles = bertSpecials
	}
	ids := map[string]int{}
	for i, t := range tokens {
		ids[t] = i
	}
	unknown, cls, sep := o.roles[1], o.roles[2], o.roles[3]
	for _, t := range []string{unknown, cls, sep} {
		if _, ok := ids[t]; !ok {
			return nil, fmt.Errorf("special token %q is not in the vocabulary", t)
		}
	}
	token := func(t string, typeID int) object {
		return object{{"SpecialToken", object{{"id", t}, {"type_id", typeID}}}}
	}
	text := func(id string, typeID int) object {
		return object{{"Sequence", object{{"id", id}, {"type_id", typeID}}}}
	}
	stands := func(t string) field {
		return field{t, object{{"id", t}, {"ids", []int{ids[t]}}, {"tokens", []string{t}}}}
	}
	document := object{
		{"version", "1.0"}, {"truncation", nil}, {"padding", nil},
		{"added_tokens", specialObjects(special, tokens, "")},
		{"normalizer", object{{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", o.chinese},
			{"strip_accents", o.accents}, {"lowercase", o.lower}}},
		{"pre_tokenizer", object{{"type", "BertPreTokenizer"}}},
		{"post_processor", object{{"type", "TemplateProcessing"},
			{"single", []object{token(cls, 0), text("A", 0), token(sep, 0)}},
			{"pair", []object{token(cls, 0), text("A", 0), token(sep, 0), text("B", 1), token(sep, 1)}},
			{"special_tokens", object{stands(cls), stands(sep)}}}},
		{"decoder", object{{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
		{"model", object{{"type", "WordPiece"}, {"unk_token", unknown}, {"continuing_subword_prefix", "##"},
			{"max_input_chars_per_word", 100}, {"vocab", numbered(tokens)}}},
	}
	config := object{{"tokenizer_class", "BertTokenizer"}, {"do_lower_case", o.lower},
		{"tokenize_chinese_chars", o.chinese}, {"strip_accents", o.accents}}
	for i, key := range bertRoles {
		if _, ok := ids[o.roles[i]]; ok {
			config = append(config, field{key, o.roles[i]})
		}
	}
	return encodeFiles(document, config)
}

// encodeFiles are a tokenizer.json and its tokenizer_config.json.
func encodeFiles(document, config object) (files, error) {
	a, err := indented(document)
	if err != nil {
		return nil, err
	}
	b, err := indented(config)
	return files{tokenizerFile: a, configFile: b}, err
}

// composeBERT makes a tokenizer.json of a vocab.txt, which has a token a line.
func (f files) composeBERT(data []byte, class string, c oldConfig) error {
	switch strings.TrimSuffix(class, "Fast") {
	case "", "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer":
	default:
		return fmt.Errorf("%s: key \"tokenizer_class\": %w: %s with a %s and no %s", configFile, ErrUnsupported, class, wordPieceFile, tokenizerFile)
	}
	if bad := firstInvalid(string(data)); bad >= 0 {
		return fmt.Errorf("%s: %w at byte %d", wordPieceFile, ErrNotUTF8, bad)
	}
	o := bertOptions{lower: c.fields.boolOr("do_lower_case", true), chinese: c.fields.boolOr("tokenize_chinese_chars", true)}
	if n, ok := c.fields.maybe("strip_accents", kindBool); ok {
		strip := n.text == "true"
		o.accents = &strip
	}
	if !c.fields.boolOr("do_basic_tokenize", true) {
		c.fields.fail("key \"do_basic_tokenize\": %w: false", ErrUnsupported)
	}
	if n, ok := c.fields.take("never_split"); ok && n.kind != kindNull {
		c.fields.fail("key \"never_split\": %w: words that are never split", ErrUnsupported)
	}
	for i, key := range bertRoles {
		o.roles[i] = c.token(key, bertSpecials[i])
	}
	if c.fields.err != nil {
		return c.fields.err
	}
	tokens := lines(data)
	seen := map[string]int{}
	for i, t := range tokens {
		tokens[i] = strings.TrimRight(t, " \t\r\n\v\f")
		if first, ok := seen[tokens[i]]; ok {
			return fmt.Errorf("%s: lines %d and %d hold the same token %q", wordPieceFile, first+1, i+1, tokens[i])
		}
		seen[tokens[i]] = i
	}
	made, err := bertFiles(tokens, o.roles[:], o)
	if err != nil {
		return fmt.Errorf("%s: %w", wordPieceFile, err)
	}
	f[tokenizerFile] = made[tokenizerFile]
	return nil
}

// lines are the vocabulary as a vocab.txt; ok is false where it cannot be
// written as one, because ids have holes or a token holds white space at its
// end or a line break.
func (m *wordPiece) lines() (data []byte, ok bool) {
	var b bytes.Buffer
	for id, t := range m.tokens {
		if _, there := m.token(int32(id)); !there || t != strings.TrimRight(t, " \t\r\n\v\f") || strings.ContainsAny(t, "\n\r") {
			return nil, false
		}
		b.WriteString(t)
		b.WriteByte('\n')
	}
	return b.Bytes(), true
}

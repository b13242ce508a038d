package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trimtab/tokenizer"
)

// tinyTokenizer knows the words a to z, "it" and "was", and [CLS] and [SEP] around a text.
func tinyTokenizer(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	vocab := map[string]int{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "it": 5, "was": 6, ".": 7}
	for c := 'a'; c <= 'z'; c++ {
		vocab[string(c)] = len(vocab)
		vocab["##"+string(c)] = len(vocab)
	}
	var added []map[string]any
	for id, token := range []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"} {
		added = append(added, map[string]any{"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
	}
	data, err := json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added,
		"normalizer":     map[string]any{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer":  map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{"type": "BertProcessing", "sep": []any{"[SEP]", 3}, "cls": []any{"[CLS]", 2}},
		"decoder":        nil,
		"model":          map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab},
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func bind(t testing.TB, source string, o BindOptions) *BoundTemplate {
	t.Helper()
	parsed, err := ParseTemplate(source)
	if err != nil {
		t.Fatal(err)
	}
	b, err := parsed.Bind(tinyTokenizer(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// spell writes an input's tokens, soft tokens by name, read positions in brackets.
func spell(t testing.TB, b *BoundTemplate, in *Input) string {
	t.Helper()
	e, err := b.Explain(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, tok := range e.Tokens {
		if tok.Read {
			tok.Token = "<" + tok.Token + ">"
		}
		out = append(out, tok.Token)
	}
	for _, c := range e.Cut {
		out = append(out, fmt.Sprintf("%s-%d", c.Field, c.Tokens))
	}
	if e.Unread != "" {
		out = append(out, "unread:"+e.Unread)
	}
	return strings.Join(out, " ")
}

func TestWrap(t *testing.T) {
	long := Example{Fields: map[string]string{"x": "a b c d e f", "y": "u v w", "z": "X!"}}
	cases := []struct {
		template string
		causal   bool
		o        WrapOptions
		want     string
	}{
		{`{x} It was {mask}.`, false, WrapOptions{}, "[CLS] a b c d e f it was <[MASK]> . [SEP]"},
		{`{x} It was {mask}.`, false, WrapOptions{MaxTokens: 8}, "[CLS] a b it was <[MASK]> . [SEP] x-4"},
		{`{x} It was {mask}.`, false, WrapOptions{MaxTokens: 8, Truncation: Head}, "[CLS] e f it was <[MASK]> . [SEP] x-4"},
		{`{x} {y} {mask}`, false, WrapOptions{MaxTokens: 8}, "[CLS] a b c d e <[MASK]> [SEP] x-1 y-3"},
		{`{x} {y} {mask}`, false, WrapOptions{MaxTokens: 8, Truncation: Head}, "[CLS] e f u v w <[MASK]> [SEP] x-4"},
		{`{x} {y} {mask}`, false, WrapOptions{MaxTokens: 8, Truncation: Balanced}, "[CLS] a b c u v <[MASK]> [SEP] x-3 y-1"},
		{`{"meta": "x"} {y} {mask}`, false, WrapOptions{MaxTokens: 10}, "[CLS] a b c d e f u <[MASK]> [SEP] y-2"},
		{`{"meta": "x", "shortenable": True} {"placeholder": "y", "shortenable": False} {mask}`, false, WrapOptions{MaxTokens: 7}, "[CLS] a u v w <[MASK]> [SEP] x-5"},
		{`{"placeholder": "z", "post_processing": lambda s: s.rstrip(string.punctuation)}{"special": "<sep>"}{"special": "[PAD]"}{mask}`, false, WrapOptions{}, "[CLS] x [SEP] [PAD] <[MASK]> [SEP]"},
		{`{mask}{mask} {y} {mask}`, false, WrapOptions{MaxTokens: 5}, "[CLS] <[MASK]> <[MASK]> <[MASK]> [SEP] y-3"},
		{`{soft}{"soft": "it was", "soft_id": 7} {mask} {"soft_id": 7}{"soft": None, "duplicate": 2}{"soft": "a b", "duplicate": 2, "same": True}`, false, WrapOptions{},
			"[CLS] soft.1.0 soft_id.7.0 soft_id.7.1 <[MASK]> soft_id.7.0 soft_id.7.1 soft.2.0 soft.2.1 soft.3.0 soft.3.1 soft.3.0 soft.3.1 [SEP]"},
		{`{x} It was {mask} .`, true, WrapOptions{MaxTokens: 5}, "[CLS] a b it <was> x-4 unread: ."},
		{`{x} {soft} {mask}`, true, WrapOptions{MaxTokens: 3, Truncation: Head}, "[CLS] f <soft.1.0> x-5"},
	}
	for _, c := range cases {
		b := bind(t, c.template, BindOptions{Causal: c.causal})
		in, err := b.Wrap(long, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if got := spell(t, b, in); got != c.want {
			t.Errorf("%s, %+v:\n got %s\nwant %s", c.template, c.o, got, c.want)
		}
	}
}

func TestSoftTable(t *testing.T) {
	b := bind(t, `{soft}{"soft": "It was", "soft_id": 2} {mask}{"soft_id": 2}`, BindOptions{})
	want := []SoftToken{{Name: "soft.1.0", Start: -1}, {Name: "soft_id.2.0", Start: 5, Word: "it"}, {Name: "soft_id.2.1", Start: 6, Word: "was"}}
	if got := b.Soft(); !slices.Equal(got, want) {
		t.Errorf("table %+v, want %+v", got, want)
	}
}

func TestBindErrors(t *testing.T) {
	cases := []struct {
		template string
		causal   bool
		message  string
	}{
		{`{x} {"special": "<eos>"} {mask}`, false, `column 5: the template does not fit: the tokenizer has no token "<eos>"; it has <cls> ([CLS])`},
		{`{x} {"soft": "你"} {mask}`, false, `column 5`},
		{`{x} {"soft": "  "} {mask}`, false, `makes no token`},
		{`{x} {"soft": "` + strings.Repeat("a ", 5000) + `"} {mask}`, false, `more than 4096`},
		{`{x} {mask} {mask}`, true, `column 12: the template does not fit: a causal model answers once`},
		{`{mask} {x}`, true, `placeholder "x" stands after the mask`},
	}
	tok := tinyTokenizer(t)
	for _, c := range cases {
		parsed, err := ParseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parsed.Bind(tok, BindOptions{Causal: c.causal})
		if !errors.Is(err, ErrBind) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%.60s: error %v, want one with %q", c.template, err, c.message)
		}
	}
}

func TestWrapErrors(t *testing.T) {
	b := bind(t, `{sentence} It was {mask}.`, BindOptions{})
	cases := []struct {
		fields   map[string]string
		o        WrapOptions
		message  string
		sentinel error
	}{
		{map[string]string{"sentense": "a"}, WrapOptions{}, `no field "sentence", which the template needs; did you mean "sentense"?`, nil},
		{map[string]string{"sentence": "a\xff"}, WrapOptions{}, `field "sentence": `, tokenizer.ErrNotUTF8},
		{map[string]string{"sentence": "a"}, WrapOptions{MaxTokens: 5}, "7 tokens, the limit is 5, and 6 of them", ErrTooLong},
		{map[string]string{"sentence": "a"}, WrapOptions{MaxTokens: 6, Truncation: NoCut}, "truncation is error", ErrTooLong},
	}
	for _, c := range cases {
		_, err := b.Wrap(Example{Fields: c.fields}, c.o)
		if err == nil || !strings.Contains(err.Error(), c.message) || c.sentinel != nil && !errors.Is(err, c.sentinel) {
			t.Errorf("%v: error %v, want one with %q", c.fields, err, c.message)
		}
	}
	_, _, err := b.WrapAll([]Example{{Fields: map[string]string{"sentence": "a"}}, {}}, WrapOptions{})
	if err == nil || !strings.HasPrefix(err.Error(), "example 2: ") {
		t.Errorf("the second example fails with %v", err)
	}
}

func TestWrapAllReports(t *testing.T) {
	b := bind(t, `{x} {mask}`, BindOptions{})
	var examples []Example
	for i := range 50 {
		examples = append(examples, Example{Fields: map[string]string{"x": strings.Repeat("a ", i)}})
	}
	inputs, r, err := b.WrapAll(examples, WrapOptions{MaxTokens: 43})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Report{Examples: 50, Cut: 9, Tokens: 45}); r != want {
		t.Errorf("report %+v, want %+v", r, want)
	}
	for i, in := range inputs {
		if len(in.IDs) != min(i+3, 43) {
			t.Errorf("example %d has %d tokens", i, len(in.IDs))
		}
	}
}

// Whatever is cut, and how: masks, soft tokens, special tokens and template
// text stay, the length is the limit, and what is left of a field is a run of it.
func TestCuttingKeepsTheTemplate(t *testing.T) {
	b := bind(t, `{x} it {soft} {"meta": "y", "shortenable": True} {mask} was {"special": "<sep>"} {"meta": "z"} {mask}`, BindOptions{})
	r := rand.New(rand.NewPCG(1, 2))
	words := func() string { return strings.Repeat("a b c ", r.IntN(8)) }
	cut := 0
	for range 2000 {
		ex := Example{Fields: map[string]string{"x": words(), "y": words(), "z": "z z"}}
		whole, err := b.Wrap(ex, WrapOptions{})
		if err != nil {
			t.Fatal(err)
		}
		o := WrapOptions{MaxTokens: 1 + r.IntN(60), Truncation: Truncation(r.IntN(3))}
		in, err := b.Wrap(ex, o)
		if errors.Is(err, ErrTooLong) {
			if o.MaxTokens >= 10 {
				t.Fatalf("%d tokens are not enough: %v", o.MaxTokens, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if in.Cut > 0 {
			cut++
		}
		if len(in.IDs) != min(len(whole.IDs), o.MaxTokens) || len(in.IDs)+in.Cut != len(whole.IDs) {
			t.Fatalf("%d tokens cut by %d to %d, the limit is %d", len(whole.IDs), in.Cut, len(in.IDs), o.MaxTokens)
		}
		fixed := func(in *Input) (ids []int32) {
			for i, id := range in.IDs {
				if p := in.Parts[i]; p < 0 || !b.template.Parts[p].Shortenable {
					ids = append(ids, id)
				}
			}
			return ids
		}
		if !slices.Equal(fixed(whole), fixed(in)) || len(in.Masks) != 2 || len(in.Soft) != 1 {
			t.Fatalf("cutting changed the template: %s", spell(t, b, in))
		}
		for _, m := range in.Masks {
			if in.Roles[m] != Mask {
				t.Fatalf("position %d is read and no mask: %s", m, spell(t, b, in))
			}
		}
	}
	if cut < 500 {
		t.Errorf("only %d of 2000 were cut", cut)
	}
}

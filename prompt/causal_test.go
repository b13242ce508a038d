package prompt

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/near"
	"trimtab/tokenizer"
)

// gpt2Tokenizer is GPT-2's byte-level BPE, from the files that its authors published.
func gpt2Tokenizer(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	vocab, err := os.ReadFile(near.Shared(t, "tokenizers", "gpt2", "encoder.json"))
	if err != nil {
		t.Fatal(err)
	}
	merges, err := os.ReadFile(near.Shared(t, "tokenizers", "gpt2", "vocab.bpe"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(merges)), "\n")[1:]
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	data, err := json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil, "added_tokens": []any{},
		"pre_tokenizer": level, "post_processor": level, "decoder": level,
		"model": map[string]any{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": "", "end_of_word_suffix": "",
			"fuse_unk": false, "vocab": json.RawMessage(vocab), "merges": lines},
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

// The space before a part and before a label word decides which token it is.
// The ids are those of the tokenizers library.
func TestSpacesInByteLevelBPE(t *testing.T) {
	tok := gpt2Tokenizer(t)
	parsed, err := ParseTemplate(`{x} It was {mask}.`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := parsed.Bind(tok, BindOptions{Causal: true})
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.Wrap(Example{Fields: map[string]string{"x": "Hello world"}}, WrapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(in.IDs, []int32{15496, 995, 632, 373}) || !slices.Equal(in.Masks, []int{3}) {
		t.Errorf("ids %d read at %d", in.IDs, in.Masks)
	}
	if got, want := spell(t, b, in), "Hello Ġworld ĠIt <Ġwas> unread:."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	z := Verbalizer{Classes: []string{"n", "p"}, Words: [][]string{{"bad"}, {"<!>good", "great", "absolutely wonderful"}}}
	v, err := z.Bind(tok, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{1049, 2089, 5543, 7932, 11274}; !slices.Equal(v.Vocabulary, want) {
		t.Errorf("rows %d, want %d", v.Vocabulary, want)
	}
}

// A causal model that reads the mask where nothing stands before it.
func TestCausalNeedsSomethingBefore(t *testing.T) {
	parsed, err := ParseTemplate(`{x}{mask}`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := parsed.Bind(gpt2Tokenizer(t), BindOptions{Causal: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Wrap(Example{Fields: map[string]string{"x": ""}}, WrapOptions{}); err == nil {
		t.Error("an empty input is accepted")
	}
}

package tokenizer

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// golden is one line of a golden file: a text, or a pair, and what the
// tokenizers library makes of it.
type golden struct {
	Text        string   `json:"text"`
	Pair        *string  `json:"pair"`
	IDs         []int32  `json:"ids"`
	Tokens      []string `json:"tokens"`
	Offsets     [][2]int `json:"offsets"`
	TypeIDs     []int32  `json:"type_ids"`
	PlainIDs    []int32  `json:"plain_ids"`
	Decoded     *string  `json:"decoded"`
	DecodedSkip *string  `json:"decoded_skip"`
}

// TestGoldens compares every line of the shared goldens exactly.
func TestGoldens(t *testing.T) {
	root := near.Shared(t, "goldens", "tokenizers")
	folders, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			dir := filepath.Join(root, folder.Name())
			k, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			readLines(t, filepath.Join(dir, "expect.jsonl"), func(line []byte) {
				n++
				var g golden
				if err := json.Unmarshal(line, &g); err != nil {
					t.Fatal(err)
				}
				g.check(t, k)
			})
			if n < 90 {
				t.Errorf("only %d lines", n)
			}
		})
	}
	if len(folders) != 18 {
		t.Errorf("%d folders, expected 18", len(folders))
	}
}

// readLines calls use with each line of a file.
func readLines(t *testing.T, path string, use func([]byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		use(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

// texts are the text and, if there is one, its pair.
func (g *golden) texts() []string {
	if g.Pair != nil {
		return []string{g.Text, *g.Pair}
	}
	return []string{g.Text}
}

// check encodes and decodes one line.
func (g *golden) check(t *testing.T, k *Tokenizer) {
	t.Helper()
	texts := g.texts()
	e, err := k.encode(texts, Options{})
	if err != nil {
		t.Errorf("%q: %v", texts, err)
		return
	}
	g.compare(t, e)
	plain, err := k.encode(texts, Options{NoSpecialTokens: true})
	if err != nil {
		t.Errorf("%q: %v", texts, err)
		return
	}
	if g.PlainIDs != nil && !slices.Equal(plain.IDs, g.PlainIDs) {
		t.Errorf("%q: plain ids\n got %v\nwant %v", texts, plain.IDs, g.PlainIDs)
	}
	if got := k.Decode(g.IDs, false); g.Decoded != nil && got != *g.Decoded {
		t.Errorf("%q: decoded\n got %q\nwant %q", texts, got, *g.Decoded)
	}
	if got := k.Decode(g.IDs, true); g.DecodedSkip != nil && got != *g.DecodedSkip {
		t.Errorf("%q: decoded without special tokens\n got %q\nwant %q", texts, got, *g.DecodedSkip)
	}
}

// compare checks ids, tokens, offsets in characters and type ids.
func (g *golden) compare(t *testing.T, e *Encoding) {
	t.Helper()
	texts := g.texts()
	if !slices.Equal(e.IDs, g.IDs) {
		t.Errorf("%q: ids\n got %v\nwant %v\n got %q\nwant %q", texts, e.IDs, g.IDs, e.Tokens, g.Tokens)
		return
	}
	if !slices.Equal(e.Tokens, g.Tokens) {
		t.Errorf("%q: tokens\n got %q\nwant %q", texts, e.Tokens, g.Tokens)
	}
	if !slices.Equal(e.TypeIDs, g.TypeIDs) {
		t.Errorf("%q: type ids\n got %v\nwant %v", texts, e.TypeIDs, g.TypeIDs)
	}
	offsets := make([][2]int, len(e.IDs))
	for i, s := range e.CharOffsets(texts...) {
		offsets[i] = [2]int{s.Start, s.End}
	}
	if !slices.Equal(offsets, g.Offsets) {
		t.Errorf("%q: offsets\n got %v\nwant %v", texts, offsets, g.Offsets)
	}
}

// TestWithSpecials builds the sequences of the goldens from ids without special
// tokens.
func TestWithSpecials(t *testing.T) {
	for _, name := range []string{"wordpiece-bert-uncased", "bpe-roberta", "bpe-llama3", "bpe-gpt2", "unigram-t5"} {
		dir := near.Shared(t, "goldens", "tokenizers", name)
		k, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		readLines(t, filepath.Join(dir, "expect.jsonl"), func(line []byte) {
			var g golden
			if err := json.Unmarshal(line, &g); err != nil {
				t.Fatal(err)
			}
			var ids [2][]int32
			for i, text := range g.texts() {
				e, err := k.Encode(text, Options{NoSpecialTokens: true})
				if err != nil {
					t.Fatal(err)
				}
				ids[i] = e.IDs
			}
			e, err := k.WithSpecials(ids[0], ids[1])
			if err != nil || !slices.Equal(e.IDs, g.IDs) || !slices.Equal(e.TypeIDs, g.TypeIDs) {
				t.Errorf("%s: %q: ids %v, expected %v; type ids %v, expected %v (%v)", name, g.texts(), e.IDs, g.IDs, e.TypeIDs, g.TypeIDs, err)
			}
		})
	}
}

package tokenizer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/near"
)

// Cases against the tokenizers library, made by
// internal/reference/tokenizer_cases.py.

// libraryEncoding is what the library tells of an encoding.
type libraryEncoding struct {
	IDs       []int32  `json:"ids"`
	Tokens    []string `json:"tokens"`
	Offsets   [][2]int `json:"offsets"`
	TypeIDs   []int32  `json:"type_ids"`
	Special   []int    `json:"special"`
	Attention []int    `json:"attention"`
	Sequence  []int8   `json:"sequence"`
}

// libraryCase is one line.
type libraryCase struct {
	Tokenizer   string            `json:"tokenizer"`
	Text        string            `json:"text"`
	Pair        *string           `json:"pair"`
	Batch       []string          `json:"batch"`
	Decode      []int32           `json:"decode"`
	Encoded     []libraryEncoding `json:"encoded"`
	Error       string            `json:"error"`
	Overflowing []libraryEncoding `json:"overflowing"`
	PlainIDs    []int32           `json:"plain_ids"`
	Decoded     *string           `json:"decoded"`
	DecodedSkip *string           `json:"decoded_skip"`
	libraryEncoding
}

// readGzipLines calls use with each line of a gzipped file.
func readGzipLines(t testing.TB, path string, use func([]byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		use(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestLibraryCases(t *testing.T) {
	var k *Tokenizer
	groups, lines, document := 0, 0, ""
	readGzipLines(t, "testdata/cases.jsonl.gz", func(line []byte) {
		var c libraryCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if c.Tokenizer != "" {
			groups++
			var err error
			document = c.Tokenizer
			if k, err = Parse([]byte(document)); err != nil {
				t.Fatalf("%s: %v", document, err)
			}
			return
		}
		lines++
		if problem := c.check(k); problem != "" {
			short := document
			if i := strings.Index(short, `"model"`); i > 0 {
				short = short[:i]
			}
			t.Errorf("%s\n%s", short, problem)
		}
	})
	if groups < 280 || lines < 3500 {
		t.Errorf("only %d groups and %d lines", groups, lines)
	}
}

// check says what is wrong with a case, or nothing.
func (c *libraryCase) check(k *Tokenizer) string {
	if c.Batch != nil {
		return c.checkBatch(k)
	}
	if c.Decode != nil {
		if got := k.Decode(c.Decode, false); got != *c.Decoded {
			return fmt.Sprintf("%v: decoded %q, expected %q", c.Decode, got, *c.Decoded)
		}
		return ""
	}
	texts := []string{c.Text}
	if c.Pair != nil {
		texts = append(texts, *c.Pair)
	}
	e, err := k.encode(texts, Options{})
	switch {
	case strings.Contains(c.Error, "index out of bounds"):
		return "" // the library panics; that we do not is all there is to say
	case c.Error != "":
		if err == nil {
			return fmt.Sprintf("%q: expected an error like %q", texts, c.Error)
		}
		return ""
	case err != nil:
		return fmt.Sprintf("%q: %v", texts, err)
	}
	if p := c.compare(e, texts); p != "" {
		return fmt.Sprintf("%q: %s", texts, p)
	}
	if len(e.Overflowing) != len(c.Overflowing) {
		return fmt.Sprintf("%q: %d windows, expected %d", texts, len(e.Overflowing), len(c.Overflowing))
	}
	for i, w := range e.Overflowing {
		if p := c.Overflowing[i].compare(w, texts); p != "" {
			return fmt.Sprintf("%q: window %d: %s", texts, i, p)
		}
	}
	return c.checkText(k, texts)
}

// checkText compares decoded text and the ids without special tokens.
func (c *libraryCase) checkText(k *Tokenizer, texts []string) string {
	if c.PlainIDs != nil {
		plain, err := k.encode(texts, Options{NoSpecialTokens: true})
		if err != nil || !slices.Equal(plain.IDs, c.PlainIDs) {
			return fmt.Sprintf("%q: plain ids %v, expected %v (%v)", texts, plain.IDs, c.PlainIDs, err)
		}
	}
	for skip, want := range map[bool]*string{false: c.Decoded, true: c.DecodedSkip} {
		if want == nil {
			continue
		}
		if got := k.Decode(c.IDs, skip); got != *want {
			return fmt.Sprintf("%q: decoded %q, expected %q", texts, got, *want)
		}
	}
	return ""
}

func (c *libraryCase) checkBatch(k *Tokenizer) string {
	all, err := k.EncodeBatch(c.Batch, Options{})
	if err != nil {
		return err.Error()
	}
	for i, e := range all {
		if p := c.Encoded[i].compare(e, c.Batch[i:i+1]); p != "" {
			return fmt.Sprintf("batch %q: text %d: %s", c.Batch, i, p)
		}
	}
	return ""
}

// compare says how e differs, or nothing.
func (l *libraryEncoding) compare(e *Encoding, texts []string) string {
	offsets := make([][2]int, len(e.IDs))
	for i, s := range e.CharOffsets(texts...) {
		offsets[i] = [2]int{s.Start, s.End}
	}
	special, attention := make([]int, len(e.IDs)), make([]int, len(e.IDs))
	for i, s := range e.Special {
		if s {
			special[i] = 1
		}
		if i < e.Padding.Start || i >= e.Padding.End {
			attention[i] = 1
		}
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"ids", e.IDs, l.IDs}, {"tokens", e.Tokens, l.Tokens}, {"offsets", offsets, l.Offsets}, {"type ids", e.TypeIDs, l.TypeIDs},
		{"special", special, l.Special}, {"attention", attention, l.Attention}, {"sequence", e.Sequence, l.Sequence},
	} {
		if c.what == "sequence" && l.Sequence == nil {
			continue
		}
		if got, want := fmt.Sprintf("%q", c.got), fmt.Sprintf("%q", c.want); got != want {
			return fmt.Sprintf("%s\n got %v\nwant %v\ntokens %q, expected %q", c.what, c.got, c.want, e.Tokens, l.Tokens)
		}
	}
	return ""
}

// TestPublishedCharsmap runs the table of replacements in T5's SentencePiece
// model over texts.
func TestPublishedCharsmap(t *testing.T) {
	model, err := os.ReadFile(near.Shared(t, "tokenizers", "sentencepiece", "t5_tokenizer_base.model"))
	if err != nil {
		t.Fatal(err)
	}
	table := charsmap(t, model)
	document, err := json.Marshal(map[string]any{"type": "Precompiled", "precompiled_charsmap": table})
	if err != nil {
		t.Fatal(err)
	}
	n, err := parseJSON(document)
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseNormalizer("normalizer", n)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	readGzipLines(t, "testdata/charsmap.jsonl.gz", func(line []byte) {
		var c struct{ Text, Normalized string }
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		lines++
		s := piece{text: c.Text}
		if err := p.normalize(&s); err != nil || s.text != c.Normalized {
			t.Errorf("%q: %q, expected %q (%v)", c.Text, s.text, c.Normalized, err)
		}
	})
	if lines < 1000 {
		t.Errorf("only %d lines", lines)
	}
}

// charsmap finds the table in a SentencePiece model: field 2 of the normalizer
// whose name, field 1, is nmt_nfkc.
func charsmap(t *testing.T, model []byte) []byte {
	t.Helper()
	_, rest, ok := bytes.Cut(model, []byte("\x0a\x08nmt_nfkc\x12"))
	size, n := binary.Uvarint(rest)
	if !ok || n <= 0 || int(size) > len(rest)-n {
		t.Fatal("the model has no table")
	}
	return rest[n : n+int(size)]
}

func TestLibraryPatterns(t *testing.T) {
	patterns := 0
	readGzipLines(t, "testdata/regex.jsonl.gz", func(line []byte) {
		var c struct {
			Pattern string
			Texts   []struct {
				Text             string
				Matches, Between [][2]int
			}
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		patterns++
		r, err := compileRegex(c.Pattern)
		if err != nil {
			t.Error(err)
			return
		}
		for _, text := range c.Texts {
			cover, err := r.cover(text.Text)
			if err != nil {
				t.Error(err)
			}
			matches, between := [][2]int{}, [][2]int{}
			for _, m := range cover {
				s := CharOffsets(text.Text, []Span{{m.start, m.end}})[0]
				if m.start == m.end {
					continue // the library's pieces are never empty
				}
				if m.delimiter {
					matches = append(matches, [2]int{s.Start, s.End})
				} else {
					between = append(between, [2]int{s.Start, s.End})
				}
			}
			if !slices.Equal(matches, text.Matches) || !slices.Equal(between, text.Between) {
				t.Errorf("%q on %q:\n got %v\nwant %v\nbetween %v\n   want %v", c.Pattern, text.Text, matches, text.Matches, between, text.Between)
			}
		}
	})
	if patterns < 30 {
		t.Errorf("only %d patterns", patterns)
	}
}

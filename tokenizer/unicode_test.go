package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// hashedRune says whether internal/reference/unicode_tables.py hashes r.
func hashedRune(r rune) bool {
	for _, left := range [][2]rune{{0x3500, 0x9F00}, {0xAD00, 0xD700}, {0xD800, 0xF900}, {0x17100, 0x18700}} {
		if r >= left[0] && r < left[1] {
			return false
		}
	}
	return true
}

// TestUnicode runs components over every character of the lower planes, between
// an a and an acute accent, and compares a hash of the results with the
// library's.
func TestUnicode(t *testing.T) {
	components := 0
	readLines(t, "testdata/unicode.jsonl", func(line []byte) {
		var c struct {
			Component json.RawMessage
			SHA256    string
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		components++
		n, err := parseJSON(c.Component)
		if err != nil {
			t.Fatal(err)
		}
		run := func(text string) string {
			t.Fatalf("%s: neither normalizer nor pre-tokenizer", c.Component)
			return ""
		}
		if k, err := parseNormalizer("normalizer", n); err == nil {
			run = func(text string) string {
				p := piece{text: text}
				if err := k.normalize(&p); err != nil {
					t.Fatal(err)
				}
				return p.text
			}
		} else if k, err := parsePretokenizer("pre_tokenizer", n); err == nil {
			s := &scratch{}
			run = func(text string) string {
				s.cut = append(s.cut[:0], segment{piece{text: text}, -1})
				if err := pretokenize(k, s); err != nil {
					t.Fatal(err)
				}
				parts := make([]string, len(s.cut))
				for i, g := range s.cut {
					parts[i] = g.text
				}
				return strings.Join(parts, "|")
			}
		}
		h := sha256.New()
		for r := rune(0); r < 0x20000; r++ {
			if hashedRune(r) {
				h.Write([]byte(run("a"+string(r)+"\u0301") + "\n"))
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != c.SHA256 {
			t.Errorf("%s: another result than the library's", c.Component)
		}
	})
	if components < 25 {
		t.Errorf("only %d components", components)
	}
}

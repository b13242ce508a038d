package tokenizer

import (
	"encoding/json"
	"testing"
)

// FuzzParse reads any tokenizer.json and encodes with what is accepted.
func FuzzParse(f *testing.F) {
	f.Add([]byte(tiny), "a b <x> c")
	seen := 0
	seed := func(line []byte) {
		var c libraryCase
		if json.Unmarshal(line, &c) == nil && c.Tokenizer != "" {
			if seen++; seen%7 == 0 {
				f.Add([]byte(c.Tokenizer), "Aé\u0301 2 the<m> ▁")
			}
		}
	}
	readGzipLines(f, "testdata/cases.jsonl.gz", seed)
	f.Fuzz(func(t *testing.T, document []byte, text string) {
		k, err := Parse(document)
		if err != nil {
			return
		}
		if !json.Valid(document) {
			t.Fatal("accepted what is no JSON")
		}
		e, err := k.Encode(text, Options{NoPadding: true})
		if err != nil {
			return
		}
		for _, at := range e.Offsets {
			if at.Start < 0 || at.Start > at.End && at.End != 0 {
				t.Fatalf("offsets %v", e.Offsets)
			}
		}
		k.Decode(e.IDs, true)
		if _, err := k.WithSpecials(e.IDs, nil); err != nil {
			t.Log(err)
		}
	})
}

// FuzzJSON accepts nothing that encoding/json does not.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{tiny, `{"a": [1, -2.5e3, "\u00e9\\", true, false, null]}`, `[[]]`, `"`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseJSON(data); err == nil && !json.Valid(data) {
			t.Fatalf("accepted %q", data)
		}
	})
}

// FuzzPrecompiled follows any double array.
func FuzzPrecompiled(f *testing.F) {
	f.Add([]byte{8, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 'a', 0}, "abc")
	f.Fuzz(func(t *testing.T, table []byte, text string) {
		data, err := json.Marshal(map[string]any{"type": "Precompiled", "precompiled_charsmap": table})
		if err != nil {
			t.Fatal(err)
		}
		n, err := parseJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		p, err := parseNormalizer("normalizer", n)
		if err != nil || checkText(text) != nil {
			return
		}
		s := piece{text: text}
		if err := p.normalize(&s); err != nil {
			t.Fatal(err)
		}
	})
}

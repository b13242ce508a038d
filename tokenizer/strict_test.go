package tokenizer

import (
	"errors"
	"strings"
	"testing"
)

// tiny is a small but complete tokenizer.json.
const tiny = `{"version": "1.0", "truncation": null, "padding": null,
 "added_tokens": [{"id": 3, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
 "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]},
 "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
 "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}}`

// TestStrict changes one thing in a document and looks at what the error says.
func TestStrict(t *testing.T) {
	if _, err := Parse([]byte(tiny)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		old, new string
		is       error
		says     string
	}{
		{`"version": "1.0"`, `"version": "2.0"`, ErrUnsupported, `document: key "version"`},
		{`"version": "1.0"`, `"version": "1.0", "extra": 1`, ErrUnknownKey, `document: unknown key ["extra"]`},
		{`{"type": "Lowercase"}`, `{"type": "Uppercase"}`, ErrUnknownComponent, `normalizer.normalizers[0]: unknown component "Uppercase"`},
		{`{"type": "Lowercase"}`, `{"type": "Lowercase", "locale": "tr"}`, ErrUnknownKey, `normalizer.normalizers[0] (Lowercase): unknown key ["locale"]`},
		{`{"type": "Lowercase"}`, `{}`, nil, `key "type" is missing`},
		{`{"type": "Lowercase"}`, `{"type": "Precompiled", "precompiled_charsmap": "////"}`, nil, `precompiled_charsmap`},
		{`{"type": "Lowercase"}`, `{"type": "Replace", "pattern": {"Regex": "(a"}, "content": ""}`, nil, `group without end`},
		{`{"type": "Lowercase"}`, `{"type": "Replace", "pattern": {"Regex": "(a)\\1"}, "content": ""}`, ErrUnsupported, `\1`},
		{`{"type": "Lowercase"}`, `{"type": "Replace", "pattern": {"Regex": "(?:a?)*"}, "content": ""}`, ErrUnsupported, `can be empty`},
		{`{"type": "Lowercase"}`, `{"type": "Strip", "strip_left": true}`, nil, `(Strip): key "strip_right" is missing`},
		{`{"type": "Whitespace"}`, `{"type": "Punctuation", "behavior": "Sideways"}`, ErrUnsupported, `pre_tokenizer (Punctuation): key "behavior"`},
		{`{"type": "Whitespace"}`, `{"type": "Metaspace", "replacement": "__"}`, nil, `expected one character`},
		{`{"type": "Whitespace"}`, `{"type": "FixedLength", "length": 0}`, nil, `1 or more`},
		{`"post_processor": null`, `"post_processor": {"type": "BertProcessing", "sep": ["s"], "cls": ["c", 1]}`, nil, `key "sep"`},
		{`"post_processor": null`, `"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}], "pair": [], "special_tokens": {}}`, nil, `"[X]" is not among special_tokens`},
		{`"decoder": null`, `"decoder": {"type": "Whisper"}`, ErrUnknownComponent, `decoder: unknown component "Whisper"`},
		{`"truncation": null`, `"truncation": {"max_length": 1, "stride": 0, "strategy": "Middle"}`, ErrUnsupported, `truncation: key "strategy"`},
		{`"truncation": null`, `"truncation": {"max_length": -1, "stride": 0, "strategy": "LongestFirst"}`, nil, `max_length`},
		{`"padding": null`, `"padding": {"strategy": {"Fixed": 99999999}, "direction": "Left", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "x"}`, ErrUnsupported, `padding`},
		{`"id": 3`, `"id": 4`, nil, `token "<x>": expected id 3, found 4`},
		{`"content": "<x>"`, `"content": ""`, nil, `added_tokens[0]: empty content`},
		{`"special": true`, `"special": true, "color": "red"`, ErrUnknownKey, `added_tokens[0]: unknown key ["color"]`},
		{`"type": "WordLevel"`, `"type": "WordTable"`, ErrUnknownComponent, `model: unknown component "WordTable"`},
		{`"unk_token": "<unk>"`, `"unk_token": "<unk>", "dropout": 0.1`, ErrUnknownKey, `model (WordLevel): unknown key ["dropout"]`},
		{`"b": 2`, `"b": 1`, nil, `have the same id 1`},
		{`"b": 2`, `"a": 2`, nil, `key "a" occurs twice`},
		{`"b": 2`, `"b": 2000000000`, nil, `beyond`},
		{`"b": 2`, `"b": 1.5`, nil, `expected an id`},
		{`"a": 1`, "\"\xff\": 1", ErrNotUTF8, `not valid UTF-8`},
		{`{"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}`, `{"type": "BPE", "dropout": 0.5, "vocab": {"<unk>": 0, "a": 1, "b": 2}, "merges": []}`, ErrUnsupported, `key "dropout"`},
		{`{"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}`, `{"type": "BPE", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "merges": [["a", "c"]]}`, nil, `token "c" is not in the vocabulary`},
		{`{"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}`, `{"type": "Unigram", "unk_id": 3, "vocab": [["<unk>", 0], ["a", -1], ["b", -2]]}`, nil, `key "unk_id"`},
		{`{"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}`, `{"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a"], ["b", -2]]}`, nil, `vocab[1]`},
	} {
		if !strings.Contains(tiny, c.old) {
			t.Fatalf("%s is not in the document", c.old)
		}
		_, err := Parse([]byte(strings.Replace(tiny, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s:\n  found %v\nexpected %q", c.new, err, c.says)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, bad := range []string{
		"", "{", "[1,]", `{"a" 1}`, `{"a":1,}`, `{a:1}`, "nul", "01", "1 2", `"\x"`, "\"\n\"", `"abc`, `"\ud800`, "[1", "-", "1e", "00", "-01", "1.",
		strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if n, err := parseJSON([]byte(bad)); err == nil {
			t.Errorf("%.20q: expected an error, found %+v", bad, n)
		}
	}
	n, err := parseJSON([]byte(" {\"a\\u00e9\": [1.5, true, null, \"x\\n\\ud83d\\ude00\"], \"b\": {}} "))
	if err != nil {
		t.Fatal(err)
	}
	if n.kids.keys[0] != "aé" || n.kids.values[0].kids.values[3].text != "x\n😀" {
		t.Errorf("found %+v", n.kids)
	}
}

func TestInvalidText(t *testing.T) {
	k, err := Parse([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Encode("a é \xc3(", Options{})
	if !errors.Is(err, ErrNotUTF8) || !strings.Contains(err.Error(), "byte 5") {
		t.Errorf("found %v", err)
	}
	if _, err = k.EncodePair("a", "\x80", Options{}); !errors.Is(err, ErrNotUTF8) {
		t.Errorf("a pair: found %v", err)
	}
	if _, err = k.EncodeBatch([]string{"a", "b", "\xff"}, Options{}); !errors.Is(err, ErrNotUTF8) || !strings.Contains(err.Error(), "text 2") {
		t.Errorf("a batch: found %v", err)
	}
}

// TestHardPattern gives a pattern with endlessly many tries up.
func TestHardPattern(t *testing.T) {
	hard := strings.Replace(tiny, `{"type": "Lowercase"}`, `{"type": "Replace", "pattern": {"Regex": "(?:a+b?)+c"}, "content": ""}`, 1)
	k, err := Parse([]byte(hard))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = k.Encode(strings.Repeat("a", 5000), Options{}); !errors.Is(err, errTooHard) {
		t.Errorf("found %v", err)
	}
}

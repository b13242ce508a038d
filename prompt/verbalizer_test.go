package prompt

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decode(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseVerbalizer(t *testing.T) {
	none := ""
	cases := []struct {
		source  string
		classes []string
		want    Verbalizer
	}{
		{`{"positive": ["good", "great"], "negative": "bad"}`, nil,
			Verbalizer{Classes: []string{"negative", "positive"}, Words: [][]string{{"bad"}, {"good", "great"}}}},
		{`{"positive": ["good", "great"], "negative": "bad"}`, []string{"positive", "negative"},
			Verbalizer{Classes: []string{"positive", "negative"}, Words: [][]string{{"good", "great"}, {"bad"}}}},
		{`{"10": "a", "9": "b"}`, nil, Verbalizer{Classes: []string{"9", "10"}, Words: [][]string{{"b"}, {"a"}}}},
		{`["bad", "good"]`, nil, Verbalizer{Classes: []string{"0", "1"}, Words: [][]string{{"bad"}, {"good"}}}},
		{`[["bad", "poor"], "good"]`, []string{"x", "y"}, Verbalizer{Classes: []string{"x", "y"}, Words: [][]string{{"bad", "poor"}, {"good"}}}},
		{`{"label_words": {"x": "a", "y": ["b"]}, "classes": ["y", "x"], "prefix": "", "multi_token_handler": "max", "post_log_softmax": false}`, nil,
			Verbalizer{Classes: []string{"y", "x"}, Words: [][]string{{"b"}, {"a"}}, Prefix: &none, Handler: Max, RawLogits: true}},
	}
	for _, c := range cases {
		got, err := ParseVerbalizer(decode(t, c.source), c.classes)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if d := cmp.Diff(&c.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.source, d)
		}
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again Verbalizer
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatalf("%s, as written: %v", data, err)
		}
		if d := cmp.Diff(got, &again); d != "" {
			t.Errorf("%s: read again (-first +second)\n%s", data, d)
		}
	}
}

func TestVerbalizerErrors(t *testing.T) {
	cases := []struct {
		source  string
		classes []string
		message string
	}{
		{`3`, nil, "expected a mapping"},
		{`["good"]`, nil, "at least 2"},
		{`["good", "bad", "so-so"]`, []string{"x", "y"}, "words for 3 classes, expected 2"},
		{`{"positve": "good", "negative": "bad"}`, []string{"negative", "positive"}, `did you mean "positive"?`},
		{`{"negative": "bad"}`, []string{"negative", "positive"}, `"positive" has no words`},
		{`{"a": [], "b": "x"}`, nil, `"a" has no words`},
		{`{"a": "", "b": "x"}`, nil, "empty word"},
		{`{"a": true, "b": "x"}`, nil, "in quotes"},
		{`{"a": [1], "b": "x"}`, nil, "in quotes"},
		{`{"label_words": ["a", "b"], "prefx": " "}`, nil, `did you mean "prefix"?`},
		{`{"label_words": ["a", "b"], "multi_token_handler": "middle"}`, nil, "expected one of first, mean, max, masks"},
		{`{"label_words": ["a", "b"], "post_log_softmax": 1}`, nil, "expected true or false"},
		{`{"label_words": ["a", "b"], "classes": ["x", "x"]}`, nil, "stands twice"},
		{`{"label_words": ["a", "b"], "classes": ["x", "y"]}`, []string{"y", "x"}, "expected"},
	}
	for _, c := range cases {
		_, err := ParseVerbalizer(decode(t, c.source), c.classes)
		if !errors.Is(err, ErrVerbalizer) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: error %v, want one with %q", c.source, err, c.message)
		}
	}
}

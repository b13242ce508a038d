package prompt

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseTemplate(t *testing.T) {
	five := 5
	cases := []struct {
		source string
		parts  []Part
	}{
		{`{sentence} It was {mask}.`, []Part{
			{Kind: Placeholder, Value: "sentence", Shortenable: true}, {Kind: Text, Value: "It was", Space: true}, {Kind: Mask, Space: true}, {Kind: Text, Value: "."}}},
		{"  {'mask'}: {\"placeholder\": 'text_a',}  ", []Part{
			{Kind: Mask, Space: true}, {Kind: Text, Value: ":"}, {Kind: Placeholder, Value: "text_a", Space: true, Shortenable: true}}},
		{`{"meta": "head", "shortenable": True}{"placeholder": "b", "shortenable": false, "add_prefix_space": " "}{ mask }`, []Part{
			{Kind: Meta, Value: "head", Shortenable: true}, {Kind: Placeholder, Value: "b", Space: true}, {Kind: Mask}}},
		{`{"text": " literal { brace", "add_prefix_space": False} {"special": "<eos>"} {"mask": None}}`, []Part{
			{Kind: Text, Value: " literal { brace"}, {Kind: Special, Value: "<eos>", Space: true}, {Kind: Mask, Space: true}, {Kind: Text, Value: "}"}}},
		{`{soft}{"soft": None, "duplicate": 3, "same": True} {"soft": "It was", "soft_id": 2}{"soft_id": 2} {mask}`, []Part{
			{Kind: Soft}, {Kind: Soft, Duplicate: 3, Same: true}, {Kind: Soft, Value: "It was", SoftID: 2, Space: true}, {Kind: Soft, SoftID: 2}, {Kind: Mask, Space: true}}},
		{`{"placeholder": "a", "post_processing": lambda x: x.rstrip(string.punctuation).replace('a', "b\u00e9", 5)}{mask}`, []Part{
			{Kind: Placeholder, Value: "a", Shortenable: true, Post: []Method{
				{Name: "rstrip", Arguments: []Argument{{Text: marks, Constant: "punctuation"}}},
				{Name: "replace", Arguments: []Argument{{Text: "a"}, {Text: "bé"}, {Number: &five}}}}}, {Kind: Mask}}},
		{`{"placeholder": "a", "post_processing": "strip.lower"}{mask}`, []Part{
			{Kind: Placeholder, Value: "a", Shortenable: true, Post: []Method{{Name: "strip"}, {Name: "lower"}}}, {Kind: Mask}}},
		{`{"placeholder": "a", "post_processing": lambda x:x}{mask}`, []Part{{Kind: Placeholder, Value: "a", Shortenable: true}, {Kind: Mask}}},
	}
	for _, c := range cases {
		got, err := ParseTemplate(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if d := cmp.Diff(c.parts, got.Parts, ignoreColumn); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.source, d)
		}
		roundTrip(t, got)
	}
}

var ignoreColumn = cmp.Options{cmpopts.IgnoreFields(Part{}, "Line", "Column"), cmpopts.EquateEmpty()}

// roundTrip checks that a template written and read again has the same parts.
func roundTrip(t *testing.T, a *Template) {
	t.Helper()
	text := a.String()
	b, err := ParseTemplate(text)
	if err != nil {
		t.Fatalf("%q, which String made: %v", text, err)
	}
	if d := cmp.Diff(a.Parts, b.Parts, ignoreColumn); d != "" {
		t.Fatalf("%q, which String made, reads differently (-first +second):\n%s", text, d)
	}
}

func TestParseErrors(t *testing.T) {
	cases := []struct {
		source  string
		column  int
		message string
	}{
		{`{sentence} It was {mask`, 24, `found the end, expected '}'`},
		{`é {"mask`, 4, `does not end`},
		{`{"mask"} {"placeholder": "text_a"`, 10, `not closed`},
		{`{"maks"}`, 2, `did you mean "mask"?`},
		{`{"mask"} {"placeholder": "a", "shortenabel": True}`, 31, `did you mean "shortenable"?`},
		{`{"mask", "shortenable": True}`, 10, `only placeholders and meta fields are cut`},
		{`{"placeholder": "a", "meta": "b"}`, 22, `exclude each other`},
		{`{"placeholder": 3}`, 17, `needs a string`},
		{`{"placeholder"}`, 2, `needs a string`},
		{`{"placeholder": "a", "placeholder": "a"}`, 22, `stands twice`},
		{`{"placeholder": "a", "post_processing": lambda x: y.lower()}`, 51, `never evaluated`},
		{`{"placeholder": "a", "post_processing": lambda x: x.lower() + "a"}`, 61, `never evaluated`},
		{`{"placeholder": "a", "post_processing": lambda x: x.lowr()}`, 53, `did you mean "lower"?`},
		{`{"placeholder": "a", "post_processing": lambda x: x.rstrip(string.punctuatoin)}`, 60, `did you mean "punctuation"?`},
		{`{"placeholder": "a", "post_processing": lambda x: x.replace("a")}`, 53, `takes 2 to 2 strings`},
		{`{"placeholder": "a", "post_processing": __import__("os")}`, 41, `expected a string`},
		{`{"soft": None, "soft_id": 0}`, 27, `from 1`},
		{`{"soft": None, "duplicate": 5000}`, 29, `the limit is 4096`},
		{`{"soft": None, "same": True}`, 16, `needs "duplicate"`},
		{`{"soft": "a", "soft_id": 1} {"soft": "b", "soft_id": 1} {mask}`, 29, `write {"soft_id": 1}`},
		{`{"text": "a\q"}`, 12, `unknown escape`},
		{`{"text": "a\ud800"}`, 12, `names no character`},
		{`{"shortenable": True}`, 1, `is needed`},
		{"a\xff{mask}", 2, `not valid UTF-8`},
		{"a\nbc {} {mask}", 5, `expected a field's name`},
		{`{"mask": 3}`, 10, `takes no value`},
		{`{"mask" "x"}`, 9, `expected , or }`},
	}
	for _, c := range cases {
		_, err := ParseTemplate(c.source)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: error %v, want a SyntaxError", c.source, err)
			continue
		}
		if syntax.Column != c.column || !strings.Contains(syntax.Message, c.message) {
			t.Errorf("%s: %v; want column %d and %q", c.source, err, c.column, c.message)
		}
	}
	if _, err := ParseTemplate("no question at all {a}"); !errors.Is(err, ErrNoMask) {
		t.Errorf("a template without a mask: %v", err)
	}
	if _, err := ParseTemplate(strings.Repeat("a", maxSource+1)); err == nil {
		t.Error("an endless template is accepted")
	}
}

func TestPositions(t *testing.T) {
	parsed, err := ParseTemplate("é {a}\n\n x{mask} {b}")
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]int
	for _, p := range parsed.Parts {
		got = append(got, [2]int{p.Line, p.Column})
	}
	if d := cmp.Diff([][2]int{{1, 1}, {1, 3}, {1, 6}, {3, 3}, {3, 10}}, got); d != "" {
		t.Errorf("lines and columns (-want +got)\n%s", d)
	}
}

// Python 3.11 gave the expected texts.
func TestMethods(t *testing.T) {
	cases := []struct{ post, in, want string }{
		{`rstrip(string.punctuation)`, "Good, bad!?.", "Good, bad"},
		{`rstrip`, " a\u3000\x1c\n", " a"},
		{`strip("ab")`, "abcab", "c"},
		{`lstrip`, "\t a ", "a "},
		{`lower`, "ÀΣΑΣ", "àσας"},
		{`upper`, "straße", "STRASSE"},
		{`capitalize`, "éCOLE d'Été", "École d'été"},
		{`capitalize`, "ßA", "Ssa"},
		{`capitalize`, "", ""},
		{`replace("a", "b", 2)`, "aaa", "bba"},
		{`replace("", "-")`, "ab", "-a-b-"},
		{`removeprefix("The ").removesuffix(".")`, "The end.", "end"},
	}
	for _, c := range cases {
		methods, err := (&scanner{s: c.post}).named()
		if err != nil {
			t.Errorf("%s: %v", c.post, err)
			continue
		}
		got := c.in
		for _, m := range methods {
			got = m.Apply(got)
		}
		if got != c.want {
			t.Errorf("%q.%s = %q, want %q", c.in, c.post, got, c.want)
		}
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{
		`{sentence} It was {mask}.`, `{"placeholder": "a", "post_processing": lambda x: x.rstrip(string.punctuation)} {"mask"}{'mask'} !`,
		`{"soft": None, "duplicate": 3, "same": True} {"soft": "a b", "soft_id": 2} {"soft_id": 2} {"meta": "h", "shortenable": True} {mask}`,
		`{"text": "\u00e9{\n"} {"special": "<eos>"}  {"mask": None}}`, "a\n{\"mask", `{"a": -1e`, `{"placeholder": "a", "post_processing": "replace('a','b',-1)"}{mask}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTemplate(s)
		if err == nil {
			roundTrip(t, got)
			return
		}
		var syntax *SyntaxError
		if errors.As(err, &syntax) && (syntax.Offset < 0 || syntax.Offset > len(s) || syntax.Line < 1 || syntax.Column < 1 || syntax.Column > len(s)+1) {
			t.Fatalf("position out of range: %+v", syntax)
		}
	})
}

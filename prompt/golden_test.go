package prompt

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trimtab/internal/near"
	"trimtab/tokenizer"
)

func openMiniLM(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Open(near.Shared(t, "models", "minilm"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// golden decodes every line of a file of goldens/openprompt.
func golden[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open(near.Shared(t, "goldens", "openprompt", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var row T
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

type templateRow struct {
	Class    string
	Template string
	Example  struct {
		A    string `json:"text_a"`
		B    string `json:"text_b"`
		Meta map[string]string
	}
	Max      int              `json:"max_seq_length"`
	Truncate string           `json:"truncate_method"`
	Parsed   []map[string]any `json:"parsed"`
	IDs      []int32          `json:"input_ids"`
	Loss     []int            `json:"loss_ids"`
	Soft     []int            `json:"soft_token_ids"`
	Vectors  int              `json:"soft_vectors"`
	Error    string
}

func (r *templateRow) example() Example {
	e := Example{Fields: map[string]string{"text_a": r.Example.A, "text_b": r.Example.B}}
	for k, v := range r.Example.Meta {
		e.Fields[k] = v
	}
	return e
}

// asOpenPrompt writes parts as OpenPrompt's parser does, without soft parts.
func asOpenPrompt(parts []Part) []map[string]any {
	var out []map[string]any
	for _, p := range parts {
		if p.Kind == Soft {
			continue
		}
		m := map[string]any{"add_prefix_space": strings.Repeat(" ", map[bool]int{true: 1}[p.Space]), p.Kind.String(): p.Value}
		if p.Kind == Mask {
			m["mask"] = nil
		}
		if len(p.Post) > 0 {
			m["post_processing"] = "function"
		}
		if p.Kind == Placeholder || p.Kind == Meta {
			m["shortenable"] = p.Shortenable
		}
		out = append(out, m)
	}
	return out
}

// checkParsed compares the parsed parts, with shortenable resolved in both.
func checkParsed(t *testing.T, r *templateRow, got *Template) {
	t.Helper()
	var want []map[string]any
	for _, m := range r.Parsed {
		if _, ok := m["soft"]; ok {
			continue
		}
		_, placeholder := m["placeholder"]
		_, meta := m["meta"]
		if _, ok := m["shortenable"]; !ok && (placeholder || meta) {
			m["shortenable"] = placeholder
		}
		want = append(want, m)
	}
	if d := cmp.Diff(want, asOpenPrompt(got.Parts)); d != "" {
		t.Errorf("%s: parsed (-OpenPrompt +ours)\n%s", r.Template, d)
	}
}

// softIDs numbers an input's soft tokens as OpenPrompt does: from 1, 0 elsewhere.
func softIDs(in *Input) []int {
	out := make([]int, len(in.IDs))
	for _, s := range in.Soft {
		out[s.Position] = s.Index + 1
	}
	return out
}

func TestTemplatesAgainstOpenPrompt(t *testing.T) {
	tok := openMiniLM(t)
	exact, defects := map[string]int{}, 0
	for _, r := range golden[templateRow](t, "templates.jsonl") {
		parsed, err := ParseTemplate(r.Template)
		if err != nil {
			t.Fatalf("%s: %v", r.Template, err)
		}
		roundTrip(t, parsed)
		if r.Error != "" {
			defects++
			continue
		}
		checkParsed(t, &r, parsed)
		bound, err := parsed.Bind(tok, BindOptions{})
		if err != nil {
			t.Fatalf("%s: %v", r.Template, err)
		}
		var cut Truncation
		if err := cut.UnmarshalText([]byte(r.Truncate)); err != nil {
			t.Fatal(err)
		}
		in, err := bound.Wrap(r.example(), WrapOptions{MaxTokens: r.Max, Truncation: cut})
		if err != nil {
			t.Fatalf("%s: %v", r.Template, err)
		}
		if cut == Head && in.Cut > 0 {
			checkHead(t, bound, &r, in)
			continue
		}
		exact[r.Class]++
		var masks []int
		for i, l := range r.Loss {
			if l == 1 {
				masks = append(masks, i)
			}
		}
		if d := cmp.Diff(r.IDs, in.IDs); d != "" {
			t.Errorf("%s, %s to %d, %q: ids (-want +got)\n%s", r.Template, r.Truncate, r.Max, r.Example.A, d)
		}
		if !slices.Equal(masks, in.Masks) {
			t.Errorf("%s: masks at %d, want %d", r.Template, in.Masks, masks)
		}
		if r.Class == "MixedTemplate" && (!slices.Equal(r.Soft, softIDs(in)) || len(bound.Soft()) != r.Vectors) {
			t.Errorf("%s: soft tokens %d of %d, want %d of %d", r.Template, softIDs(in), len(bound.Soft()), r.Soft, r.Vectors)
		}
	}
	t.Logf("exact rows %v, rows that OpenPrompt fails on %d", exact, defects)
	if exact["ManualTemplate"] != 58 || exact["MixedTemplate"] != 53 || defects != 30 {
		t.Errorf("exact rows %v and %d defects: want 58, 53 and 30", exact, defects)
	}
}

// checkHead checks what head promises, where OpenPrompt does otherwise: the
// input has the full length and ends as the uncut one does.
func checkHead(t *testing.T, b *BoundTemplate, r *templateRow, in *Input) {
	t.Helper()
	whole, err := b.Wrap(r.example(), WrapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(in.IDs) != r.Max || len(whole.IDs)-in.Cut != r.Max || len(in.Masks) != len(whole.Masks) || len(in.Soft) != len(whole.Soft) {
		t.Errorf("%s: head cut %d of %d tokens to %d", r.Template, in.Cut, len(whole.IDs), len(in.IDs))
	}
	for i := range in.IDs {
		if role := in.Roles[i]; role != Placeholder && role != Meta {
			continue
		}
		last := i+1 == len(in.IDs) || in.Parts[i+1] != in.Parts[i]
		if end := lastOf(whole, in.Parts[i]); last && whole.IDs[end] != in.IDs[i] {
			t.Errorf("%s: head cut the end of part %d", r.Template, in.Parts[i])
		}
	}
}

// lastOf returns the last position of a part.
func lastOf(in *Input, part int32) int {
	at := -1
	for i, p := range in.Parts {
		if p == part {
			at = i
		}
	}
	return at
}

type verbalizerRow struct {
	Kind        string
	LabelWords  [][]string `json:"label_words"`
	Handler     string     `json:"multi_token_handler"`
	Post        bool       `json:"post_log_softmax"`
	Set, Rows   int
	Calibration string
	IDs         [][][]int32 `json:"ids"`
	Mask        [][]int     `json:"mask"`
	Logits      [][]float64
}

const vocabularySize = 30522

// scoresOf are the logits that the goldens state as a formula: row i, column j, set s.
func scoresOf(set, row int) []float64 {
	out := make([]float64, vocabularySize)
	for j := range out {
		i, j64, s := float64(row), float64(j), float64(set)
		out[j] = 4*math.Sin(0.37*j64+1.3*i+0.71*s) + 2*math.Cos(0.011*j64*(i+1))
	}
	return out
}

// wordsOf are a row's label words. Where the file lists fewer than it has ids
// for, another verbalizer had removed words that two classes share; the ids
// tell which.
func (r *verbalizerRow) wordsOf(tok *tokenizer.Tokenizer) [][]string {
	out := make([][]string, len(r.LabelWords))
	for c, words := range r.LabelWords {
		n := 0
		for _, m := range r.Mask[c] {
			n += m
		}
		if n == len(words) {
			out[c] = words
			continue
		}
		for i := range n {
			word, _ := tok.Token(r.IDs[c][i][0])
			out[c] = append(out[c], word)
		}
	}
	return out
}

func TestVerbalizersAgainstOpenPrompt(t *testing.T) {
	tok := openMiniLM(t)
	checked, calibrated := 0, 0
	for _, r := range golden[verbalizerRow](t, "verbalizers.jsonl") {
		if r.Kind != "manual" {
			continue
		}
		z, err := ParseVerbalizer(r.wordsOf(tok), nil)
		if err != nil {
			t.Fatal(err)
		}
		z.Handler, z.RawLogits = Handler(r.Handler), !r.Post
		b, err := z.Bind(tok, 1)
		if err != nil {
			t.Fatal(err)
		}
		checkWordIDs(t, b, &r)
		if r.Calibration != "" && r.Post {
			if b, err = b.Calibrated(meanOfFour(t, b)); err != nil {
				t.Fatal(err)
			}
			calibrated++
		}
		var got, want []float64
		for i, logits := range r.Logits {
			gathered, err := b.Gather(scoresOf(r.Set, i), vocabularySize)
			if err != nil {
				t.Fatal(err)
			}
			scores, err := b.Scores(gathered)
			if err != nil {
				t.Fatal(err)
			}
			got, want = append(got, scores...), append(want, logits...)
		}
		near.Check64(t, r.Handler+" "+strings.Join(r.LabelWords[0], ","), got, want, near.Logits)
		checkScorer(t, b, &r)
		checked++
	}
	t.Logf("%d manual verbalizers, %d calibrated", checked, calibrated)
	if checked != 60 || calibrated != 15 {
		t.Errorf("checked %d and %d calibrated, want 60 and 15", checked, calibrated)
	}
}

// meanOfFour are the logits that the goldens calibrate with: the mean over 4 rows of set 2.
func meanOfFour(t *testing.T, b *BoundVerbalizer) []float64 {
	t.Helper()
	mean := make([]float64, vocabularySize)
	for i := range 4 {
		for j, z := range scoresOf(2, i) {
			mean[j] += z / 4
		}
	}
	gathered, err := b.Gather(mean, vocabularySize)
	if err != nil {
		t.Fatal(err)
	}
	return gathered
}

// checkWordIDs compares the words' tokens with OpenPrompt's.
func checkWordIDs(t *testing.T, b *BoundVerbalizer, r *verbalizerRow) {
	t.Helper()
	next := map[int]int{}
	for _, w := range b.Words {
		want := r.IDs[w.Class][next[w.Class]]
		next[w.Class]++
		for i, c := range w.Columns {
			if b.Vocabulary[c] != want[i] {
				t.Errorf("%q: token %d is %d, want %d", w.Text, i, b.Vocabulary[c], want[i])
			}
		}
		for _, id := range want[len(w.Columns):] {
			if id != 0 {
				t.Errorf("%q: %d tokens, want %d", w.Text, len(w.Columns), want)
			}
		}
	}
}

package prompt

import (
	"bufio"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
	"trimtab/nn"
	"trimtab/tokenizer"
)

func openModel(t *testing.T, dev compute.Device, path ...string) (model.LanguageModel, string) {
	t.Helper()
	dir := near.Shared(t, path...)
	base, err := model.Open(dir, dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return base.Model.(model.LanguageModel), dir
}

// classify runs a classifier over inputs and returns its scores, row by row.
func classify(t *testing.T, c *Classifier, inputs ...*Input) []float32 {
	t.Helper()
	scores, err := tryClassify(c, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return scores
}

func tryClassify(c *Classifier, inputs ...*Input) ([]float32, error) {
	segments := make([]nn.Segment, len(inputs))
	for i, in := range inputs {
		segments[i] = in.Segment()
	}
	batch, err := nn.Pack(segments...)
	if err != nil {
		return nil, err
	}
	tape := autograd.New(c.dev)
	scores := c.Classify(nn.NewPass(tape, batch))
	if err := tape.Forward(scores); err != nil {
		return nil, err
	}
	return append([]float32(nil), scores.Data().Data...), nil
}

// goldenInput is the first segment of a golden model's batch, read at masks,
// and the logits that transformers gives there, [masks, vocabulary].
func goldenInput(t *testing.T, dir string, masks ...int) (*Input, []float64) {
	t.Helper()
	f, err := checkpoint.Open(dir + "/expect.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := &Input{Masks: masks}
	read := func(name string) []int32 {
		x, ok := f.Tensor(name)
		if !ok {
			return make([]int32, 11)
		}
		all, err := x.Int64s()
		if err != nil {
			t.Fatal(err)
		}
		out := make([]int32, 11)
		for i := range out {
			out[i] = int32(all[i])
		}
		return out
	}
	in.IDs, in.TypeIDs = read("input_ids"), read("token_type_ids")
	x, _ := f.Tensor("logits")
	all, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	var logits []float64
	for _, m := range masks {
		for _, z := range all[m*x.Shape[2] : (m+1)*x.Shape[2]] {
			logits = append(logits, float64(z))
		}
	}
	return in, logits
}

// words is a verbalizer over the ids 5 to 10.
func words(handler Handler, masks int) *BoundVerbalizer {
	return &BoundVerbalizer{
		Classes: []string{"x", "y"}, Vocabulary: []int32{5, 6, 7, 10}, Handler: handler, Masks: masks, PostLogSoftmax: true,
		Words: []BoundWord{{Class: 0, Columns: []int{0, 1}}, {Class: 0, Columns: []int{3}}, {Class: 1, Columns: []int{2, 0}}},
	}
}

// Class scores of a whole model, against the logits that transformers gives.
func TestClassifyAgainstGoldens(t *testing.T) {
	dev := newDevice(t)
	m, dir := openModel(t, dev, "goldens", "models", "bert-mlm")
	for _, handler := range []Handler{First, Mean, Max, OverMasks} {
		masks := []int{3}
		if handler == OverMasks {
			masks = []int{3, 7}
		}
		in, logits := goldenInput(t, dir, masks...)
		v := words(handler, len(masks))
		gathered, err := v.Gather(logits, m.Info().Vocabulary)
		if err != nil {
			t.Fatal(err)
		}
		want, err := v.Scores(gathered)
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewClassifier(dev, m, &BoundTemplate{masks: len(masks)}, v, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Info().Labels; len(got) != 2 || got[1] != "y" {
			t.Errorf("labels %q", got)
		}
		near.Check(t, string(handler), classify(t, c, in, in), float32s(append(want, want...)), near.Logits)

		// Calibrated with the input itself, every word is as likely as the others.
		if err := c.Calibrate([]*Input{in, in}); err != nil {
			t.Fatal(err)
		}
		even := float32(-math.Log(3))
		near.Check(t, string(handler)+" calibrated", classify(t, c, in), []float32{even, even}, near.Logits)
	}
}

// A causal model is read at its last token.
func TestCausalClassifyAgainstGoldens(t *testing.T) {
	dev := newDevice(t)
	for _, name := range []string{"gpt2-lm", "llama-lm", "llama31-lm"} {
		m, dir := openModel(t, dev, "goldens", "models", name)
		in, logits := goldenInput(t, dir, 10)
		v := words(Mean, 1)
		gathered, err := v.Gather(logits, m.Info().Vocabulary)
		if err != nil {
			t.Fatal(err)
		}
		want, err := v.Scores(gathered)
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewClassifier(dev, m, &BoundTemplate{masks: 1, causal: true}, v, 1)
		if err != nil {
			t.Fatal(err)
		}
		near.Check(t, name, classify(t, c, in, in), float32s(append(want, want...)), near.Logits)
	}
}

func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// Soft tokens that start from words answer as the words do, learn, and leave
// the base as it was.
func TestSoftTokens(t *testing.T) {
	dev := newDevice(t)
	m, dir := openModel(t, dev, "goldens", "models", "bert-mlm")
	in, _ := goldenInput(t, dir, 3)
	plain, err := NewClassifier(dev, m, &BoundTemplate{masks: 1}, words(First, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := classify(t, plain, in)

	soft := *in
	soft.IDs = append([]int32(nil), in.IDs...)
	table := []SoftToken{{Name: "noise", Start: -1}, {Name: "a", Start: in.IDs[1]}, {Name: "b", Start: in.IDs[8]}}
	for i, position := range []int{1, 8} {
		soft.IDs[position] = 0
		soft.Soft = append(soft.Soft, SoftSlot{Position: position, Index: i + 1})
	}
	c, err := NewClassifier(dev, m, &BoundTemplate{masks: 1, soft: table}, words(First, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryClassify(c, &soft); !errors.Is(err, errNotAttached) {
		t.Errorf("soft tokens that are not attached: %v", err)
	}
	c.Attach()
	near.Bits(t, "started from words", classify(t, c, &soft), want)
	before, after := lossAndStep(t, c, &soft)
	if after >= before {
		t.Errorf("a step along the gradient changes the loss from %g to %g", before, after)
	}
	c.Detach()
	near.Bits(t, "detached", classify(t, plain, in), want)

	if _, err := NewSoftTokens(dev, []SoftToken{{Start: 1 << 20}}, m.Words(), 1); !errors.Is(err, ErrBind) {
		t.Errorf("a start beyond the vocabulary: %v", err)
	}
}

// lossAndStep returns the loss before and after a small step against the gradient.
func lossAndStep(t *testing.T, c *Classifier, in *Input) (before, after float64) {
	t.Helper()
	batch, err := nn.Pack(in.Segment())
	if err != nil {
		t.Fatal(err)
	}
	run := func() float64 {
		tape := autograd.New(c.dev)
		loss := tape.CrossEntropy(c.Classify(nn.NewPass(tape, batch)), []int32{1}, nil, 1)
		c.Soft.Parameter.ZeroGrad()
		if err := tape.Backward(loss); err != nil {
			t.Fatal(err)
		}
		return float64(loss.Data().Data[0])
	}
	before = run()
	width := c.Soft.Parameter.Shape[1]
	moved := false
	for i, g := range c.Soft.Parameter.Grad {
		if i < width && g != 0 {
			t.Fatalf("a vector that stands nowhere has gradient %g", g)
		}
		moved = moved || g != 0
		c.Soft.Parameter.Data[i] -= 0.01 * g
	}
	if !moved {
		t.Fatal("no gradient reaches the soft tokens")
	}
	return before, run()
}

func TestClassifierErrors(t *testing.T) {
	dev := newDevice(t)
	m, dir := openModel(t, dev, "goldens", "models", "bert-mlm")
	for _, c := range []struct {
		template *BoundTemplate
		words    *BoundVerbalizer
		sentinel error
	}{
		{&BoundTemplate{masks: 1, causal: true}, words(First, 1), ErrBind},
		{&BoundTemplate{masks: 2}, words(First, 1), ErrVerbalizer},
		{&BoundTemplate{masks: 1}, &BoundVerbalizer{Vocabulary: []int32{1 << 20}, Masks: 1}, ErrVerbalizer},
	} {
		if _, err := NewClassifier(dev, m, c.template, c.words, 1); !errors.Is(err, c.sentinel) {
			t.Errorf("error %v, want %v", err, c.sentinel)
		}
	}
	c, err := NewClassifier(dev, m, &BoundTemplate{masks: 1}, words(First, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := goldenInput(t, dir)
	if _, err := tryClassify(c, in); !errors.Is(err, ErrVerbalizer) {
		t.Errorf("an input without a mask: %v", err)
	}
	if err := c.Calibrate(nil); !errors.Is(err, ErrVerbalizer) {
		t.Errorf("calibrated with nothing: %v", err)
	}
}

// The small masked model tells praise from blame without any training.
func TestZeroShot(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a real model")
	}
	dev := newDevice(t)
	m, dir := openModel(t, dev, "models", "minilm-mlm")
	tok, err := tokenizer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := promptFor(t, dev, m, tok)
	blank, err := c.Template.Wrap(c.Template.Template().Blank(""), WrapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Calibrate([]*Input{blank}); err != nil {
		t.Fatal(err)
	}
	examples, labels := sst2(t, 100)
	inputs, _, err := c.Template.WrapAll(examples, WrapOptions{MaxTokens: 64})
	if err != nil {
		t.Fatal(err)
	}
	scores, right := classify(t, c, inputs...), 0
	for i, label := range labels {
		if (scores[2*i+1] > scores[2*i]) == (label == 1) {
			right++
		}
	}
	t.Logf("%d of %d right", right, len(labels))
	if right*10 < len(labels)*6 {
		t.Errorf("%d of %d right: no better than chance", right, len(labels))
	}
}

func promptFor(t *testing.T, dev compute.Device, m model.LanguageModel, tok *tokenizer.Tokenizer) *Classifier {
	t.Helper()
	parsed, err := ParseTemplate(`{sentence} It was {mask}.`)
	if err != nil {
		t.Fatal(err)
	}
	template, err := parsed.Bind(tok, BindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	z := Verbalizer{Classes: []string{"negative", "positive"}, Words: [][]string{{"terrible", "bad"}, {"great", "good"}}}
	v, err := z.Bind(tok, template.Masks())
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClassifier(dev, m, template, v, 1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sst2 reads the first rows of SST-2's test set.
func sst2(t *testing.T, n int) (examples []Example, labels []int) {
	t.Helper()
	f, err := os.Open(near.Shared(t, "data", "sst2", "test.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	for len(labels) < n && lines.Scan() {
		sentence, label, _ := strings.Cut(lines.Text(), "\t")
		examples = append(examples, Example{Fields: map[string]string{"sentence": sentence}})
		labels = append(labels, int(label[0]-'0'))
	}
	return examples, labels
}

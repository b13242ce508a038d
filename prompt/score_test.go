package prompt

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/internal/near"
)

func bindWords(t testing.TB, z Verbalizer, masks int) *BoundVerbalizer {
	t.Helper()
	b, err := z.Bind(tinyTokenizer(t), masks)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBindWords(t *testing.T) {
	b := bindWords(t, Verbalizer{Classes: []string{"n", "p"}, Words: [][]string{{"was a", "it"}, {"<!>was"}}}, 2)
	if want := []int32{5, 6, 8}; !slices.Equal(b.Vocabulary, want) || b.Handler != OverMasks {
		t.Errorf("rows %v by %s, want %v by masks", b.Vocabulary, b.Handler, want)
	}
	if w := b.Words[0]; w.Text != " was a" || !slices.Equal(w.Columns, []int{1, 2}) || b.Words[2].Text != "was" || b.Words[2].Class != 1 {
		t.Errorf("words %+v", b.Words)
	}
}

func TestBindWordsErrors(t *testing.T) {
	cases := []struct {
		words   [][]string
		handler Handler
		masks   int
		message string
	}{
		{[][]string{{"a"}, {"你"}}, "", 1, `class "p": label word "你": the tokenizer does not know it`},
		{[][]string{{"a"}, {" "}}, "", 1, `makes no token`},
		{[][]string{{"a b c"}, {"d"}}, "", 2, `" a b c" has 3 tokens, the template 2 masks`},
		{[][]string{{"a"}, {"d"}}, "", 2, `no label word has more than 1`},
		{[][]string{{"a b"}, {"d"}}, First, 2, `first reads one mask, the template has 2`},
		{[][]string{{"a b"}, {"d"}}, "frist", 1, `expected one of`},
		{[][]string{{"a b"}, {"d"}}, "", 0, `found 0 masks`},
	}
	for _, c := range cases {
		z := Verbalizer{Classes: []string{"n", "p"}, Words: c.words, Handler: c.handler}
		_, err := z.Bind(tinyTokenizer(t), c.masks)
		if !errors.Is(err, ErrVerbalizer) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%q: error %v, want one with %q", c.words, err, c.message)
		}
	}
}

// The expected scores are written out by hand.
func TestScoresOverMasks(t *testing.T) {
	b := bindWords(t, Verbalizer{Classes: []string{"n", "p"}, Words: [][]string{{"a b"}, {"a", "c b"}}, RawLogits: true}, 2)
	z := []float64{1, 2, 3, -1, 0.5, 2.5} // columns a b c, at two masks
	one, two := math.Log(math.Exp(1)+math.Exp(2)+math.Exp(3)), math.Log(math.Exp(-1)+math.Exp(0.5)+math.Exp(2.5))
	ab, a, cb := ((1-one)+(0.5-two))/2, 1-one, ((3-one)+(0.5-two))/2
	got, err := b.Scores(z)
	if err != nil {
		t.Fatal(err)
	}
	near.Check64(t, "raw", got, []float64{ab, (a + cb) / 2}, near.Float64)

	b = bindWords(t, Verbalizer{Classes: []string{"n", "p"}, Words: [][]string{{"a b"}, {"a", "c b"}}}, 2)
	all := math.Log(math.Exp(ab) + math.Exp(a) + math.Exp(cb))
	if got, err = b.Scores(z); err != nil {
		t.Fatal(err)
	}
	near.Check64(t, "normalised", got, []float64{ab - all, (a+cb)/2 - all}, near.Float64)
}

func TestCalibration(t *testing.T) {
	z := Verbalizer{Classes: []string{"n", "p"}, Words: [][]string{{"a"}, {"b"}}}
	b := bindWords(t, z, 1)
	// Calibrated with its own logits, an example is undecided.
	c, err := b.Calibrated([]float64{3, -1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Scores([]float64{3, -1})
	if err != nil {
		t.Fatal(err)
	}
	near.Check64(t, "probabilities", Probabilities(got), []float64{0.5, 0.5}, near.Float64)
	if b.Calibration != nil {
		t.Error("calibrating changed the verbalizer that it was made from")
	}
	z.RawLogits = true
	if _, err := bindWords(t, z, 1).Calibrated([]float64{3, -1}); !errors.Is(err, ErrVerbalizer) {
		t.Errorf("a verbalizer without log-softmax is calibrated: %v", err)
	}
	for _, bad := range [][]float64{{1}, {1, math.NaN()}, {1, math.Inf(1)}} {
		if _, err := b.Calibrated(bad); !errors.Is(err, ErrVerbalizer) {
			t.Errorf("calibrated with %v: %v", bad, err)
		}
	}
	if _, err := b.Scores([]float64{1, 2, 3}); !errors.Is(err, ErrVerbalizer) {
		t.Errorf("scores of too many logits: %v", err)
	}
}

// Every handler, recorded on a tape: scores as the specification has them, and
// the gradient of the cross entropy along random directions as finite
// differences of the specification have it.
func TestScorer(t *testing.T) {
	dev := newDevice(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, handler := range []Handler{First, Mean, Max, OverMasks} {
		for _, raw := range []bool{false, true} {
			masks := 1
			if handler == OverMasks {
				masks = 2
			}
			z := Verbalizer{Classes: []string{"x", "y", "z"}, Words: [][]string{{"a b", "c"}, {"d", "d e", "f"}, {"b a"}}, Handler: handler, RawLogits: raw}
			b := bindWords(t, z, masks)
			if !raw {
				b = calibrateAtRandom(t, b, r)
			}
			compareScorer(t, dev, b, r)
		}
	}
}

func calibrateAtRandom(t *testing.T, b *BoundVerbalizer, r *rand.Rand) *BoundVerbalizer {
	t.Helper()
	prior := make([]float64, b.Size())
	for i := range prior {
		prior[i] = r.NormFloat64()
	}
	c, err := b.Calibrated(prior)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compareScorer runs five examples through the tape and through Scores.
func compareScorer(t *testing.T, dev compute.Device, b *BoundVerbalizer, r *rand.Rand) {
	t.Helper()
	const examples = 5
	x := autograd.NewParameter(dev, "logits", examples*b.Masks, len(b.Vocabulary))
	exact, direction := make([]float64, len(x.Data)), make([]float64, len(x.Data))
	for i := range x.Data {
		x.Data[i] = float32(2 * r.NormFloat64())
		exact[i], direction[i] = float64(x.Data[i]), r.NormFloat64()
	}
	labels := make([]int32, examples)
	for i := range labels {
		labels[i] = int32(r.IntN(len(b.Classes)))
	}
	tape := autograd.New(dev)
	scores := NewScorer(dev, b).Scores(tape, tape.Parameter(x))
	loss := tape.CrossEntropy(scores, labels, nil, 1)
	if err := tape.Backward(loss, scores); err != nil {
		t.Fatal(err)
	}
	name := string(b.Handler)
	want, lossWant := reference(t, b, exact, labels)
	got := make([]float64, len(scores.Data().Data))
	for i, s := range scores.Data().Data {
		got[i] = float64(s)
	}
	near.Check64(t, name+" scores", got, want, near.Logits)
	near.Number(t, name+" loss", float64(loss.Data().Data[0]), lossWant, near.Loss)

	const h = 1e-5
	along := func(step float64) float64 {
		moved := make([]float64, len(exact))
		for i := range moved {
			moved[i] = exact[i] + step*direction[i]
		}
		_, l := reference(t, b, moved, labels)
		return l
	}
	derivative := 0.0
	for i, g := range x.Grad {
		derivative += float64(g) * direction[i]
	}
	near.Number(t, name+" gradient", derivative, (along(h)-along(-h))/(2*h), near.Gradient)
	near.Far(t, name+" gradient, which must show", []float32{float32(derivative)}, []float32{0}, near.Final)
}

// reference computes scores and cross entropy in float64.
func reference(t *testing.T, b *BoundVerbalizer, logits []float64, labels []int32) (scores []float64, loss float64) {
	t.Helper()
	for i, label := range labels {
		s, err := b.Scores(logits[i*b.Size() : (i+1)*b.Size()])
		if err != nil {
			t.Fatal(err)
		}
		scores = append(scores, s...)
		loss -= math.Log(Probabilities(s)[label])
	}
	return scores, loss
}

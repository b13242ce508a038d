package prompt

import (
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
)

func newDevice(t testing.TB) compute.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// checkScorer compares the recorded computation with OpenPrompt's.
func checkScorer(t *testing.T, b *BoundVerbalizer, r *verbalizerRow) {
	t.Helper()
	dev := newDevice(t)
	var logits, want []float32
	for i, row := range r.Logits {
		gathered, err := b.Gather(scoresOf(r.Set, i), vocabularySize)
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range gathered {
			logits = append(logits, float32(z))
		}
		for _, z := range row {
			want = append(want, float32(z))
		}
	}
	tape := autograd.New(dev)
	x := tape.Constant(compute.NewMat(len(r.Logits), len(b.Vocabulary), logits))
	scores := NewScorer(dev, b).Scores(tape, x)
	if err := tape.Forward(scores); err != nil {
		t.Fatal(err)
	}
	near.Check(t, "recorded "+r.Handler, scores.Data().Data, want, near.Logits)
}

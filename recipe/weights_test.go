package recipe_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"trimtab/internal/near"
	"trimtab/recipe"
	"trimtab/train"
)

// The loss of a step is the mean over examples by the weights of their classes, as PyTorch's cross entropy has it.
func TestClassWeights(t *testing.T) {
	rows := []string{"the film was great\t1", "a bad plot\t0", "a dull cast\t0", "the end was bad\t0", "a terrible book\t0"}
	file, base := table(t, "text\tlabel", rows...), small(t, "masked_lm")
	for weights, byClass := range map[string][2]float64{"balanced": {5.0 / 8, 5.0 / 2}, `{"1": 3}`: {1, 3}, `{0: 0.5, 1: 2}`: {0.5, 2}} {
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
model_name_or_path: %s
data: {train: {file: %s}}
class_weights: %s
training: {max_steps: 1, per_device_train_batch_size: 2, gradient_accumulation_steps: 3, dropout: 0}
output_dir: %s
`, base, file, weights, filepath.Join(t.TempDir(), "run")))
		if err != nil {
			t.Fatal(err)
		}
		j, err := r.Open(device(t))
		if err != nil {
			t.Fatal(err)
		}
		d, s, err := r.Rows(r.Data.Train)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := j.Predict(t.Context(), d, s)
		if err != nil {
			t.Fatal(err)
		}
		j.Close()
		sum, total := 0.0, 0.0
		for i, a := range answers {
			label := rows[i][len(rows[i])-1:]
			w := byClass[label[0]-'0']
			sum, total = sum-w*math.Log(a.Scores[label]), total+w
		}
		o, err := r.Train(t.Context(), device(t), recipe.TrainOptions{})
		if err != nil {
			t.Fatal(err)
		}
		near.Number(t, weights, o.Loss, sum/total, near.Loss)
	}
}

// A run goes on only on the base that it began with, and a finished one not at all.
func TestResumeElsewhere(t *testing.T) {
	r := reviewing(t, "deltas: ["+lora+"]", "training.save_steps=2")
	interrupted(t, r, 2)
	weights := filepath.Join(r.Base, "model.safetensors")
	text, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte(nil), text...)
	other[len(other)-2] ^= 1
	write(t, weights, string(other))
	if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{Resume: true}); !errors.Is(err, train.ErrCheckpoint) {
		t.Errorf("another base: %v", err)
	}
	write(t, weights, string(text))
	if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{Resume: true}); err != nil {
		t.Error(err)
	}
	for _, resume := range []bool{false, true} {
		if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{Resume: resume}); !errors.Is(err, recipe.ErrOccupied) {
			t.Errorf("a finished run, resume %v: %v", resume, err)
		}
	}
}

// interrupted trains a recipe up to a step.
func interrupted(t *testing.T, r *recipe.Recipe, step int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := r.Train(ctx, device(t), recipe.TrainOptions{Report: func(p train.Progress) {
		if p.Step == step {
			stop()
		}
	}})
	if !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
}

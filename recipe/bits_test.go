package recipe_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"trimtab/compute/cpu"
	"trimtab/recipe"
	"trimtab/train"
)

// trained is the delta's tensors that a recipe's run leaves, with activations kept so, on a number of threads, stopped and
// resumed after the given steps.
func trained(t *testing.T, activations string, threads int, stops ...int) []byte {
	t.Helper()
	r := reviewing(t, asked, "training.activations="+activations, "training.dropout=0.1", "training.gradient_accumulation_steps=2", "training.save_steps=2")
	for {
		dev, err := cpu.New(cpu.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err = r.Train(ctx, dev, recipe.TrainOptions{Resume: true, Report: func(p train.Progress) {
			if len(stops) > 0 && p.Step == stops[0] {
				stops = stops[1:]
				cancel()
			}
		}})
		cancel()
		if errors.Is(err, train.ErrInterrupted) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		tensors, err := os.ReadFile(filepath.Join(r.OutputDir, "delta", "adapter_model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		return tensors
	}
}

func TestTheSameBits(t *testing.T) {
	found := map[string][]byte{}
	for _, activations := range []string{"f32", "bf16"} {
		want := trained(t, activations, 1)
		if got := trained(t, activations, 2); !bytes.Equal(got, want) {
			t.Errorf("%s: two threads give other bits than one", activations)
		}
		if got := trained(t, activations, 2, 1, 4); !bytes.Equal(got, want) {
			t.Errorf("%s: a run that was interrupted and resumed gives other bits", activations)
		}
		found[activations] = want
	}
	if bytes.Equal(found["f32"], found["bf16"]) {
		t.Error("nothing was rounded")
	}
}

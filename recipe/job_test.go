package recipe_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"trimtab/internal/near"
	"trimtab/recipe"
	"trimtab/train"
)

// sentiment is a recipe on the shared masked language model and SST-2.
func sentiment(t *testing.T, rest string, sets ...string) *recipe.Recipe {
	t.Helper()
	model := near.Shared(t, "models", "minilm-mlm")
	data := near.Shared(t, "data", "sst2")
	test := filepath.Join(t.TempDir(), "test.tsv")
	text, err := os.ReadFile(filepath.Join(data, "test.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	few := bytes.SplitAfterN(text, []byte("\n"), 42)[:41]
	if err := os.WriteFile(test, bytes.Join(few, nil), 0o666); err != nil {
		t.Fatal(err)
	}
	recipeText := fmt.Sprintf(`
model_name_or_path: %s
data:
  train: {file: %s}
  test: {file: %s}
  few_shot: {k: 4, seed: 1}
  labels: ["0", "1"]
training: {learning_rate: 2e-3, max_steps: 6, per_device_train_batch_size: 8, eval_steps: 3, seed: 3}
max_length: {tokens: 64}
output_dir: %s
%s`, model, filepath.Join(data, "train.tsv"), test, filepath.Join(t.TempDir(), "run"), rest)
	r, err := recipe.Parse("r.yaml", []byte(recipeText), sets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const asked = `
prompt:
  template: '{sentence} It was {mask}.'
  verbalizer: {"0": [terrible, bad], "1": [great, good]}
deltas:
  - {peft_type: LORA, r: 4, lora_alpha: 8, target_modules: [query, value]}
`

func TestTrainSaveOpen(t *testing.T) {
	for name, rest := range map[string]string{
		"prompt and LoRA": asked,
		"head and LoRA":   "deltas: [{peft_type: LORA, r: 4, target_modules: all-linear}]",
		"head":            "",
		"soft tokens":     "prompt: {template: '{\"soft\": \"In short\"} {\"placeholder\": \"sentence\"} {\"mask\"}', verbalizer: {\"0\": bad, \"1\": good}}",
		"bottleneck":      "deltas: [{adapter: seq_bn, reduction_factor: 2}]",
	} {
		t.Run(name, func(t *testing.T) {
			dev := device(t)
			r := reviewing(t, rest)
			var last train.Progress
			o, err := r.Train(t.Context(), dev, recipe.TrainOptions{Report: func(p train.Progress) { last = p }})
			if err != nil {
				t.Fatal(err)
			}
			if last.Step != 6 || o.Steps != 6 || len(o.Best) == 0 || o.Parameters == 0 {
				t.Errorf("outcome %+v, last %+v", o, last)
			}
			j, report, err := recipe.OpenRun(r.OutputDir, dev, recipe.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			scores, _, err := j.Evaluate(t.Context(), r.Data.Test)
			if err != nil {
				t.Fatal(err)
			}
			near.Number(t, "accuracy of the opened run", scores[0].Value, report.Test["accuracy"], near.Exact)
		})
	}
}

func TestRunsExclude(t *testing.T) {
	dev := device(t)
	r := reviewing(t, asked)
	p, err := r.Plan(dev)
	if err != nil {
		t.Fatal(err)
	}
	if p.Parameters != 2*2*2*4*16 || p.Steps != 6 || p.Memory.Arena == 0 {
		t.Errorf("plan %+v", p)
	}
	if entries, err := os.ReadDir(r.OutputDir); err == nil {
		t.Errorf("a plan left %v", slices.Collect(slices.Values(entries)))
	}
}

package recipe_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/recipe"
	"trimtab/train"
)

const corpus = `the soup is good and the bread is warm
the train is late and the sea is far away
we eat bread and soup in the evening
they travel by train to the sea
`

const rowsOfTexts = "sentence\tlabel\nthe soup is good\tfood\nwe eat bread\tfood\nthe train is late\ttravel\nto the sea\ttravel\n"

// tiny is a folder with a base that was made from four lines of text, and data for it.
func tiny(t *testing.T, dev compute.Device) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`
model: {model_type: bert, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32, max_position_embeddings: 24}
tokenizer: {vocab_size: 100}
data: {train: [%q]}
max_length: 24
training: {learning_rate: 1e-2, max_steps: 5, per_device_train_batch_size: 4}
output_dir: %q
`, filepath.Join(dir, "corpus.txt"), dir)
	for name, text := range map[string]string{"corpus.txt": corpus, "rows.tsv": rowsOfTexts, "pretrain.yaml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r, err := recipe.ReadPretraining(filepath.Join(dir, "pretrain.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Pretrain(t.Context(), dev, false, func(string) {}, func(train.Progress) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A base with the deltas worked in answers as the run does, through its template or its head.
func TestMergedBaseAnswersAsTheRun(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := tiny(t, dev)
	for name, rest := range map[string]string{
		"prompt and LoRA": `
prompt: {template: "{sentence} {mask}", verbalizer: {food: soup, travel: train}}
deltas: [{peft_type: LORA, r: 4, lora_alpha: 32, target_modules: [query, value, decoder]}]`,
		"head and LoRA": "deltas: [{peft_type: LORA, r: 4, lora_alpha: 32, target_modules: all-linear}]",
		"full":          "deltas: [{method: full}]",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
model_name_or_path: %q
data: {train: {file: %q}}
training: {learning_rate: 1e-2, max_steps: 6, per_device_train_batch_size: 4}
output_dir: %q
%s`, filepath.Join(dir, "base"), filepath.Join(dir, "rows.tsv"), filepath.Join(t.TempDir(), "run"), rest))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Train(t.Context(), dev, recipe.TrainOptions{}); err != nil {
				t.Fatal(err)
			}
			run, _, err := recipe.OpenRun(r.OutputDir, dev, recipe.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer run.Close()
			want := answers(t, run)
			to := filepath.Join(t.TempDir(), "merged")
			if _, err := run.Merge(to); err != nil {
				t.Fatal(err)
			}
			f, err := checkpoint.Open(to)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			// transformers reads this name where weights are not tied, as here the delta on the decoder has it
			if _, _, ok := f.Info("cls.predictions.decoder.bias"); ok != (name == "prompt and LoRA") {
				t.Errorf("the decoder has a bias of its own: %v", ok)
			}
			near.Check64(t, "the run after merging", answers(t, run), want, near.Exact)
			r.Base, r.Deltas = to, nil
			merged, err := r.Open(dev)
			if err != nil {
				t.Fatal(err)
			}
			defer merged.Close()
			near.Check64(t, "the merged base", answers(t, merged), want, near.Merge)
		})
	}
}

// answers are the probabilities of the second label.
func answers(t *testing.T, j *recipe.Job) []float64 {
	t.Helper()
	d, s := j.Texts("texts", []string{"the bread is warm", "by train to the sea", "we eat"})
	list, err := j.Predict(t.Context(), d, s)
	if err != nil {
		t.Fatal(err)
	}
	var p []float64
	for _, a := range list {
		p = append(p, a.Scores["travel"])
	}
	return p
}

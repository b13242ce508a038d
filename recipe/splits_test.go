package recipe_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/chance"
	"trimtab/internal/near"
	"trimtab/recipe"
	"trimtab/train"
)

// A share held back for validation is the same run as one whose two files hold the rows that the documented draw gives.
func TestValidationSplit(t *testing.T) {
	base, dev := small(t, "masked_lm"), device(t)
	train := func(data string) (*recipe.Outcome, *recipe.Report) {
		t.Helper()
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
model_name_or_path: %s
data: {%s, labels: ["0", "1"]}
training: {learning_rate: 2e-2, num_train_epochs: 2, per_device_train_batch_size: 8, seed: 3}
output_dir: %s
`, base, data, filepath.Join(t.TempDir(), "run")))
		if err != nil {
			t.Fatal(err)
		}
		o, err := r.Train(t.Context(), dev, recipe.TrainOptions{})
		if err != nil {
			t.Fatal(err)
		}
		j, report, err := recipe.OpenRun(r.OutputDir, dev, recipe.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return o, report
	}
	held := chance.Perm(len(reviews), chance.Key{Seed: 3, Site: chance.SiteOf("data.split")})[:14] // 30 % of 48 are 14.4
	var rows, kept []string
	for i, row := range reviews {
		if slices.Contains(held, i) {
			kept = append(kept, row)
		} else {
			rows = append(rows, row)
		}
	}
	const header = "sentence\tlabel"
	got, report := train(fmt.Sprintf("train: {file: %s}, validation_split_percentage: 30", table(t, header, reviews...)))
	want, reference := train(fmt.Sprintf("train: {file: %s}, validation: {file: %s}", table(t, header, rows...), table(t, header, kept...)))
	if report.DataHash != reference.DataHash || got.Steps != want.Steps || got.BestStep != want.BestStep {
		t.Errorf("data %s, %+v; expected %s, %+v", report.DataHash, got, reference.DataHash, want)
	}
	near.Number(t, "the last loss", got.Loss, want.Loss, near.Exact)
	near.Number(t, "the score of the held rows", got.Best[0].Value, want.Best[0].Value, near.Exact)
}

// A share that leaves a part empty, or is held back from nothing, is an error.
func TestValidationSplitRefuses(t *testing.T) {
	file := table(t, "sentence\tlabel", reviews[:4]...)
	for rest, want := range map[string]string{
		`data: {train: {file: %s}, labels: ["0", "1"], validation_split_percentage: 5}`:                                                              "leaves 4 to train on and 0 for validation",
		`data: {train: {file: %s}, labels: ["0", "1"], validation_split_percentage: 99}`:                                                             "leaves 0 to train on and 4 for validation",
		"data: {train: {file: %s}, validation_split_percentage: 50}\nprompt: {template: '{sentence} {mask}', verbalizer: {\"0\": bad, \"1\": good}}": "nothing trains",
	} {
		rest = strings.Replace(rest, "%s", file, 1)
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, "model_name_or_path: %s\noutput_dir: %s\n%s\n", small(t, "masked_lm"), filepath.Join(t.TempDir(), "run"), rest))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nfound %v, expected %s", rest, err, want)
		}
	}
}

// A share of a corpus that is held out is the same pretraining as one whose two files hold the paragraphs that the documented draw gives.
func TestPretrainingSplit(t *testing.T) {
	pretrain := func(data string) (scores []train.Score) {
		t.Helper()
		dir := t.TempDir()
		r, err := recipe.ReadPretraining(write(t, filepath.Join(dir, "r.yaml"), fmt.Sprintf(`
model: {model_type: bert, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32, max_position_embeddings: 24}
tokenizer: {vocab_size: 60}
data: {%s}
max_length: 24
training: {learning_rate: 1e-2, max_steps: 4, per_device_train_batch_size: 8, eval_steps: 2, seed: 3}
output_dir: %s
`, data, filepath.Join(dir, "run"))))
		if err != nil {
			t.Fatal(err)
		}
		report := func(p train.Progress) { scores = append(scores, p.Scores...) }
		if _, err := r.Pretrain(t.Context(), device(t), false, func(string) {}, report); err != nil {
			t.Fatal(err)
		}
		return scores
	}
	file := func(paragraphs []string) string {
		return write(t, filepath.Join(t.TempDir(), "corpus.txt"), strings.Join(paragraphs, "\n"))
	}
	held := chance.Perm(len(texts()), chance.Key{Seed: 3, Site: chance.SiteOf("data.split")})[:14] // 30 % of 48 are 14.4
	var rows, kept []string
	for i, text := range texts() {
		if slices.Contains(held, i) {
			kept = append(kept, text)
		} else {
			rows = append(rows, text)
		}
	}
	got := pretrain(fmt.Sprintf("train: [%s], validation_split_percentage: 30", file(texts())))
	want := pretrain(fmt.Sprintf("train: [%s], validation: %s", file(rows), file(kept)))
	if len(got) != 4 || !slices.Equal(got, want) { // perplexity and accuracy, twice
		t.Errorf("%v, expected %v", got, want)
	}
}

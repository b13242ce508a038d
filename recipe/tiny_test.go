package recipe_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/model"
	"trimtab/recipe"
	"trimtab/tensor"
	"trimtab/tokenizer"
)

// reviews are texts whose label is told by one word: what the small bases of these tests learn at once.
var reviews = func() (rows []string) {
	good, bad := []string{"great", "good", "lovely"}, []string{"terrible", "bad", "dull"}
	for i, noun := range []string{"film", "plot", "cast", "music", "story", "end", "song", "book"} {
		for j := range good {
			rows = append(rows, fmt.Sprintf("the %s was %s\t1", noun, good[(i+j)%3]), fmt.Sprintf("a %s %s\t0", bad[(i+j)%3], noun))
		}
	}
	return rows
}()

// texts are the reviews without their labels.
func texts() []string {
	var out []string
	for _, row := range reviews {
		text, _, _ := strings.Cut(row, "\t")
		out = append(out, text)
	}
	return out
}

// write makes a file and returns its path.
func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// table is a file of rows under a header.
func table(t testing.TB, header string, rows ...string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "rows.tsv"), header+"\n"+strings.Join(rows, "\n")+"\n")
}

func device(t testing.TB) compute.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// config is the config.json of a small base, but for its vocabulary.
var configs = map[string]string{
	"masked_lm": `{"model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
		"intermediate_size": 32, "max_position_embeddings": 24, "initializer_range": 0.2, "vocab_size": %d}`,
	"causal_lm": `{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 16, "n_layer": 2, "n_head": 2,
		"n_positions": 24, "initializer_range": 0.2, "vocab_size": %d}`,
}

// small is the folder of a base by chance, with a vocabulary made from the reviews.
func small(t testing.TB, task string) string {
	t.Helper()
	tok, err := tokenizer.TrainWordPiece(t.Context(), slices.Values(append(texts(), "it was all in short .")), tokenizer.TrainOptions{Size: 120})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c, err := model.ParseConfig("config.json", fmt.Appendf(nil, configs[task], tok.Size()))
	if err != nil {
		t.Fatal(err)
	}
	base, err := model.New(c, nil, device(t), model.Options{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := base.Save(dir, tensor.F32); err != nil {
		t.Fatal(err)
	}
	if err := tok.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reviewing is a recipe on a small base and the reviews.
func reviewing(t testing.TB, rest string, sets ...string) *recipe.Recipe {
	t.Helper()
	rows := table(t, "sentence\tlabel", reviews...)
	r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
model_name_or_path: %s
data:
  train: {file: %s}
  test: {file: %s}
  few_shot: {k: 4, seed: 1}
  labels: ["0", "1"]
training: {learning_rate: 2e-2, max_steps: 6, per_device_train_batch_size: 8, eval_steps: 3, seed: 3}
output_dir: %s
%s`, small(t, "masked_lm"), rows, rows, filepath.Join(t.TempDir(), "run"), rest), sets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

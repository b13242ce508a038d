package recipe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/recipe"
	"trimtab/train"
)

const (
	negative = `{"0": [terrible, bad], "1": [great, good]}`
	lora     = "{peft_type: LORA, r: 2, target_modules: [query]}"
)

// What a recipe says and nothing would do, or what would go wrong in the middle of a run, is told before it begins.
func TestKeysThatWouldDoNothing(t *testing.T) {
	for rest, want := range map[string]string{
		"masking: {mlm_probability: 0.3}":                                                 "masking is for task masked_lm",
		"masking: {whole_word: false}":                                                    "masking is for task masked_lm",
		"task: masked_lm\nmasking: {mlm_probability: 1.5}":                                "masking.mlm_probability is 1.5",
		"task: causal_lm\nclass_weights: balanced":                                        "class_weights is for task classification",
		"task: causal_lm\ndata: {few_shot: {k: 2}}":                                       "data.few_shot is for task classification",
		"task: causal_lm\ndata: {labels: [a, b]}":                                         "data.labels is for task classification",
		"task: causal_lm\ndata: {train: {file: a, label: b}}":                             "data.train.label is for task classification",
		"max_length: {truncation: head}":                                                  "max_length.truncation is head, and max_length.tokens does not say",
		"training: {metric_for_best_model: eval_loss}\ndata: {few_shot: {k: 2}}":          `metric_for_best_model is "eval_loss"`,
		"task: masked_lm\ntraining: {metric_for_best_model: accuracy}":                    `metric_for_best_model is "accuracy"`,
		"data: {train: {file: a}, validation_split_percentage: 100}":                      "validation_split_percentage is 100, and must be above 0 and below 100",
		"data: {train: {file: a}, validation_split_percentage: -1}":                       "validation_split_percentage is -1",
		"data: {train: {file: a}, validation_split_percentage: .nan}":                     "validation_split_percentage is NaN",
		"data: {validation_split_percentage: 5}":                                          "there is none",
		"data: {train: {file: a}, validation: {file: b}, validation_split_percentage: 5}": "data.validation both say",
		"data: {train: {file: a}, few_shot: {k: 2}, validation_split_percentage: 5}":      "data.few_shot, which holds its own rows back",
		"task: causal_lm\ndata: {train: {file: a}, validation_split_percentage: 0.5}":     "",
		"data: {labels: [a]}":                                                             "data.labels",
		"data: {labels: [a, b, a]}":                                                       `"a" is listed twice`,
		"training: {seed: 1}\n---\ntask: causal_lm":                                       "second document",
	} {
		_, err := recipe.Parse("r.yaml", []byte("model_name_or_path: x\n"+rest+"\n"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, expected %s", rest, err, want)
		}
	}
}

func TestFewShotDefaults(t *testing.T) {
	for text, want := range map[string]recipe.FewShot{"{}": {K: 16, Seed: 13}, "{k: 4}": {K: 4, Seed: 13}, "{seed: 0}": {K: 16}} {
		r, err := recipe.Parse("r.yaml", []byte("model_name_or_path: x\ndata: {train: {file: a}, few_shot: "+text+"}\n"))
		if err != nil {
			t.Error(err)
		} else if *r.Data.FewShot != want {
			t.Errorf("%s: %+v, expected %+v", text, *r.Data.FewShot, want)
		}
	}
	r, err := recipe.Parse("r.yaml", []byte("model_name_or_path: x\ndata: {train: {file: a}}\n"), "data.few_shot.seed=3")
	if err != nil || *r.Data.FewShot != (recipe.FewShot{K: 16, Seed: 3}) {
		t.Errorf("--set: %+v (%v)", r, err)
	}
}

// What a base, its data and its deltas do not go together with is told before anything trains.
func TestOpenRefuses(t *testing.T) {
	ask := "prompt: {template: '{sentence} {mask}', verbalizer: " + negative + "}\n"
	for name, c := range map[string]struct{ rest, set, want string }{
		"one tensor twice":        {"deltas: [{method: head}, {method: full}]", "", "deltas[1]: "},
		"head and biases":         {"deltas: [" + lora + ", {method: bitfit}]", "", "deltas[1]: "},
		"virtual tokens":          {ask + "deltas: [{peft_type: PREFIX_TUNING, num_virtual_tokens: 30}]", "", "virtual tokens"},
		"length":                  {ask, "max_length.tokens=64", "max_length.tokens is 64"},
		"length with prefix":      {ask + "deltas: [{peft_type: PROMPT_TUNING, num_virtual_tokens: 8}]", "max_length.tokens=20", "max_length.tokens is 20"},
		"weights of no label":     {"class_weights: {great: 2}", "", `unknown label "great"`},
		"weights without end":     {`class_weights: {"1": .inf}`, "", "class_weights"},
		"few of a class":          {"", `data.labels=["0", "1", "2"]`, `class "2" has 0`},
		"a label that is none":    {"", "data.train.label=sentence", "sentence"},
		"verbalizer and labels":   {"prompt: {template: '{sentence} {mask}', verbalizer: {no: bad, yes: good}}", "", "verbalizer"},
		"two prompts of one kind": {ask + "deltas: [{peft_type: PROMPT_TUNING, num_virtual_tokens: 2}, {peft_type: PREFIX_TUNING, num_virtual_tokens: 2}]", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sets []string
			if c.set != "" {
				sets = []string{c.set}
			}
			r := reviewing(t, c.rest, sets...)
			_, err := r.Train(t.Context(), device(t), recipe.TrainOptions{})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, expected %s", err, c.want)
			}
			if metrics, _ := filepath.Glob(filepath.Join(r.OutputDir, "*")); c.want != "" && len(metrics) > 0 {
				t.Errorf("left %v", metrics)
			}
		})
	}
}

// A line of a text that cannot be learnt from is named.
func TestTextsOfOneToken(t *testing.T) {
	for task, want := range map[string]string{"causal_lm": ":2: ", "masked_lm": ":3: "} {
		dir := t.TempDir()
		rows := []string{`{"text": "the film was great"}`, `{"text": "film"}`, `{"text": ""}`}
		if task == "causal_lm" {
			rows = rows[:2]
		}
		file := write(t, filepath.Join(dir, "rows.jsonl"), strings.Join(rows, "\n"))
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
model_name_or_path: %s
task: %s
data: {train: {file: %s}}
deltas: [{method: full}]
training: {max_steps: 6, per_device_train_batch_size: 1}
output_dir: %s
`, bare(t, small(t, task)), task, file, filepath.Join(dir, "run")))
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Train(t.Context(), device(t), recipe.TrainOptions{})
		if err == nil || !strings.Contains(err.Error(), file+want) {
			t.Errorf("%s: %v", task, err)
		}
	}
}

// bare takes from a base's tokenizer what puts special tokens around texts, where the model is a causal one.
func bare(t *testing.T, dir string) string {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil || !strings.Contains(string(config), "gpt2") {
		return dir
	}
	path := filepath.Join(dir, "tokenizer.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(write(t, path, withoutKey(t, text, "post_processor")))
}

// What a pretraining would find out after its vocabulary was made is told before.
func TestPretrainingRefuses(t *testing.T) {
	const model = "model: {model_type: bert, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32, max_position_embeddings: 24}\n"
	for rest, want := range map[string]string{
		"max_length: 24":                                    "model is missing",
		model + "masking: {mlm_probability: 0}":             "masking.mlm_probability is 0",
		model + "max_length: 3":                             "max_length is 3",
		model + "max_length: 64":                            "max_length is 64, and model.max_position_embeddings is 24",
		model + "max_length: 24\ntraining: {eval_steps: 1}": "eval_steps",
		model + "training: {metric_for_best_model: f1}":     `metric_for_best_model is "f1"`,
		"data.validation_split_percentage=100":              "data.validation_split_percentage is 100, and must be above 0 and below 100",
		"data.validation_split_percentage=99":               "leaves 0 to train on and 48 for validation",
		"data.validation=x.txt":                             "both say what to validate on",
	} {
		dir := t.TempDir()
		var sets []string
		if strings.HasPrefix(rest, "data.") {
			sets, rest = []string{"data.validation_split_percentage=5", rest}, model+"max_length: 24"
		}
		corpus := write(t, filepath.Join(dir, "corpus.txt"), strings.Join(texts(), "\n"))
		path := write(t, filepath.Join(dir, "r.yaml"), fmt.Sprintf("%s\ndata: {train: [%s]}\noutput_dir: %s\ntokenizer: {vocab_size: 100}\n", rest, corpus, filepath.Join(dir, "run")))
		r, err := recipe.ReadPretraining(path, sets...)
		if err == nil {
			_, err = r.Pretrain(t.Context(), device(t), false, func(string) {}, nil)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", rest, err, want)
		}
	}
}

// A vocabulary of other settings is not taken for the run's.
func TestVocabularyFollowsTheRecipe(t *testing.T) {
	dir := t.TempDir()
	corpus := write(t, filepath.Join(dir, "corpus.txt"), strings.Join(texts(), "\n"))
	path := write(t, filepath.Join(dir, "r.yaml"), fmt.Sprintf(`
model: {model_type: bert, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32, max_position_embeddings: 24}
data: {train: [%s]}
max_length: 24
training: {max_steps: 2}
output_dir: %s
`, corpus, filepath.Join(dir, "run")))
	for _, size := range []int{60, 50} {
		r, err := recipe.ReadPretraining(path, fmt.Sprintf("tokenizer.vocab_size=%d", size))
		if err != nil {
			t.Fatal(err)
		}
		stopped, stop := context.WithCancel(t.Context())
		say := func(text string) {
			if strings.Contains(text, "segments") { // the vocabulary is made
				stop()
			}
		}
		if _, err := r.Pretrain(stopped, device(t), true, say, nil); !errors.Is(err, train.ErrInterrupted) {
			t.Fatal(err)
		}
		stop()
		if err := os.RemoveAll(filepath.Join(dir, "run", "checkpoint-0")); err != nil {
			t.Fatal(err)
		}
		tok, err := recipe.OpenTokenizer(filepath.Join(dir, "run", "base"))
		if err != nil {
			t.Fatal(err)
		}
		if tok.Size() != size {
			t.Errorf("the vocabulary has %d tokens, expected %d", tok.Size(), size)
		}
	}
}

// withoutKey is a JSON object without a key.
func withoutKey(t *testing.T, text []byte, key string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m[key] = nil
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

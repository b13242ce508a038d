package recipe_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trimtab/recipe"
)

func TestParse(t *testing.T) {
	r, err := recipe.Parse("r.yaml", []byte(`
model_name_or_path: base
data: {train: {file: a.tsv}, few_shot: {k: 4}}
training: {learning_rate: 1e-3}
max_length: {tokens: 64, truncation: head}
`), "training.learning_rate=3e-4", "data.few_shot.seed=7")
	if err != nil {
		t.Fatal(err)
	}
	if r.Training.LearningRate != 3e-4 || r.Training.Beta2 != 0.999 || r.Task != "classification" {
		t.Errorf("settings and defaults: %+v", r)
	}
	if r.Training.MaxGradNorm == nil || *r.Training.MaxGradNorm != 1 {
		t.Errorf("max_grad_norm is %v", r.Training.MaxGradNorm)
	}
	if few := r.Data.FewShot; few.K != 4 || few.Seed != 7 {
		t.Errorf("few_shot: %+v", few)
	}
	if r.MaxLength.Truncation.String() != "head" {
		t.Errorf("truncation is %s", r.MaxLength.Truncation)
	}
}

// The two names that transformers has for one optimizer make one recipe.
func TestNamesOfOptimizers(t *testing.T) {
	for name, want := range map[string]string{"adamw_torch": "adamw_torch", "adamw_bnb_8bit": "adamw_bnb_8bit", "adamw_8bit": "adamw_bnb_8bit"} {
		r, err := recipe.Parse("r.yaml", []byte("model_name_or_path: x"), "training.optim="+name)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Training.Optim; got != want {
			t.Errorf("optim %s is %s, expected %s", name, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":     {"model_name_or_path: x\ntraining:\n  learning_rte: 1\n", `r.yaml:3:3: recipe: unknown key "learning_rte"; did you mean "learning_rate"?`},
		"twice":           {"task: a\ntask: b\n", "r.yaml:2:1"},
		"type":            {"model_name_or_path: x\ntraining: {max_steps: many}\n", "r.yaml:2:23"},
		"no base":         {"task: classification\n", "model_name_or_path is missing"},
		"enum":            {"model_name_or_path: x\ntask: poetry\n", `task is "poetry", and must be one of classification, causal_lm, masked_lm`},
		"empty":           {" \n", "it is empty"},
		"no template":     {"model_name_or_path: x\nprompt: {verbalizer: {a: b}}\n", "prompt.template is missing"},
		"schedule":        {"model_name_or_path: x\ntraining: {lr_scheduler_type: step}\n", "lr_scheduler_type"},
		"optim":           {"model_name_or_path: x\ntraining: {optim: sgd}\n", `training.optim is "sgd", and must be one of adamw_torch, adamw_bnb_8bit, adamw_8bit`},
		"truncation":      {"model_name_or_path: x\nmax_length: {truncation: middle}\n", "truncation"},
		"file is missing": {"model_name_or_path: x\ndata: {train: {text: a}}\n", "data.train.file is missing"},
	} {
		_, err := recipe.Parse("r.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %s", name, err, c.want)
		}
	}
	for _, set := range []string{"training.seeds=1", "training", "=1", "task=[1"} {
		if _, err := recipe.Parse("r.yaml", []byte("model_name_or_path: x\n"), set); !errors.Is(err, recipe.ErrRecipe) {
			t.Errorf("--set %s: %v", set, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("model_name_or_path: x\ndeltas: [{peft_type: LORA, r: 8}]\ntraining: {seed: 1}\n"))
	f.Add([]byte("prompt: {template: '{x} {mask}', verbalizer: {a: [b]}}"))
	f.Add([]byte("&a [*a]"))
	f.Add([]byte("deltas: !0 0")) // the YAML library panics
	for _, text := range hostile() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		begun := time.Now()
		r, err := recipe.Parse("r.yaml", text)
		if took := time.Since(begun); took > longest {
			t.Errorf("it takes %v", took)
		}
		if (r == nil) == (err == nil) {
			t.Errorf("recipe %v, error %v", r, err)
		}
	})
}

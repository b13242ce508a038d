package recipe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute/cpu"
	"trimtab/recipe"
)

// exportLine is a line of an export's batches.
type exportLine struct {
	Segments []struct {
		IDs   []int32 `json:"ids"`
		Mask  *int    `json:"mask"`
		Label int     `json:"label"`
	} `json:"segments"`
}

func readLines(t *testing.T, path string) []exportLine {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []exportLine
	for _, l := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var line exportLine
		if err := json.Unmarshal(l, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestExport(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := sentiment(t, asked+`  - {method: bitfit}`, "training.dropout=0", "training.eval_steps=6", "training.gradient_accumulation_steps=2")
	dir := filepath.Join(t.TempDir(), "export")
	if err := r.Export(dev, dir); err != nil {
		t.Fatal(err)
	}
	batches, test := readLines(t, filepath.Join(dir, "batches.jsonl")), readLines(t, filepath.Join(dir, "test.jsonl"))
	if len(batches) != 6 {
		t.Errorf("%d steps, expected 6", len(batches))
	}
	for _, b := range batches {
		if len(b.Segments) != 8 { // the epoch has only one batch
			t.Errorf("%d segments in a step", len(b.Segments))
		}
		for _, s := range b.Segments {
			if s.Mask == nil || s.IDs[*s.Mask] != 103 {
				t.Fatalf("the mask of %v is at %v", s.IDs, s.Mask)
			}
		}
	}
	count := 0
	for _, b := range test {
		count += len(b.Segments)
	}
	if count != 40 {
		t.Errorf("%d test examples, expected 40", count)
	}
	text, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Class      string
		Verbalizer [][]int32
		Trainable  []string
		NoDecay    []string `json:"no_decay"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.Class != "BertForMaskedLM" || !slices.EqualFunc(s.Verbalizer, [][]int32{{6659, 2919}, {2307, 2204}}, slices.Equal) {
		t.Errorf("settings %s", text)
	}
	if !slices.Equal(s.Trainable, s.NoDecay) || !slices.Contains(s.Trainable, "cls.predictions.bias") {
		t.Errorf("trainable %v, no_decay %v", s.Trainable, s.NoDecay)
	}
	if err := r.Export(dev, dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second export: %v", err)
	}
}

func TestExportOfSoftTokensAndHead(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for rest, names := range map[string][]string{
		"prompt: {template: '{\"soft\": \"In short\"} {sentence} {mask}', verbalizer: {\"0\": bad, \"1\": good}}": {"soft"},
		"": {"bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight"},
	} {
		dir := t.TempDir()
		if err := reviewing(t, rest, "training.dropout=0", "training.eval_steps=6").Export(dev, dir); err != nil {
			t.Fatal(err)
		}
		f, err := checkpoint.Open(filepath.Join(dir, "init.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if !slices.Equal(f.Names(), names) {
			t.Errorf("init.safetensors has %v, expected %v", f.Names(), names)
		}
		ids := readLines(t, filepath.Join(dir, "batches.jsonl"))[0].Segments[0].IDs
		if soft := slices.Contains(ids, -2) && slices.Contains(ids, -1); soft != (rest != "") {
			t.Errorf("ids %v", ids)
		}
	}
}

func TestExportRefuses(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ rest, sets, want string }{
		"dropout":      {asked, "training.seed=1", "set training.dropout to 0"},
		"a choice":     {asked, "training.dropout=0", "set training.eval_steps to 6 or more"},
		"LoRA dropout": {"deltas: [{peft_type: LORA, lora_dropout: 0.1, target_modules: [query]}]", "training.dropout=0", "without lora_dropout"},
		"bottleneck":   {"deltas: [{adapter: seq_bn, reduction_factor: 2}]", "training.dropout=0", "deltas: seq_bn cannot be exported"},
		"weights":      {asked + "class_weights: balanced", "training.dropout=0", "class_weights"},
		"long words":   {strings.Replace(asked, "terrible", "greatgood", 1), "training.dropout=0", "words of one token"},
	} {
		dir := filepath.Join(t.TempDir(), "export")
		err := reviewing(t, c.rest, c.sets).Export(dev, dir)
		if !errors.Is(err, recipe.ErrRecipe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %s", name, err, c.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: a folder was left", name)
		}
	}
}

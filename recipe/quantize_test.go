package recipe_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/internal/near"
	"trimtab/model"
	"trimtab/recipe"
	"trimtab/tensor"
)

// quantizeGolden is what internal/reference/quantize.py says of a model.
type quantizeGolden struct {
	Texts      []string `json:"texts"`
	Precisions map[string]struct {
		Maps   map[string]float64 `json:"maps"`
		Weight float64            `json:"weight"`
		Hidden []float64          `json:"hidden"` // in nf4
	} `json:"precisions"`
	Scores map[string]float64 `json:"scores"` // in float32
}

// Errors and scores are those that bitsandbytes and PyTorch give.
func TestQuantizeAgainstPyTorch(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "quantize.json"))
	if err != nil {
		t.Fatal(err)
	}
	var goldens map[string]quantizeGolden
	if err := json.Unmarshal(text, &goldens); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, g := range goldens {
		base := filepath.Join(near.Root(t), name)
		if rest, ok := strings.CutPrefix(name, "../shared/"); ok {
			base = near.Shared(t, strings.Split(rest, "/")...)
		}
		texts := write(t, filepath.Join(t.TempDir(), "texts.txt"), strings.Join(g.Texts, "\n"))
		var o recipe.QuantizeOptions
		for q := range g.Precisions {
			p, err := compute.ParsePrecision(q)
			if err != nil {
				t.Fatal(err)
			}
			o.Precisions = append(o.Precisions, p)
		}
		o.Data = texts
		r, err := recipe.Quantize(t.Context(), base, device(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Segments != len(g.Texts) || len(r.Precisions) != 1+len(g.Precisions) {
			t.Errorf("%s: %d segments, %d precisions", name, r.Segments, len(r.Precisions))
		}
		for metric, v := range g.Scores {
			near.Number(t, name+" "+metric, r.Precisions[0].Scores[metric], v, near.Deviation)
		}
		for _, f := range r.Precisions[1:] {
			want := g.Precisions[f.Quantization]
			what := name + " " + f.Quantization
			if len(f.Maps) != len(want.Maps) {
				t.Errorf("%s: %d maps, expected %d", what, len(f.Maps), len(want.Maps))
			}
			for _, m := range f.Maps {
				near.Number(t, what+" "+m.Site, m.Weight, want.Maps[m.Site], near.Deviation)
			}
			near.Number(t, what+" weights", f.WeightError, want.Weight, near.Deviation)
			for i, v := range want.Hidden {
				near.Number(t, what+" states", f.Blocks[i].Hidden, v, near.Deviation)
				compared++
			}
		}
	}
	if compared != 4 {
		t.Errorf("compared the states of %d blocks", compared)
	}
}

// Every precision is told in the field's words, and what it saves is saved in the maps of the blocks and in the table that is tied to a causal
// language model's output layer.
func TestQuantizeWithoutData(t *testing.T) {
	for task := range configs {
		dir := small(t, task)
		r, err := recipe.Quantize(t.Context(), dir, device(t), recipe.QuantizeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		base, err := recipe.OpenModel(dir, device(t), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		table := int64(0)
		if task == "causal_lm" {
			table = 2 * int64(base.Model.Words().Weight.Elements())
		}
		if err := base.Close(); err != nil {
			t.Fatal(err)
		}
		maps := map[string]int{"masked_lm": 12, "causal_lm": 8}[task]
		plain := r.Precisions[0]
		for i, f := range r.Precisions {
			if f.Quantization != compute.Precision(i).String() || len(f.Maps) != maps || len(f.Blocks) != 2 || f.Scores != nil || f.Seconds <= 0 {
				t.Errorf("%s: %+v", task, f)
			}
			if (f.WeightError > 0) != (i > 0) || (f.HiddenError > 0) != (i > 0) || f.WeightError > 0.2 {
				t.Errorf("%s, %s: errors %g and %g", task, f.Quantization, f.WeightError, f.HiddenError)
			}
			if got, want := plain.Bytes-f.Bytes, plain.MapBytes-f.MapBytes; i > 0 && (got != want+table || want <= 0) {
				t.Errorf("%s, %s: saves %d bytes of maps and %d of all", task, f.Quantization, want, got)
			}
			if (f.Scales == "") != (compute.Precision(i) <= compute.BF16) || (f.Per == "") != (f.Scales == "") {
				t.Errorf("%s: scales %q, per %q", f.Quantization, f.Scales, f.Per)
			}
		}
	}
}

// A run is measured by its task on its test data; what it trains is not quantized.
func TestQuantizeRun(t *testing.T) {
	r := reviewing(t, asked, "training.learning_rate=0.05", "training.max_steps=12")
	if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{}); err != nil {
		t.Fatal(err)
	}
	q, err := recipe.Quantize(t.Context(), r.OutputDir, device(t), recipe.QuantizeOptions{Precisions: []compute.Precision{compute.Int8}})
	if err != nil {
		t.Fatal(err)
	}
	_, report := reopened(t, r)
	near.Number(t, "accuracy", q.Precisions[0].Scores["accuracy"], report.Test["accuracy"], near.Exact)
	if q.File != r.Data.Test.File || len(q.Precisions) != 2 || q.Precisions[1].Scores["accuracy"] < 0.9 || q.Metrics[0] != "accuracy" {
		t.Errorf("%+v", q)
	}

	full := reviewing(t, "deltas: [{method: full}]")
	if _, err := full.Train(t.Context(), device(t), recipe.TrainOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := recipe.Quantize(t.Context(), full.OutputDir, device(t), recipe.QuantizeOptions{}); !errors.Is(err, recipe.ErrNothingQuantized) {
		t.Errorf("a run that trained all: %v", err)
	}
	_, err = recipe.WriteQuantized(r.OutputDir, filepath.Join(t.TempDir(), "new"), device(t), compute.BF16)
	if !errors.Is(err, recipe.ErrRun) {
		t.Errorf("a run is written: %v", err)
	}
}

// A base is written in bfloat16 with what lies beside it; other weights are left out, and told.
func TestWriteQuantizedBF16(t *testing.T) {
	from, to := small(t, "causal_lm"), filepath.Join(t.TempDir(), "new", "base")
	for name, text := range map[string]string{"README.md": "a model", "tf_model.h5": "weights", "1_Pooling/config.json": "{}", ".git/HEAD": "ref"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(from, name), text)
	}
	notes, err := recipe.WriteQuantized(from, to, device(t), compute.BF16)
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) != 1 || notes[0] != "left out: .git, tf_model.h5" {
		t.Errorf("notes %q", notes)
	}
	for name, there := range map[string]bool{"README.md": true, "1_Pooling/config.json": true, "tokenizer.json": true, "tf_model.h5": false, ".git": false} {
		if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	want, got := openFile(t, from), openFile(t, to)
	if len(got.Names()) != len(want.Names()) {
		t.Errorf("%d tensors, expected %d", len(got.Names()), len(want.Names()))
	}
	for _, name := range want.Names() {
		w, _ := want.Tensor(name)
		g, ok := got.Tensor(name)
		if !ok || g.DType != tensor.BF16 || !g.Shape.Equal(w.Shape) {
			t.Errorf("%s: %+v", name, g)
			continue
		}
		a, _ := g.Float32s()
		b, _ := w.Float32s()
		for i := range b {
			if a[i] != tensor.BF16ToF32(tensor.F32ToBF16(b[i])) {
				t.Fatalf("%s: %g became %g", name, b[i], a[i])
			}
		}
	}
	config, err := model.ReadConfig(filepath.Join(to, "config.json"))
	if err != nil || string(config.Raw["dtype"]) != `"bfloat16"` {
		t.Errorf("dtype %s, %v", config.Raw["dtype"], err)
	}
	if _, err := recipe.WriteQuantized(from, to, device(t), compute.BF16); !errors.Is(err, os.ErrExist) {
		t.Errorf("written twice: %v", err)
	}
	none := filepath.Join(t.TempDir(), "none")
	if _, err := recipe.WriteQuantized(from, none, device(t), compute.Int4); !errors.Is(err, model.ErrNoFormat) {
		t.Errorf("int4 has a format: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(none)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func openFile(t *testing.T, dir string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

package delta_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/delta"
	"trimtab/internal/exchange"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
	"trimtab/tensor"
)

// bases are those that the goldens adapt.
var bases = []string{"bert-cls", "gpt2-lm", "llama-lm"}

func device(t testing.TB) compute.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func openBase(t testing.TB, name string, dev compute.Device) *model.Base {
	t.Helper()
	base, err := model.Open(near.Shared(t, "goldens", "models", name), dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

func openDelta(t testing.TB, dir string, base *model.Base) *delta.Delta {
	t.Helper()
	d, err := delta.Open(dir, base, delta.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// tensors are those of a file.
func tensors(t testing.TB, path string) map[string]*tensor.Tensor {
	t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		m[name], _ = f.Tensor(name)
	}
	return m
}

func floats(t testing.TB, x *tensor.Tensor) []float32 {
	t.Helper()
	v, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// logits runs the base on a golden's input, with what is attached and merged.
func logits(t testing.TB, in *exchange.Input, base *model.Base) *tensor.Tensor {
	t.Helper()
	out, err := in.Forward(base, base.Tree.Device())
	if err != nil {
		t.Fatal(err)
	}
	return out["logits"]
}

// checkLogits compares rows that are there; padding means nothing.
func checkLogits(t testing.TB, in *exchange.Input, what string, got, want *tensor.Tensor, tol float64) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Errorf("%s: shape %v, want %v", what, got.Shape, want.Shape)
		return
	}
	w := slices.Clone(floats(t, want))
	if len(want.Shape) == 3 {
		width, cols := want.Shape[1], want.Shape[2]
		for i, s := range in.Segments {
			clear(w[(i*width+len(s.IDs)+width-in.Width)*cols : (i+1)*width*cols])
		}
	}
	near.Check(t, what, floats(t, got), w, tol)
}

// golden is a train.json.
type golden struct {
	Losses       []float64          `json:"losses_float64"`
	Fragile      map[string]float64 `json:"fragile"`
	LearningRate float64            `json:"lr"`
	Betas        [2]float64         `json:"betas"`
	Epsilon      float64            `json:"eps"`
	WeightDecay  float64            `json:"weight_decay"`
}

// methods are the goldens of a library for a base whose method begins with one of the names.
func methods(t *testing.T, library, base string, names ...string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(near.Shared(t, "goldens", library), base+"+*"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, dir := range dirs {
		_, method, _ := strings.Cut(filepath.Base(dir), "+")
		if slices.ContainsFunc(names, func(name string) bool { return method == name || strings.HasPrefix(method, name+"-") }) {
			found = append(found, dir)
		}
	}
	return found
}

// TestPrefixBehindAWindow: keys that a prefix puts before slide out of the window as others do, which internal/reference/windows.py
// found PEFT and transformers do.
func TestPrefixBehindAWindow(t *testing.T) {
	dir := filepath.Join(near.Root(t), "internal", "exchange", "testdata", "mistral-window")
	base, err := model.Open(dir, device(t), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	in, err := exchange.Read(filepath.Join(dir, "prefix.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	d := openDelta(t, filepath.Join(dir, "prefix"), base)
	if err := d.Attach(); err != nil {
		t.Fatal(err)
	}
	want := tensors(t, filepath.Join(dir, "prefix.safetensors"))["logits"]
	checkLogits(t, in, "logits", logits(t, in, base), want, near.Logits)
}

func TestPEFT(t *testing.T) {
	compared := 0
	for _, base := range bases {
		for _, dir := range methods(t, "peft", base, "lora", "prompt", "prefix") {
			compared++
			t.Run(filepath.Base(dir), func(t *testing.T) { compare(t, base, dir) })
		}
	}
	if compared != 30 {
		t.Errorf("compared %d goldens, expected 30", compared)
	}
}

func TestAdapterHub(t *testing.T) {
	compared := 0
	for _, base := range bases {
		for _, dir := range methods(t, "adapterhub", base, "seq_bn", "seq_bn_layers", "double_seq_bn", "par_bn", "par_bn_learned") {
			compared++
			t.Run(filepath.Base(dir), func(t *testing.T) { compare(t, base, dir) })
		}
	}
	if compared != 15 {
		t.Errorf("compared %d goldens, expected 15", compared)
	}
}

// compare checks one golden: outputs beside and inside the weights, ten steps of training, and what is written.
func compare(t *testing.T, name, dir string) {
	dev := device(t)
	base := openBase(t, name, dev)
	expect := tensors(t, filepath.Join(dir, "expect.safetensors"))
	in, err := exchange.Read(filepath.Join(dir, "expect.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	before := logits(t, in, base)
	checkLogits(t, in, "base", before, expect["logits.base"], near.Logits)
	d := openDelta(t, dir, base)
	if err := d.Attach(); err != nil {
		t.Fatal(err)
	}
	adapted := logits(t, in, base)
	checkLogits(t, in, "adapted", adapted, expect["logits.adapted"], near.Logits)
	notes, err := d.Merge()
	if merged, ok := expect["logits.merged"]; err == nil {
		got := logits(t, in, base)
		if ok {
			checkLogits(t, in, "merged", got, merged, near.Logits)
		}
		checkLogits(t, in, "merged against adapted", got, adapted, near.Merge)
		if err := d.Unmerge(); err != nil {
			t.Fatal(err)
		}
		near.Bits(t, "after unmerging", floats(t, logits(t, in, base)), floats(t, adapted))
		if len(notes) > 0 != !ok {
			t.Errorf("notes %q, and the golden has a merged base: %v", notes, ok)
		}
	} else if ok {
		t.Error(err)
	}
	if err := d.Detach(); err != nil {
		t.Fatal(err)
	}
	near.Bits(t, "after detaching", floats(t, logits(t, in, base)), floats(t, before))
	roundTrip(t, d, dir)
	train(t, in, base, dir)
}

// train takes the golden's steps.
func train(t *testing.T, in *exchange.Input, base *model.Base, dir string) {
	data, err := os.ReadFile(filepath.Join(dir, "train.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	d := openDelta(t, filepath.Join(dir, "init"), base)
	if err := d.Attach(); err != nil {
		t.Fatal(err)
	}
	got, err := in.Step(base, base.Tree.Device(), d.Parameters(), exchange.StepOptions{Steps: len(g.Losses), LearningRate: g.LearningRate,
		WeightDecay: g.WeightDecay, Beta1: g.Betas[0], Beta2: g.Betas[1], Epsilon: g.Epsilon})
	if err != nil {
		t.Fatal(err)
	}
	near.Check64(t, "losses", got.Losses, g.Losses, near.Loss)
	if path := filepath.Join(dir, "gradients.safetensors"); exists(path) {
		want := tensors(t, path)
		if len(want) != len(got.Gradients) {
			t.Errorf("%d gradients, expected %d", len(got.Gradients), len(want))
		}
		for name, w := range want {
			if x, ok := got.Gradients[name]; !ok {
				t.Errorf("no gradient of %s", name)
			} else {
				near.Check(t, "gradient of "+name, floats(t, x), floats(t, w), near.Gradient)
			}
		}
	}
	final := openDelta(t, filepath.Join(dir, "final"), base)
	for i, p := range final.Parameters() {
		if _, fragile := g.Fragile[p.Name]; !fragile {
			near.Check(t, "final "+p.Name, d.Parameters()[i].Data, p.Data, near.Final)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// roundTrip writes a delta, compares names, shapes and elements with the library's file, and reads it again.
func roundTrip(t *testing.T, d *delta.Delta, golden string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "saved")
	if err := d.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	got, want := tensors(t, dir), tensors(t, golden)
	if len(got) != len(want) {
		t.Errorf("wrote %d tensors, the library %d", len(got), len(want))
	}
	for name, w := range want {
		x, ok := got[name]
		if !ok || !x.Shape.Equal(w.Shape) {
			t.Errorf("%s: wrote %v, the library %v", name, x, w.Shape)
			continue
		}
		near.Bits(t, name, floats(t, x), floats(t, w))
	}
	again := openDelta(t, dir, d.Base())
	for i, p := range d.Parameters() {
		near.Bits(t, p.Name, again.Parameters()[i].Data, p.Data)
	}
}

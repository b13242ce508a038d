package exchange_test

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
	"trimtab/internal/exchange"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
	"trimtab/tensor"
)

// devices are a device for every tier of kernels that this machine runs.
func devices(t *testing.T) map[string]compute.Device {
	t.Helper()
	devs := map[string]compute.Device{}
	for _, tier := range kernel.Tiers() {
		dev, err := cpu.New(cpu.Options{Tier: tier.Name})
		if err != nil {
			t.Fatal(err)
		}
		devs[tier.Name] = dev
	}
	return devs
}

func open(t *testing.T, dir string, dev compute.Device) *model.Base {
	t.Helper()
	base, err := model.Open(dir, dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

// tensors are those of a file.
func tensors(t *testing.T, path string) map[string]*tensor.Tensor {
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

// check compares tensors by name; in rows of positions that the mask leaves out
// got has zeros, and want means nothing.
func check(t *testing.T, in *exchange.Input, name string, got, want *tensor.Tensor, tol float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: missing", name)
		return
	}
	if !got.Shape.Equal(want.Shape) {
		t.Errorf("%s: shape %v, want %v", name, got.Shape, want.Shape)
		return
	}
	g, err := got.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	w, err := want.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Shape) == 3 {
		w = slices.Clone(w)
		width, cols := want.Shape[1], want.Shape[2]
		for i, s := range in.Segments {
			clear(w[(i*width+len(s.IDs))*cols : (i+1)*width*cols])
		}
	}
	near.Check(t, name, g, w, tol)
}

var models = []string{"bert-mlm", "bert-cls", "gpt2-lm", "gpt2-cls", "llama-lm", "llama31-lm", "mistral-lm"}

func TestForwardAgainstTransformers(t *testing.T) {
	for tier, dev := range devices(t) {
		for _, name := range models {
			t.Run(tier+"/"+name, func(t *testing.T) {
				if n := forward(t, near.Shared(t, "goldens", "models", name), dev); n != 5 { // logits, the embedding, three blocks
					t.Errorf("compared %d tensors", n)
				}
			})
		}
	}
}

// TestConfigsAgainstTransformers reads configs of old and new versions, with what the goldens do not have;
// internal/reference/models.py made them, and windows.py mistral-window.
func TestConfigsAgainstTransformers(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("testdata", "*-*"))
	if err != nil || len(folders) != 13 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for tier, dev := range devices(t) {
		for _, dir := range folders {
			t.Run(tier+"/"+filepath.Base(dir), func(t *testing.T) {
				if n := forward(t, dir, dev); n < 3 {
					t.Errorf("compared %d tensors", n)
				}
			})
		}
	}
}

// TestQuantizedFilesAgainstBitsandbytes reads what transformers and bitsandbytes saved;
// internal/reference/bitsandbytes_models.py made them.
func TestQuantizedFilesAgainstBitsandbytes(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("testdata", "bitsandbytes", "*"))
	if err != nil || len(folders) != 5 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for tier, dev := range devices(t) {
		for _, dir := range folders {
			t.Run(tier+"/"+filepath.Base(dir), func(t *testing.T) {
				if n := forward(t, dir, dev); n != 4 {
					t.Errorf("compared %d tensors", n)
				}
			})
		}
	}
}

// forward compares every output that a folder's expect.safetensors has, and says how many.
func forward(t *testing.T, dir string, dev compute.Device) int {
	t.Helper()
	path := filepath.Join(dir, "expect.safetensors")
	in, err := exchange.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := in.Forward(open(t, dir, dev), dev)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, want := range tensors(t, path) {
		if name == "logits" || strings.HasPrefix(name, "hidden_states.") {
			check(t, in, name, got[name], want, near.Logits)
			compared++
		}
	}
	if len(got) != compared {
		t.Errorf("got %d tensors, compared %d", len(got), compared)
	}
	return compared
}

// golden is a train.json.
type golden struct {
	Losses        []float64          `json:"losses_float64"`
	Norms         []float64          `json:"gradient_norms"`
	Fragile       map[string]float64 `json:"fragile"`
	LearningRate  float64            `json:"lr"`
	Betas         [2]float64         `json:"betas"`
	Epsilon       float64            `json:"eps"`
	WeightDecay   float64            `json:"weight_decay"`
	NoDecay       string             `json:"no_decay"`
	LearningRates []float64          `json:"learning_rates"`
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestStepsAgainstTransformers(t *testing.T) {
	runs := map[string][]string{
		"bert-mlm": {"full", "bitfit", "full-clip-linear"},
		"bert-cls": {"full", "bitfit", "head", "full-clip-linear"},
		"gpt2-lm":  {"full", "bitfit", "full-clip-linear"},
		"gpt2-cls": {"full", "bitfit", "head", "full-clip-linear"},
		"llama-lm": {"full", "full-clip-linear"},
	}
	for tier, dev := range devices(t) {
		for name, hows := range runs {
			for _, how := range hows {
				t.Run(tier+"/"+name+"+"+how, func(t *testing.T) { steps(t, dev, name, how) })
			}
		}
	}
}

func steps(t *testing.T, dev compute.Device, name, how string) {
	dir := near.Shared(t, "goldens", "train", name+"+"+how)
	g := readGolden(t, filepath.Join(dir, "train.json"))
	in, err := exchange.Read(filepath.Join(dir, "expect.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	base := open(t, near.Shared(t, "goldens", "models", name), dev)
	o := exchange.StepOptions{Steps: len(g.Losses), LearningRate: g.LearningRate, WeightDecay: g.WeightDecay,
		Beta1: g.Betas[0], Beta2: g.Betas[1], Epsilon: g.Epsilon}
	what, clipped := strings.CutSuffix(how, "-clip-linear")
	if clipped {
		o.MaxGradNorm, o.Linear, o.WarmupSteps = 0.5, true, 3
	}
	if g.NoDecay == "biases and norms" {
		o.NoDecay = exchange.BiasesAndNorms(base)
	}
	params, err := exchange.Trainable(base, what)
	if err != nil {
		t.Fatal(err)
	}
	got, err := in.Step(base, dev, params, o)
	if err != nil {
		t.Fatal(err)
	}
	near.Check64(t, "losses", got.Losses, g.Losses, near.Loss)
	if clipped {
		near.Check64(t, "gradient norms", got.GradientNorms, g.Norms, near.Gradient)
	}
	compare(t, in, "gradient", got.Gradients, tensors(t, filepath.Join(dir, "gradients.safetensors")), nil, near.Gradient)
	compare(t, in, "final", got.Trained, tensors(t, filepath.Join(dir, "final.safetensors")), g.Fragile, near.Final)
}

// TestWindowStepsAgainstTransformers trains on segments that are longer than the model's window.
func TestWindowStepsAgainstTransformers(t *testing.T) {
	dir := filepath.Join("testdata", "mistral-window")
	g := readGolden(t, filepath.Join(dir, "train.json"))
	in, err := exchange.Read(filepath.Join(dir, "train.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*tensor.Tensor{}
	for name, gradient := range tensors(t, filepath.Join(dir, "train.safetensors")) {
		if name, ok := strings.CutPrefix(name, "gradient."); ok {
			want[name] = gradient
		}
	}
	for tier, dev := range devices(t) {
		t.Run(tier, func(t *testing.T) {
			base := open(t, dir, dev)
			params, err := exchange.Trainable(base, "full")
			if err != nil {
				t.Fatal(err)
			}
			got, err := in.Step(base, dev, params, exchange.StepOptions{Steps: len(g.Losses), LearningRate: g.LearningRate, WeightDecay: g.WeightDecay,
				Beta1: g.Betas[0], Beta2: g.Betas[1], Epsilon: g.Epsilon})
			if err != nil {
				t.Fatal(err)
			}
			near.Check64(t, "losses", got.Losses, g.Losses, near.Loss)
			compare(t, in, "gradient", got.Gradients, want, nil, near.Gradient)
		})
	}
}

func compare(t *testing.T, in *exchange.Input, kind string, got, want map[string]*tensor.Tensor, fragile map[string]float64, tol float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d tensors, want %d", kind, len(got), len(want))
	}
	for name, w := range want {
		if _, ok := fragile[name]; !ok {
			check(t, in, kind+" "+name, got[name], w, tol)
		}
	}
}

package exchange_test

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/compute/cpu"
	"trimtab/internal/exchange"
	"trimtab/nn"
	"trimtab/tensor"
)

func ints(shape tensor.Shape, v ...int64) *tensor.Tensor { return tensor.FromInt64s(shape, v) }

// write makes a file of input tensors.
func write(t *testing.T, tensors map[string]*tensor.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.safetensors")
	if err := checkpoint.WriteSafetensors(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadRefuses(t *testing.T) {
	two := tensor.Shape{2, 2}
	ids := ints(two, 1, 2, 3, 4)
	for _, c := range []struct {
		what    string
		tensors map[string]*tensor.Tensor
		says    string
	}{
		{"no ids", map[string]*tensor.Tensor{"labels": ids}, "input_ids"},
		{"a vector", map[string]*tensor.Tensor{"input_ids": ints(tensor.Shape{4}, 1, 2, 3, 4)}, "input_ids"},
		{"floats", map[string]*tensor.Tensor{"input_ids": tensor.FromFloat32s(two, make([]float32, 4))}, "input_ids"},
		{"64 bits", map[string]*tensor.Tensor{"input_ids": ints(two, 1, 2, 3, 1<<40)}, "1099511627776"},
		{"no columns", map[string]*tensor.Tensor{"input_ids": ints(tensor.Shape{2, 0})}, "input_ids"},
		{"a narrow mask", map[string]*tensor.Tensor{"input_ids": ids, "attention_mask": ints(tensor.Shape{2, 1}, 1, 1)}, "attention_mask"},
		{"left padding", map[string]*tensor.Tensor{"input_ids": ids, "attention_mask": ints(two, 0, 1, 1, 1)}, "segment 0, position 1"},
		{"a mask of other numbers", map[string]*tensor.Tensor{"input_ids": ids, "attention_mask": ints(two, 1, 1, 1, 2)}, "segment 1, position 1 is 2"},
		{"an empty segment", map[string]*tensor.Tensor{"input_ids": ids, "attention_mask": ints(two, 1, 1, 0, 0)}, "segment 1 has no tokens"},
		{"a label at padding", map[string]*tensor.Tensor{"input_ids": ids, "attention_mask": ints(two, 1, 1, 1, 0), "labels": ids}, "labels: input does not fit: segment 1, position 1"},
		{"labels for others", map[string]*tensor.Tensor{"input_ids": ids, "labels": ints(tensor.Shape{3}, 1, 2, 3)}, "labels"},
	} {
		if _, err := exchange.Read(write(t, c.tensors)); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "in.safetensors") {
			t.Errorf("%s: error %v, expected the file and %q", c.what, err, c.says)
		}
	}
}

// TestLabelsRefused runs models on labels that they cannot have.
func TestLabelsRefused(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	two := tensor.Shape{2, 2}
	ids := ints(two, 1, 2, 3, 4)
	for _, c := range []struct {
		model  string
		ids    *tensor.Tensor
		labels *tensor.Tensor
		says   string
	}{
		{"gpt2-cls-two", ids, ints(tensor.Shape{2}, 0, 2), "segment 1 is 2, expected from 0 to 1"},
		{"gpt2-cls-two", ids, ids, "expected [segments]"},
		{"gpt2-untied", ids, ints(tensor.Shape{2}, 0, 1), "causal_lm"},
		{"gpt2-untied", ids, ints(two, 1, 31, 1, 1), "segment 0, position 1 is 31, expected -100 or from 0 to 30"},
		{"gpt2-untied", ids, ints(two, 1, -100, 1, -100), "none counts"},
		{"gpt2-untied", ints(two, 1, 2, 3, 31), nil, "31"},
		{"gpt2-untied", ints(two, 1, 2, 3, -1), nil, "element 3 is -1"},
		{"bert-mlm-untied", ids, ints(two, -100, -100, -100, -100), "none counts"},
	} {
		tensors := map[string]*tensor.Tensor{"input_ids": c.ids}
		if c.labels != nil {
			tensors["labels"] = c.labels
		}
		in, err := exchange.Read(write(t, tensors))
		if err == nil {
			_, err = in.Forward(open(t, filepath.Join("testdata", c.model), dev), dev)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, expected %q", c.model, err, c.says)
		}
	}
}

// TestTooLong runs a segment that has more tokens than the model has positions.
func TestTooLong(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"gpt2-untied", "llama-yarn", "bert-bare"} {
		in, err := exchange.Read(write(t, map[string]*tensor.Tensor{"input_ids": ints(tensor.Shape{1, 65}, make([]int64, 65)...)}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Forward(open(t, filepath.Join("testdata", model), dev), dev); !errors.Is(err, nn.ErrTooLong) || !strings.Contains(err.Error(), "65 tokens, and the model has 64") {
			t.Errorf("%s: error %v", model, err)
		}
	}
}

func TestStepRefuses(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base := open(t, filepath.Join("testdata", "gpt2-untied"), dev)
	if _, err := exchange.Trainable(base, "head"); err == nil || !strings.Contains(err.Error(), "head") {
		t.Errorf("error %v", err)
	}
	if _, err := exchange.Trainable(base, "all"); err == nil || !strings.Contains(err.Error(), "full, bitfit or head") {
		t.Errorf("error %v", err)
	}
	in, err := exchange.Read(write(t, map[string]*tensor.Tensor{"input_ids": ints(tensor.Shape{1, 2}, 1, 2)}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Step(base, dev, nil, exchange.StepOptions{Steps: 1}); err == nil || !strings.Contains(err.Error(), "nothing trains") {
		t.Errorf("error %v", err)
	}
	params, err := exchange.Trainable(base, "bitfit")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Step(base, dev, params, exchange.StepOptions{Steps: 1}); err == nil || !strings.Contains(err.Error(), "no labels") {
		t.Errorf("error %v", err)
	}
	if _, err := in.Backward(autograd.New(dev), base); err == nil {
		t.Error("a loss without labels")
	}
}

// A learning rate without measure ends in an error that says at which step, after the steps that have numbers were reported.
func TestStepThatDiverges(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := ints(tensor.Shape{1, 3}, 1, 2, 3)
	in, err := exchange.Read(write(t, map[string]*tensor.Tensor{"input_ids": ids, "labels": ids}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spoilt   bool
		reported int
		says     string
	}{{false, 1, "step 2: not finite: its loss is NaN; a smaller learning rate"}, {true, 0, "step 1: not finite: its loss is NaN before anything was trained"}} {
		base := open(t, filepath.Join("testdata", "gpt2-untied"), dev)
		params, err := exchange.Trainable(base, "full")
		if err != nil {
			t.Fatal(err)
		}
		if c.spoilt {
			for i := range params[0].Data {
				params[0].Data[i] = float32(math.NaN())
			}
		}
		reported := 0
		_, err = in.Step(base, dev, params, exchange.StepOptions{Steps: 9, LearningRate: 1e30, Report: func(int, float64, float64) error { reported++; return nil }})
		if !errors.Is(err, exchange.ErrNotFinite) || !strings.Contains(err.Error(), c.says) || reported != c.reported {
			t.Errorf("found %v after %d steps, expected %s", err, reported, c.says)
		}
	}
}

package train_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/compute/cpu"
	"trimtab/internal/exchange"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
	"trimtab/train"
)

// TestOptimizerAgainstPyTorch takes ten steps with decay groups, clipping and a schedule, as the golden runs did.
func TestOptimizerAgainstPyTorch(t *testing.T) {
	for name, how := range map[string][2]string{
		"bert-cls+full": {"none", "constant"}, "bert-cls+full-clip-linear": {"biases-and-norms", "linear"},
		"gpt2-lm+full-clip-linear": {"biases-and-norms", "linear"}, "llama-lm+full-clip-linear": {"biases-and-norms", "linear"},
	} {
		t.Run(name, func(t *testing.T) { steps(t, name, how[0], how[1]) })
	}
}

func steps(t *testing.T, name, noDecay, schedule string) {
	of, _, _ := strings.Cut(name, "+")
	dir := near.Shared(t, "goldens", "train", name)
	var g struct {
		Losses  []float64          `json:"losses_float64"`
		Rates   []float64          `json:"learning_rates"`
		Norms   []float64          `json:"gradient_norms"`
		Fragile map[string]float64 `json:"fragile"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "train.json"))
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	in, err := exchange.Read(filepath.Join(dir, "expect.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base, err := model.Open(near.Shared(t, "goldens", "models", of), dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	params, err := exchange.Trainable(base, "full")
	if err != nil {
		t.Fatal(err)
	}
	o := train.Defaults()
	o.LearningRate, o.WeightDecay, o.NoDecay, o.Schedule = 5e-3, 0.1, noDecay, schedule
	limit := 0.5
	o.MaxGradNorm = &limit
	if schedule == "constant" {
		o.MaxGradNorm = nil
	} else {
		o.WarmupSteps = 3
	}
	optimizer, tape := train.NewOptimizer(dev, params, o), autograd.New(dev)
	var losses, rates, norms []float64
	for step := range g.Losses {
		loss, err := in.Backward(tape, base)
		if err != nil {
			t.Fatal(err)
		}
		losses, rates = append(losses, loss), append(rates, o.Rate(step, len(g.Losses)))
		norms = append(norms, optimizer.Update(rates[step]))
	}
	near.Check64(t, "losses", losses, g.Losses, near.Loss)
	near.Check64(t, "learning rates", rates, g.Rates, near.Float64)
	if len(g.Norms) > 0 {
		near.Check64(t, "gradient norms", norms, g.Norms, near.Gradient)
	}
	final, err := checkpoint.Open(filepath.Join(dir, "final.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer final.Close()
	for _, p := range params {
		want, ok := final.Tensor(p.Name)
		if !ok {
			t.Fatalf("the golden run trained no %s", p.Name)
		}
		v, err := want.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := g.Fragile[p.Name]; !ok {
			near.Check(t, p.Name, p.Data, v, near.Final)
		}
	}
}

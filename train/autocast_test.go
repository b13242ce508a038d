package train_test

import (
	"errors"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/chance"
	"trimtab/internal/near"
	"trimtab/nn"
	"trimtab/train"
)

// mapped is a toy whose vectors go through a map that trains, times alpha.
type mapped struct {
	toy
	weight *autograd.Parameter
	alpha  float32
}

func newMapped(dev compute.Device, alpha float32) *mapped {
	o := &mapped{alpha: alpha, toy: toy{table: autograd.NewParameter(dev, "table", 7, 48)}, weight: autograd.NewParameter(dev, "weight", 33, 48)}
	chance.Normals(chance.Key{Seed: 1}, o.table.Data)
	chance.Normals(chance.Key{Seed: 2}, o.weight.Data)
	for i := range 80 {
		o.labels = append(o.labels, int32(i%3))
	}
	return o
}

func (o *mapped) Loss(p *nn.Pass, examples []int, _ uint64, scale float32) *autograd.Value {
	var target []int32
	for _, e := range examples {
		target = append(target, o.labels[e])
	}
	h := p.LookupMat(p.Parameter(o.table), p.Batch.IDs, 1)
	return p.CrossEntropy(p.MatMul(h, p.Parameter(o.weight), false, true, o.alpha), target, nil, scale)
}

// losses are those of some steps of a mapped toy on dev.
func losses(t *testing.T, dev compute.Device, bf16 bool, alpha float32) ([]float32, error) {
	t.Helper()
	o := newMapped(dev, alpha)
	options := train.Defaults()
	options.BatchSize, options.LearningRate, options.MaxSteps, options.Schedule, options.BF16 = 40, 0.01, 12, "constant", bf16
	var all []float32
	run := train.Run{Device: dev, Options: options, Parameters: []*autograd.Parameter{o.table, o.weight}, Objective: o,
		Report: func(p train.Progress) { all = append(all, float32(p.Loss)) }}
	_, err := run.Train(t.Context())
	return all, err
}

// TestAutocast trains with products in bfloat16: near those in float32, which what has a scale keeps to the bit and the device goes back to; a device that
// does not multiply it says so.
func TestAutocast(t *testing.T) {
	dev, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Autocast(compute.BF16); err != nil {
		_, err := losses(t, dev, true, 1)
		if !errors.Is(err, train.ErrOptions) || !strings.Contains(err.Error(), "bf16 is true") || !strings.Contains(err.Error(), dev.Name()) {
			t.Errorf("on %s: %v", dev.Name(), err)
		}
		return
	}
	if err := dev.Autocast(compute.F32); err != nil {
		t.Fatal(err)
	}
	const scaled = 0.125
	var all [5][]float32
	for i, c := range []struct {
		bf16  bool
		alpha float32
	}{{false, 1}, {true, 1}, {false, 1}, {false, scaled}, {true, scaled}} {
		if all[i], err = losses(t, dev, c.bf16, c.alpha); err != nil {
			t.Fatal(err)
		}
	}
	near.Check(t, "losses in bfloat16", all[1], all[0], near.Autocast)
	if all[1][0] == all[0][0] {
		t.Error("the first loss has the same bits in bfloat16")
	}
	near.Bits(t, "losses in float32 afterwards", all[2], all[0])
	near.Bits(t, "losses of a scaled product", all[4], all[3])
}

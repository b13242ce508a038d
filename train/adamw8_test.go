package train_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/train"
)

// valley is what internal/reference/adamw8.py trains: tensors drawn by its generator, the loss Σ h/2·(p - target)².
type valley struct {
	params          []*autograd.Parameter
	targets, weight [][]float32
}

func newValley(dev compute.Device) *valley {
	state := int64(1)
	draw := func(n int, f func(u float64) float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			state = (state*1103515245 + 12345) % (1 << 31)
			x[i] = float32(f(float64(state)/(1<<30) - 1))
		}
		return x
	}
	same := func(u float64) float64 { return u }
	v := &valley{}
	for i, n := range []int{4296, 100} {
		p := autograd.NewParameter(dev, []string{"large.weight", "small.weight"}[i], n)
		copy(p.Data, draw(n, same))
		p.NeedGrad(dev)
		v.params = append(v.params, p)
		v.targets = append(v.targets, draw(n, same))
		v.weight = append(v.weight, draw(n, func(u float64) float64 { return u * u * u * u }))
	}
	return v
}

// backward is the loss, and makes the gradient.
func (v *valley) backward() (loss float64) {
	for i, p := range v.params {
		for j := range p.Data {
			d, h := p.Data[j]-v.targets[i][j], v.weight[i][j]
			loss += float64(h) * float64(d) * float64(d) / 2
			p.Grad[j] = h * d
		}
	}
	return loss
}

// eight are the options of the golden run.
func eight() train.Options {
	o, none := train.Defaults(), 0.0
	o.Optim, o.LearningRate, o.WeightDecay, o.NoDecay, o.MaxGradNorm = "adamw_bnb_8bit", 0.01, 0.1, "none", &none
	return o
}

// TestAdamW8AgainstBitsandbytes follows ten steps of its AdamW8bit.
func TestAdamW8AgainstBitsandbytes(t *testing.T) {
	var golden struct {
		Losses []float64 `json:"losses"`
	}
	text, err := os.ReadFile(filepath.Join("testdata", "adamw8.json"))
	if err == nil {
		err = json.Unmarshal(text, &golden)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join("testdata", "adamw8.f32"))
	if err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, o := newValley(dev), eight()
	opt := train.NewOptimizer(dev, v.params, o)
	var losses []float64
	for range golden.Losses {
		losses = append(losses, v.backward())
		opt.Update(o.LearningRate)
	}
	near.Check64(t, "losses", losses, golden.Losses, near.Loss)
	for _, p := range v.params {
		want := make([]float32, len(p.Data))
		for i := range want {
			want[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		data = data[4*len(want):]
		near.Check(t, p.Name, p.Data, want, near.Final)
	}
}

// TestCheckpointOfEight finds the 8-bit moments in a checkpoint, and refuses one that has them in float32.
func TestCheckpointOfEight(t *testing.T) {
	dir := t.TempDir()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := toyOf(dev, 600)
	options := train.Defaults()
	options.Optim, options.BatchSize, options.SaveSteps, options.MaxSteps = "adamw_bnb_8bit", 4, 2, 3
	r := &train.Run{Device: dev, Options: options, Parameters: []*autograd.Parameter{o.table}, Objective: o, Dir: dir}
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(filepath.Join(dir, "checkpoint-2", "training.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]string{"first.table": "U8 [7, 600]", "second.table": "U8 [7, 600]", "first_absmax.table": "F32 [17]", "second_absmax.table": "F32 [17]"} {
		got := "none"
		if found, ok := f.Tensor(name); ok {
			got = fmt.Sprintf("%v %v", found.DType, found.Shape)
		}
		if got != want {
			t.Errorf("%s: %s, expected %s", name, got, want)
		}
	}
	r.Options.Optim, r.Resume = "adamw_torch", true
	if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrCheckpoint) {
		t.Errorf("got %v, expected %v", err, train.ErrCheckpoint)
	}
}

// The moments of large parameters take 2 bytes an element and a float32 a block each, those of small ones 8.
func TestMomentBytes(t *testing.T) {
	o := eight()
	for n, want := range map[int]int64{0: 0, 4095: 8 * 4095, 4096: 2 * (4096 + 4*16), 4097: 2 * (4097 + 4*17)} {
		if got := o.MomentBytes(n); got != want {
			t.Errorf("%d elements: %d bytes, expected %d", n, got, want)
		}
	}
	o.Optim = "adamw_torch"
	if got := o.MomentBytes(1 << 20); got != 8<<20 {
		t.Errorf("in float32: %d bytes", got)
	}
}

package autograd

import (
	"math/rand/v2"
	"testing"

	"trimtab/compute"
)

// TestSteadyStep repeats a block's step: recording, planning and running it again takes no memory from the heap.
func TestSteadyStep(t *testing.T) {
	dev := device(t)
	g := &grower{t: New(dev), rng: rand.New(rand.NewPCG(1, 1))}
	x, w := g.mat(6, 8), dev.Pack(g.mat(8, 8), compute.F32)
	gain, bias, down := NewParameter(dev, "gain", 8), NewParameter(dev, "bias", 8), NewParameter(dev, "down", 8, 8)
	copy(gain.Data, g.floats(8))
	copy(down.Data, g.floats(64))
	spans, targets := []compute.Span{{Start: 0, Len: 2}, {Start: 2, Len: 4}}, []int32{0, 1, 2, 3, 4, 5}
	attention := compute.Attention{Heads: 2, KVHeads: 2, HeadDim: 4, Scale: 0.5, Query: spans, Key: spans}
	tape := g.t
	step := func() {
		tape.Reset()
		x := tape.Constant(x)
		n := tape.LayerNorm(x, tape.Parameter(gain), tape.Parameter(bias), 1e-5)
		h := tape.Add(x, tape.Attend(tape.Linear(n, w, nil), n, tape.Linear(n, w, nil), attention))
		h = tape.MatMul(tape.Activate(tape.Linear(h, w, tape.Parameter(bias)), compute.GELU), tape.Parameter(down), false, false, 1)
		if err := tape.Backward(tape.CrossEntropy(h, targets, nil, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(20, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}

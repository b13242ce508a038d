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
	const rows, width = 300, 264 // above 255: smaller numbers are interfaces without taking memory
	table, w := dev.Rows(g.mat(400, width)), dev.Pack(g.mat(width, width), compute.F32)
	gain, bias, down := NewParameter(dev, "gain", width), NewParameter(dev, "bias", width), NewParameter(dev, "down", width, width)
	copy(gain.Data, g.floats(width))
	copy(down.Data, g.floats(width*width))
	ids, targets := make([]int32, rows), make([]int32, rows)
	for i := range ids {
		ids[i], targets[i] = int32(400-1-i), int32(i%width)
	}
	spans := []compute.Span{{Start: 0, Len: 2}, {Start: 2, Len: rows - 2}}
	attention := compute.Attention{Heads: 2, KVHeads: 2, HeadDim: width / 2, Scale: 0.5, Query: spans, Key: spans}
	tape := g.t
	step := func() {
		tape.Reset()
		x := tape.Lookup(table, ids, 1)
		n := tape.LayerNorm(x, tape.Parameter(gain), tape.Parameter(bias), 1e-5)
		h := tape.Add(x, tape.Attend(tape.Linear(n, w, nil), n, tape.Linear(n, w, nil), nil, attention))
		h = tape.MatMul(tape.Activate(tape.Linear(h, w, tape.Parameter(bias)), compute.GELU), tape.Parameter(down), false, false, 1)
		if err := tape.Backward(tape.CrossEntropy(h, targets, nil, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(20, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}

package autograd

import (
	"testing"

	"trimtab/compute"
)

// TestLentGradients runs random computations whose gradients lie in the arena: the same bits, in any use of memory.
func TestLentGradients(t *testing.T) {
	dev := device(t)
	for seed := range uint64(150) {
		want := runRandom(t, dev, seed, false, true, true)
		for i := range 4 {
			got := runRandomLent(t, dev, compute.F32, seed, i%2 > 0, i/2 > 0, true, true)
			apart := got.gradients[len(got.gradients)-1]
			if len(apart) != 3 || apart[0] != 0 || apart[1] != 0 || apart[2] != 0 {
				t.Errorf("seed %d: the gradient of what has no part is %v", seed, apart)
			}
			for _, g := range got.gradients {
				for j := range g {
					g[j] += 0 // who adds to 0 makes 0 of -0
				}
			}
			same(t, "lent", seed, got, want)
		}
		if t.Failed() {
			return
		}
	}
}

// TestLentGradientsAreLent until the next Reset, and own ones add up beside them.
func TestLentGradientsAreLent(t *testing.T) {
	dev := device(t)
	tape, lent, own := New(dev), NewParameter(dev, "lent", 2, 3), NewParameter(dev, "own", 2, 3)
	tape.Gradients = []*Parameter{lent}
	target := []int32{1, 2}
	for run := range 2 {
		tape.Reset()
		if lent.Grad != nil {
			t.Fatal("a gradient outlives the Reset")
		}
		loss := tape.CrossEntropy(tape.Add(tape.Parameter(lent), tape.Parameter(own)), target, nil, 1)
		if err := tape.Backward(loss); err != nil {
			t.Fatal(err)
		}
		for i, g := range lent.Grad {
			if got := own.Grad[i]; g == 0 || got != float32(run+1)*g {
				t.Errorf("run %d: %v adds up to %v", run, g, got)
			}
		}
	}
	lent.ZeroGrad()
	if lent.Grad != nil {
		t.Error("a lent gradient is there after ZeroGrad")
	}
}

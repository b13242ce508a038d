package cpu

import (
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/internal/near"
)

func TestNew(t *testing.T) {
	d, err := New(Options{Threads: 2, Tier: "generic"})
	if err != nil || d.Name() != "cpu/generic, 2 threads" {
		t.Errorf("found %v, %v", d.Name(), err)
	}
	for says, o := range map[string]Options{"-1 threads": {Threads: -1}, `"sse9"`: {Tier: "sse9"}} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: error %v, expected one that says %q", o, err, says)
		}
	}
}

func TestLinearByHand(t *testing.T) {
	d, err := New(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := compute.NewMat(2, 3, []float32{1, 2, 3, 4, 5, 6})
	transposed := compute.NewMat(3, 2, []float32{1, 4, 2, 5, 3, 6})
	x := compute.NewMat(1, 3, []float32{1, 0, -1})
	for _, w := range []compute.Weight{d.Pack(w, compute.F32), d.Pack(compute.Transposed(transposed), compute.F32), d.Rows(w)} {
		y := compute.NewMat(1, 2, d.Alloc(2))
		d.Linear(y, x, w, []float32{10, 20})
		near.Check(t, "y", y.Data, []float32{8, 18}, near.Exact)
		dx := compute.NewMat(1, 3, d.Alloc(3))
		d.LinearBackward(dx, compute.NewMat(1, 2, []float32{1, -1}), w, false)
		near.Check(t, "dx", dx.Data, []float32{-3, -3, -3}, near.Exact)
	}
}

package autograd

import (
	"errors"
	"strings"
	"testing"

	"trimtab/compute"
)

// TestMistakes records what a run must refuse, by the words that name the site and the operation.
func TestMistakes(t *testing.T) {
	dev := device(t)
	x := compute.NewMat(2, 3, make([]float32, 6))
	w := dev.Pack(compute.NewMat(4, 4, make([]float32, 16)), compute.F32)
	p, a := NewParameter(dev, "p", 4, 2), compute.NewMat(2, 4, make([]float32, 8))
	cases := []struct {
		what string
		f    func(t *Tape) *Value
		is   error
		says string
	}{
		{"width", func(t *Tape) *Value { return t.Linear(t.Constant(x), w, nil) }, ErrShape, "Linear"},
		{"two shapes", func(t *Tape) *Value { return t.Add(t.Constant(x), t.Constant(x.RowRange(0, 1))) }, ErrShape, "Add"},
		{"row out of reach", func(t *Tape) *Value { return t.Gather(t.Constant(x), []int32{2}) }, ErrShape, "row 2"},
		{"class out of reach", func(t *Tape) *Value { return t.CrossEntropy(t.Constant(x), []int32{0, 3}, nil, 1) }, ErrShape, "target 3"},
		{"token out of reach", func(t *Tape) *Value { return t.LinearCrossEntropy(t.Constant(a), w, nil, []int32{0, 4}, 1) }, ErrShape, "target 4"},
		{"width before a loss", func(t *Tape) *Value { return t.LinearCrossEntropy(t.Constant(x), w, nil, []int32{0, 1}, 1) }, ErrShape, "Linear"},
		{"view", func(t *Tape) *Value { return t.Columns(t.Constant(x), 2, 4) }, ErrShape, "view"},
		{"no backward", func(t *Tape) *Value { return t.RowNorms(w, t.Parameter(p), t.Constant(a), 1) }, ErrNoBackward, "RowNorms"},
		{"nested blocks", func(t *Tape) *Value {
			return t.Checkpoint(func() *Value { return t.Checkpoint(func() *Value { return t.Constant(x) }) })
		}, nil, "nest"},
	}
	for _, c := range cases {
		tape := New(dev)
		tape.Site = "encoder.layer.3"
		v := c.f(tape)
		err := tape.Forward(v)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "encoder.layer.3") {
			t.Errorf("%s: error %v, expected the site, %q and %v", c.what, err, c.says, c.is)
		}
		tape.Reset()
		if err := tape.Forward(tape.Scale(tape.Constant(x), 1)); err != nil {
			t.Errorf("%s: after Reset: %v", c.what, err)
		}
	}
}

// TestLossNeedsAParameter has nothing to differentiate.
func TestLossNeedsAParameter(t *testing.T) {
	tape := New(device(t))
	x := tape.Constant(compute.NewMat(1, 2, []float32{1, 2}))
	if err := tape.Backward(tape.CrossEntropy(x, []int32{0}, nil, 1)); err == nil || !strings.Contains(err.Error(), "nothing that trains") {
		t.Errorf("error %v", err)
	}
	tape.Reset()
	if err := tape.Backward(tape.Parameter(NewParameter(tape.Device(), "p", 2))); !errors.Is(err, ErrShape) {
		t.Errorf("error %v", err)
	}
	for what, loss := range map[string]func(*Value) *Value{
		"a parameter": func(p *Value) *Value { return tape.Columns(p, 1, 2) },
		"a view":      func(p *Value) *Value { return tape.Columns(tape.Scale(p, 2), 1, 2) },
	} {
		tape.Reset()
		if err := tape.Backward(loss(tape.Parameter(NewParameter(tape.Device(), "p", 2)))); err == nil || !strings.Contains(err.Error(), "no operation makes it") {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

// TestCost plans without running, and the run takes what was planned.
func TestCost(t *testing.T) {
	dev := device(t)
	tape := New(dev)
	x := tape.Constant(compute.NewMat(2, 3, []float32{1, 2, 3, 4, 5, 6}))
	w := tape.Parameter(NewParameter(dev, "w", 5, 3))
	loss := tape.CrossEntropy(tape.MatMul(x, w, false, true, 1), []int32{1, 4}, nil, 1)
	cost, err := tape.Cost(loss)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(2 * (2 * 2 * 3 * 5)); cost.Flops != want || cost.Operations != 4 { // x trains nothing: one product there, one back
		t.Errorf("cost %+v, expected %d flops of 4 operations", cost, want)
	}
	if err := tape.Backward(loss); err != nil {
		t.Fatal(err)
	}
	if got := int64(4 * len(tape.arena)); got != cost.ArenaBytes {
		t.Errorf("planned %d bytes, took %d", cost.ArenaBytes, got)
	}
}

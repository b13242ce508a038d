package autograd

import (
	"fmt"
	"testing"

	"trimtab/compute"
	"trimtab/internal/near"
)

// TestLinearCrossEntropy compares it, in parts of all sizes, with the cross entropy of all logits: the loss, and the gradient of
// an input that also goes another way, whole and from a shelf. Without a backward the loss is the same.
func TestLinearCrossEntropy(t *testing.T) {
	dev := device(t)
	const rows, in, vocabulary = 13, 24, 51
	numbers := func(n int, seed float32) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32((i*37+int(seed)*11)%29)/14 - 1
		}
		return v
	}
	w := dev.Pack(compute.NewMat(vocabulary, in, numbers(vocabulary*in, 1)), compute.F32)
	bias, target := compute.NewMat(1, vocabulary, numbers(vocabulary, 2)), make([]int32, rows)
	for i := range target {
		target[i] = int32(i*17) % vocabulary
	}
	target[3], target[12] = -1, -1
	run := func(kept compute.Precision, withBias bool, loss func(tape *Tape, x, bias *Value) *Value) (float32, []float32, float32) {
		p := NewParameter(dev, "p", rows, in)
		copy(p.Data, numbers(rows*in, 3))
		tape := New(dev)
		tape.Kept = kept
		record := func() *Value {
			x := tape.Scale(tape.Parameter(p), 0.5)
			var b *Value
			if withBias {
				b = tape.Constant(bias)
			}
			other := tape.CrossEntropy(x, make([]int32, rows), nil, 0.25)
			return tape.Scale(tape.Add(loss(tape, x, b), other), 0.75)
		}
		l := record()
		if err := tape.Backward(l); err != nil {
			t.Fatal(err)
		}
		back := l.Data().Data[0]
		tape.Reset()
		l = record()
		if err := tape.Forward(l); err != nil {
			t.Fatal(err)
		}
		return back, p.Grad, l.Data().Data[0]
	}
	for _, kept := range []compute.Precision{compute.F32, compute.BF16} {
		for _, withBias := range []bool{false, true} {
			want, grad, _ := run(kept, withBias, func(tape *Tape, x, bias *Value) *Value {
				return tape.CrossEntropy(tape.Linear(x, w, bias), target, nil, 0.1)
			})
			for _, most := range []int{1, 2 * vocabulary, 5*vocabulary + 1, 1 << 20} {
				name := fmt.Sprintf("%v, bias %v, %d elements", kept, withBias, most)
				got, g, alone := run(kept, withBias, func(tape *Tape, x, bias *Value) *Value {
					return tape.linearCrossEntropy(x, w, bias, target, 0.1, most)
				})
				near.Check(t, name+": loss", []float32{got, alone}, []float32{want, want}, near.Twin)
				near.Check(t, name+": gradient", g, grad, near.Twin)
			}
		}
	}
}

// TestLinearCrossEntropyHoldsAPart of the logits.
func TestLinearCrossEntropyHoldsAPart(t *testing.T) {
	dev := device(t)
	const rows, in, vocabulary = 64, 8, 4096
	w := dev.Pack(compute.NewMat(vocabulary, in, make([]float32, vocabulary*in)), compute.F32)
	p := NewParameter(dev, "p", rows, in)
	for _, parts := range []int{1, 4, 16} {
		tape := New(dev)
		cost, err := tape.Cost(tape.linearCrossEntropy(tape.Parameter(p), w, nil, make([]int32, rows), 1, rows*vocabulary/parts))
		if err != nil {
			t.Fatal(err)
		}
		if logits := int64(4 * rows * vocabulary / parts); cost.ArenaBytes < logits || cost.ArenaBytes > logits+16*1024 {
			t.Errorf("%d parts: an arena of %d bytes, for %d of logits", parts, cost.ArenaBytes, logits)
		}
	}
}

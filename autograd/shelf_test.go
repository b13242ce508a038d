package autograd

import (
	"math"
	"slices"
	"testing"

	"trimtab/compute"
	"trimtab/internal/near"
)

// keeper is a device whose halves are exact: what it keeps, it keeps elsewhere, and it looks whether the place that it was
// given is left alone in between.
type keeper struct {
	compute.Device
	t       *testing.T
	kept    map[float32]kept // by the number that fills its place
	count   int
	partial int // how many parts were restored
}

// kept is what was kept, and where.
type kept struct{ elements, place []float32 }

func (k *keeper) ToBF16(to []float32, x compute.Mat) {
	if len(to) == 0 {
		return
	}
	k.count++
	for i := range to {
		to[i] = float32(k.count)
	}
	k.kept[float32(k.count)] = kept{slices.Clone(x.Data[:x.Rows*x.Cols]), to}
}

func (k *keeper) FromBF16(y compute.Mat, from []float32) {
	if len(from) == 0 {
		return
	}
	it := k.kept[from[0]]
	at := 0
	for at < len(it.place) && &it.place[at] != &from[0] {
		at++
	}
	if at+len(from) > len(it.place) {
		k.t.Fatalf("what was kept as %v is read elsewhere", from[0])
	}
	for _, f := range from {
		if f != from[0] {
			k.t.Fatalf("the place of %v holds %v", from[0], f)
		}
	}
	if len(from) < len(it.place) {
		k.partial++
	}
	copy(y.Data[:y.Rows*y.Cols], it.elements[2*at:])
}

// TestShelf runs random computations with what the backward reads on a shelf: the same bits, in any use of memory.
func TestShelf(t *testing.T) {
	plain := device(t)
	shelved, partial := 0, 0
	for seed := range uint64(150) {
		want := runRandom(t, plain, seed, false, true, true)
		for _, checkpoints := range []bool{false, true} {
			for _, noReuse := range []bool{false, true} {
				dev := &keeper{Device: plain, t: t, kept: map[float32]kept{}}
				same(t, "shelved", seed, runRandomKept(t, dev, compute.BF16, seed, checkpoints, noReuse, true), want)
				shelved, partial = shelved+dev.count, partial+dev.partial
			}
		}
		if t.Failed() {
			return
		}
	}
	if shelved < 500 {
		t.Errorf("%d values were shelved", shelved)
	}
	if partial < 300 {
		t.Errorf("%d parts were restored", partial)
	}
}

// TestShelfIsHalf keeps the inputs of a chain of activations, which are most of its memory.
func TestShelfIsHalf(t *testing.T) {
	const rows, columns, length = 64, 64, 32
	peak := func(kept compute.Precision) int64 {
		dev := device(t)
		tape := New(dev)
		tape.Kept = kept
		x := tape.Scale(tape.Parameter(NewParameter(dev, "p", rows, columns)), 1)
		for range length {
			x = tape.Activate(tape.Linear(x, dev.Pack(compute.NewMat(columns, columns, make([]float32, columns*columns)), compute.F32), nil), compute.GELU)
		}
		cost, err := tape.Cost(tape.CrossEntropy(x, make([]int32, rows), nil, 1))
		if err != nil {
			t.Fatal(err)
		}
		return cost.ArenaBytes
	}
	whole, half := peak(compute.F32), peak(compute.BF16)
	if 100*half < 50*whole || 100*half > 58*whole { // and what is alive as float32 at one time
		t.Errorf("%d bytes of %d", half, whole)
	}
}

// TestShelfRounds compares gradients from a shelf of bfloat16, whose elements are up to 1/256 off, with those from the elements
// themselves. Single random computations amplify more; half of them must not.
func TestShelfRounds(t *testing.T) {
	dev := device(t)
	var shares []float64
	for seed := range uint64(150) {
		want := runRandom(t, dev, seed, false, false, true)
		got := runRandomKept(t, dev, compute.BF16, seed, false, false, true)
		near.Bits(t, "loss", got.loss, want.loss)
		var errors, sizes float64
		for i := range want.gradients {
			for j, w := range want.gradients[i] {
				d := float64(got.gradients[i][j]) - float64(w)
				errors, sizes = errors+d*d, sizes+float64(w)*float64(w)
			}
		}
		if errors > 0 {
			shares = append(shares, math.Sqrt(errors/sizes))
		}
	}
	slices.Sort(shares)
	if len(shares) < 75 || shares[len(shares)/2] > 1.0/256 {
		t.Errorf("gradients of %d computations are rounded, by %.2g", len(shares), shares)
	}
}

package cpu

import (
	"fmt"
	"math"
	"testing"

	"trimtab/compute"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// inWholeNumbers are the precisions whose products are of whole numbers.
var inWholeNumbers = []compute.Precision{compute.Int8, compute.LLMInt8}

// spiked is x with every eleventh element a hundred times as large: outliers, most of them.
func spiked(x compute.Mat) compute.Mat {
	for i := 0; i < len(x.Data); i += 11 {
		x.Data[i] *= 100
	}
	return x
}

// TestInt8RowsAlone says that a row of int8's Linear, and of the mixed form's, has the same bits on every tier, with any number of threads, by itself and among
// so many that they are quantized in several blocks.
func TestInt8RowsAlone(t *testing.T) {
	for _, p := range inWholeNumbers {
		t.Run(p.String(), func(t *testing.T) { rowsAlone(t, p) })
	}
}

func rowsAlone(t *testing.T, p compute.Precision) {
	for _, s := range []struct{ rows, in, out int }{{1, 300, 70}, {5, 33, 100}, {40, 96, 24}, {700, 3070, 20}} {
		var want compute.Mat
		for _, tier := range kernel.Tiers() {
			if tier.Name == "generic" && s.rows > 100 {
				continue
			}
			for threads := 1; threads <= 3; threads++ {
				d := device(t, threads, tier.Name)
				x, w, bias := spiked(normal(d, "x", s.rows, s.in)), normal(d, "w", s.out, s.in), normal(d, "bias", 1, s.out).Data
				y := compute.NewMat(s.rows, s.out, d.Alloc(s.rows*s.out))
				held := d.Pack(w, p)
				d.Linear(y, x, held, bias)
				if want.Data == nil {
					want = y
				}
				name := fmt.Sprintf("%s, %v", d.Name(), s)
				near.Bits(t, name, y.Data, want.Data)
				row := compute.NewMat(1, s.out, d.Alloc(s.out))
				for r := 0; r < s.rows; r += 1 + s.rows/7 {
					d.Linear(row, x.RowRange(r, r+1), held, bias)
					near.Bits(t, fmt.Sprintf("%s, row %d alone", name, r), row.Data, want.Row(r))
				}
			}
		}
	}
}

// TestInt8NotFinite says that a row with an infinite element, or none that is a number, comes out as NaN and leaves others alone.
func TestInt8NotFinite(t *testing.T) {
	for _, p := range inWholeNumbers {
		for _, tier := range kernel.Tiers() {
			d := device(t, 2, tier.Name)
			const rows, in, out = 20, 50, 40
			x, held := spiked(normal(d, "x", rows, in)), d.Pack(normal(d, "w", out, in), p)
			y, again := compute.NewMat(rows, out, d.Alloc(rows*out)), compute.NewMat(rows, out, d.Alloc(rows*out))
			d.Linear(y, x, held, nil)
			x.Row(3)[7], x.Row(9)[49] = float32(math.Inf(-1)), float32(math.NaN())
			d.Linear(again, x, held, nil)
			for r := range rows {
				want := append([]float32(nil), y.Row(r)...)
				if r == 3 || r == 9 {
					for i := range want {
						want[i] = float32(math.NaN())
					}
				}
				near.CheckNaN(t, fmt.Sprintf("%v %s row %d", p, tier.Name, r), again.Row(r), want, near.Exact)
			}
		}
	}
}

// TestInt8Long says that rows too long for sums of 32 bits are multiplied as float32.
func TestInt8Long(t *testing.T) {
	for _, p := range inWholeNumbers {
		d := device(t, 1, "")
		const in = kernel.MaxInt8 + 1
		x := compute.NewMat(1, in, d.Alloc(in))
		for i := range x.Data {
			x.Data[i] = 1
		}
		y := compute.NewMat(1, 1, d.Alloc(1))
		d.Linear(y, x, d.Pack(x, p), nil)
		near.Check(t, p.String()+" sum", y.Data, []float32{in}, near.Product)
	}
}

// TestOutliersSpareOthers says that one element that outweighs a row costs it nothing in the mixed form, and much in int8: both are held
// against float32's product with the weights which the codes stand for. The gradient is int8's to the bit.
func TestOutliersSpareOthers(t *testing.T) {
	d := device(t, 2, "")
	const rows, in, out = 12, 256, 64
	x, w, dy := normal(d, "x", rows, in), normal(d, "w", out, in), normal(d, "dy", rows, out)
	for r := range rows {
		x.Row(r)[r*20] = 500
	}
	stands, want := compute.NewMat(out, in, d.Alloc(out*in)), compute.NewMat(rows, out, d.Alloc(rows*out))
	d.Unpack(stands, d.Pack(w, compute.Int8))
	d.Linear(want, x, d.Pack(stands, compute.F32), nil)
	off, gradients := map[compute.Precision]float64{}, map[compute.Precision][]float32{}
	for _, p := range inWholeNumbers {
		y, dx, held := compute.NewMat(rows, out, d.Alloc(rows*out)), compute.NewMat(rows, in, d.Alloc(rows*in)), d.Pack(w, p)
		d.Linear(y, x, held, nil)
		for i, v := range y.Data {
			e := float64(v) - float64(want.Data[i])
			off[p] += e * e / float64(rows*out)
		}
		d.LinearBackward(dx, dy, held, false)
		gradients[p] = dx.Data
	}
	near.Bits(t, "gradient", gradients[compute.LLMInt8], gradients[compute.Int8])
	if mixed, whole := math.Sqrt(off[compute.LLMInt8]), math.Sqrt(off[compute.Int8]); !(mixed < 0.2 && whole > 10) {
		t.Errorf("products of 256 normally distributed numbers and one of 500 are off by %.3g in the mixed form and by %.3g in int8", mixed, whole)
	}
}

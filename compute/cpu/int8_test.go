package cpu

import (
	"fmt"
	"math"
	"testing"

	"trimtab/compute"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// TestInt8RowsAlone says that a row of int8's Linear has the same bits on every tier, with any number of threads, by itself and among
// so many that they are quantized in several blocks.
func TestInt8RowsAlone(t *testing.T) {
	for _, s := range []struct{ rows, in, out int }{{1, 300, 70}, {5, 33, 100}, {40, 96, 24}, {700, 3070, 20}} {
		var want compute.Mat
		for _, tier := range kernel.Tiers() {
			if tier.Name == "generic" && s.rows > 100 {
				continue
			}
			for threads := 1; threads <= 3; threads++ {
				d := device(t, threads, tier.Name)
				x, w, bias := normal(d, "x", s.rows, s.in), normal(d, "w", s.out, s.in), normal(d, "bias", 1, s.out).Data
				y := compute.NewMat(s.rows, s.out, d.Alloc(s.rows*s.out))
				held := d.Pack(w, compute.Int8)
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
	for _, tier := range kernel.Tiers() {
		d := device(t, 2, tier.Name)
		const rows, in, out = 20, 50, 40
		x, held := normal(d, "x", rows, in), d.Pack(normal(d, "w", out, in), compute.Int8)
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
			near.CheckNaN(t, fmt.Sprintf("%s row %d", tier.Name, r), again.Row(r), want, near.Exact)
		}
	}
}

// TestInt8Long says that rows too long for sums of 32 bits are multiplied as float32.
func TestInt8Long(t *testing.T) {
	d := device(t, 1, "")
	const in = kernel.MaxInt8 + 1
	x := compute.NewMat(1, in, d.Alloc(in))
	for i := range x.Data {
		x.Data[i] = 1
	}
	y := compute.NewMat(1, 1, d.Alloc(1))
	d.Linear(y, x, d.Pack(x, compute.Int8), nil)
	near.Check(t, "sum", y.Data, []float32{in}, near.Product)
}

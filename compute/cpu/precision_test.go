package cpu

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
	"trimtab/tensor"
)

// TestPrecisions says that every operation on a weight that is held in fewer bits gives what it gives on a float32 weight of the
// elements that those bits stand for, to the bit: on every tier, from both layouts, with few rows and with many. Linear and its gradient
// of int8 and llm_int8, and of bf16 on a tier that multiplies it, round their rows too and add up in another way: they are near what float32 gives for rows of what those stand for.
// So do those of 4-bit weights on tiles, which round elements as well.
func TestPrecisions(t *testing.T) {
	for _, tier := range kernel.Tiers() {
		d, err := New(Options{Threads: 2, Tier: tier.Name})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range compute.Precisions() {
			for _, s := range []struct{ rows, in, out int }{{1, 1, 1}, {3, 300, 70}, {5, 129, 33}, {1, 136, 100}, {4, 64, 90}, {150, 200, 90}, {100, 64, 0}, {2, 0, 9}} {
				t.Run(fmt.Sprintf("%s/%v/%d rows, %d to %d", tier.Name, p, s.rows, s.in, s.out), func(t *testing.T) {
					samePrecision(t, d, p, s.rows, s.in, s.out)
				})
			}
		}
	}
}

// What is packed from NF4's codes stands for the elements that these stand for, by the formula of docs/formats/bitsandbytes.md.
func TestStoredNF4(t *testing.T) {
	for _, tier := range kernel.Tiers() {
		d := device(t, 2, tier.Name)
		for _, s := range [][2]int{{1, 64}, {33, 128}, {70, 576}} {
			out, in := s[0], s[1]
			q := kernel.StoreNF4(normal(d, "w", out, in).Data)
			levels := tensor.NF4Levels()
			q.Levels[q.Scales[0]] *= 1.5 // a file has its own
			want := make([]float32, out*in)
			for i := range want {
				scale := float32(q.Levels[q.Scales[i/64]]*q.Blocks[i/64/256]) + q.Offset
				want[i] = levels[q.Codes[i/2]>>(4-4*(i%2))&15] * scale
			}
			w := d.Pack(compute.StoredNF4{Out: out, In: in, NF4: q}, compute.NF4)
			if w.Out() != out || w.In() != in || w.Precision() != compute.NF4 {
				t.Errorf("%v: [%d, %d] in %v", s, w.Out(), w.In(), w.Precision())
			}
			got := compute.NewMat(out, in, d.Alloc(out*in))
			d.Unpack(got, w)
			near.Bits(t, fmt.Sprintf("%s %v", tier.Name, s), got.Data, want)
		}
	}
}

func samePrecision(t *testing.T, d *Device, p compute.Precision, rows, in, out int) {
	draw := func(site uint64, rows, cols int) compute.Mat {
		m := compute.NewMat(rows, cols, d.Alloc(rows*cols))
		chance.Normals(chance.Key{Site: site}, m.Data)
		return m
	}
	w, x, dy := draw(1, out, in), draw(2, rows, in), draw(3, rows, out)
	turned := compute.NewMat(in, out, d.Alloc(in*out))
	for o := range out {
		for i, v := range w.Row(o) {
			turned.Row(i)[o] = v
		}
	}
	held := d.Pack(w, p)
	if held.Precision() != p || held.Out() != out || held.In() != in {
		t.Errorf("a weight [%d, %d] in %v is [%d, %d] in %v", out, in, p, held.Out(), held.In(), held.Precision())
	}
	stands := compute.NewMat(out, in, d.Alloc(out*in))
	d.Unpack(stands, d.Pack(compute.Transposed(turned), p))
	again := compute.NewMat(out, in, d.Alloc(out*in))
	d.Unpack(again, held)
	near.Check(t, "both layouts", again.Data, stands.Data, near.Exact)
	wide := d.Pack(stands, compute.F32)

	bias, ids := draw(4, 1, out).Data, []int32{}
	for o := 0; o < out; o += 3 {
		ids = append(ids, int32(o))
	}
	dyRows := draw(6, rows, len(ids))
	type made = func(w compute.Weight, y compute.Mat)
	for name, op := range map[string]struct {
		rows, cols int
		run        made
	}{
		"linear":           {rows, out, func(w compute.Weight, y compute.Mat) { d.Linear(y, x, w, bias) }},
		"linear, no bias":  {rows, out, func(w compute.Weight, y compute.Mat) { d.Linear(y, x, w, nil) }},
		"backward":         {rows, in, func(w compute.Weight, y compute.Mat) { d.LinearBackward(y, dy, w, false) }},
		"backward, adding": {rows, in, func(w compute.Weight, y compute.Mat) { d.LinearBackward(y, dy, w, true) }},
		"rows":             {rows, len(ids), func(w compute.Weight, y compute.Mat) { d.LinearRows(y, x, w, bias, ids) }},
		"rows, backward":   {rows, in, func(w compute.Weight, y compute.Mat) { d.LinearRowsBackward(y, dyRows, w, ids, false) }},
		"rows, and adding": {rows, in, func(w compute.Weight, y compute.Mat) { d.LinearRowsBackward(y, dyRows, w, ids, true) }},
		"lookup":           {len(ids), in, func(w compute.Weight, y compute.Mat) { d.Lookup(y, w, ids, 1) }},
		"norms":            {1, out, func(w compute.Weight, y compute.Mat) { d.RowNorms(y.Data, w, compute.Mat{}, compute.Mat{}, 0) }},
	} {
		got, want := draw(5, op.rows, op.cols), draw(5, op.rows, op.cols)
		op.run(held, got)
		if linear := strings.HasPrefix(name, "linear"); slices.Contains(inWholeNumbers, p) && (linear || strings.HasPrefix(name, "backward")) {
			exactX, exactDy := x, dy
			x, dy = rounded(d, x, ones(in), 127), rounded(d, dy, rowScales(stands), 22017)
			op.run(wide, want)
			x, dy = exactX, exactDy
			near.Check(t, name, got.Data, want.Data, near.EightBits) // a number half way may be rounded to the other side
			continue
		} else if d.inBF16(held.(*weight), op.rows) && (linear || strings.HasPrefix(name, "backward")) {
			exactX, exactDy := x, dy
			x, dy = halved(d, x), halved(d, dy)
			op.run(d.Pack(halved(d, stands), compute.F32), want)
			x, dy = exactX, exactDy
			near.Check(t, name, got.Data, want.Data, near.Product)
			continue
		}
		op.run(wide, want)
		near.Check(t, name, got.Data, want.Data, near.Exact)
	}
}

// rounded is x, where the products of a row with scales are whole numbers of steps of which the largest has most.
func rounded(d *Device, x compute.Mat, scales []float64, most float64) compute.Mat {
	y := compute.NewMat(x.Rows, x.Cols, d.Alloc(x.Rows*x.Cols))
	for r := range x.Rows {
		var largest float64
		for i, v := range x.Row(r) {
			largest = max(largest, math.Abs(float64(v)*scales[i]))
		}
		for i, v := range x.Row(r) {
			y.Row(r)[i] = float32(math.RoundToEven(float64(v)*scales[i]*most/largest) * largest / most / scales[i])
		}
	}
	return y
}

// halved is x, rounded to bfloat16.
func halved(d *Device, x compute.Mat) compute.Mat {
	y, held := compute.NewMat(x.Rows, x.Cols, d.Alloc(x.Rows*x.Cols)), make([]float32, compute.BF16Len(x.Rows*x.Cols))
	d.ToBF16(held, x)
	d.FromBF16(y, held)
	return y
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// rowScales are what int8's codes of w's rows stand for, times 127.
func rowScales(w compute.Mat) []float64 {
	v := make([]float64, w.Rows)
	for o := range v {
		for _, x := range w.Row(o) {
			v[o] = max(v[o], math.Abs(float64(x)))
		}
	}
	return v
}

func TestPrecisionBytes(t *testing.T) {
	d := device(t, 1, "generic") // others may keep more beside int8's codes
	for _, p := range compute.Precisions() {
		w := d.Pack(compute.NewMat(96, 384, d.Alloc(96*384)), p)
		if int64(w.Bytes()) != p.Bytes(96, 384) {
			t.Errorf("%v: %d bytes, expected %d", p, w.Bytes(), p.Bytes(96, 384))
		}
	}
}

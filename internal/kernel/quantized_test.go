package kernel

import (
	bytes "encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// forms are all of them.
var forms = []Form{BF16, Int8, NF4, Int4}

// compress holds w [n,k].
func quantize(s *Set, form Form, w []float32, n, k int) *Quantized {
	c := s.NewQuantized(form, n, k)
	packed := make([]float32, s.PackedLen(n, k))
	s.PackRows(packed, w, k, n, k)
	for p := range (n + s.Panel - 1) / s.Panel {
		s.Quantize(c, p, packed[p*s.Panel*k:])
	}
	c.Finish()
	return c
}

// dequantized is the whole of c as a matrix [n,k].
func dequantized(s *Set, c *Quantized) []float32 {
	packed := make([]float32, s.PackedLen(c.n, c.k))
	for p := range (c.n + s.Panel - 1) / s.Panel {
		s.Dequantize(packed[p*s.Panel*c.k:], c, p, 0, c.k, make([]float32, 2*s.Panel))
	}
	w := make([]float32, c.n*c.k)
	s.Unpack(w, c.k, packed, c.n, c.k)
	return w
}

// drawn is the matrix of internal/reference/quantized.py.
func drawn(rows, cols int) []float32 { return drawnIn(1.0/64, rows, cols) }

// drawnIn is such a matrix in another unit.
func drawnIn(unit float64, rows, cols int) []float32 {
	state, w := int64(1), make([]float32, rows*cols)
	for i := range w {
		state = (state*1103515245 + 12345) % (1 << 31)
		x := float64(state)/(1<<30) - 1
		w[i] = float32(math.Pow(x, 3) * (float64(1+i/cols%7) * unit))
	}
	return w
}

func TestQuantizedLikeBitsandbytes(t *testing.T) {
	const rows, cols = 140, 128
	tolerance := map[Form]float64{Int8: near.Exact, NF4: near.Kernel} // the mean of the scales is summed in another order
	for name, form := range map[string]Form{"nf4": NF4, "int8": Int8} {
		data, err := os.ReadFile("testdata/" + name + ".f32")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, rows*cols)
		for i := range want {
			want[i] = math.Float32frombits(bytes.LittleEndian.Uint32(data[4*i:]))
		}
		for _, s := range Tiers() {
			near.Check(t, s.Name+" "+name, dequantized(s, quantize(s, form, drawn(rows, cols), rows, cols)), want, tolerance[form])
		}
	}
}

// TestQuantizedByDefinition compares with the forms' definitions in float64.
func TestQuantizedByDefinition(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {3, 7}, {40, 129}, {33, 300}} {
		n, k := shape[0], shape[1]
		w := drawn(n, k)
		if k > 2 {
			clear(w[:k]) // a row of zeros
		}
		for _, s := range Tiers() {
			for _, form := range forms {
				c := quantize(s, form, w, n, k)
				got := dequantized(s, c)
				for o := range n {
					for from, end := 0, 0; from < k; from = end {
						_, end = c.span(from)
						checkGroup(t, form, w[o*k+from:o*k+end], got[o*k+from:o*k+end])
					}
				}
				row := make([]float32, k)
				for o := range n {
					s.RowOf(row, c, o)
					near.Check(t, fmt.Sprintf("%s row %d", s.Name, o), row, got[o*k:(o+1)*k], near.Exact)
				}
			}
		}
	}
}

// checkGroup says that elements are no further from those they stand for than half of the form's largest step, and for
// NF4 what 8 bits of scale change.
func checkGroup(t *testing.T, form Form, w, got []float32) {
	t.Helper()
	var low, high float64
	for _, x := range w {
		low, high = min(low, float64(x)), max(high, float64(x))
	}
	most := max(-low, high)
	for i, x := range w {
		var step float64
		switch form {
		case BF16:
			step = math.Abs(float64(x)) / 128
		case Int8:
			step = most / 127
		case NF4:
			step = most*(1-0.6961928009986877) + 2*scaleError
		case Int4:
			step = (high - low) / 15 * 2 // the zero point is rounded too
		}
		if d := math.Abs(float64(got[i] - x)); !(d <= step/2*(1+1e-6)) {
			t.Fatalf("form %d: %g stands for %g among values from %g to %g", form, got[i], x, low, high)
		}
	}
}

// scaleError bounds what the second quantization does to the scales of drawn: they are below 7/64, and the widest
// gap of the dynamic type is 0.9/64.
const scaleError = 7.0 / 64 * 0.9 / 64

// TestQuantizedTiers says that all tiers hold and dequantize the same, and that parts and transposes are parts of the whole.
func TestQuantizedTiers(t *testing.T) {
	const n, k = 70, 261
	w := drawn(n, k)
	for _, form := range forms {
		want := dequantized(generic, quantize(generic, form, w, n, k))
		for _, s := range Tiers() {
			c := quantize(s, form, w, n, k)
			near.Check(t, s.Name, dequantized(s, c), want, near.Exact)
			near.Check(t, s.Name+" again", dequantized(s, quantize(s, form, w, n, k)), want, near.Exact)
			whole, packed := make([]float32, k*s.Panel), make([]float32, s.PackedLen(n, k))
			for p := range (n + s.Panel - 1) / s.Panel {
				s.Dequantize(whole, c, p, 0, k, make([]float32, 2*s.Panel))
				copy(packed[p*k*s.Panel:], whole)
				for _, r := range [][2]int{{0, 0}, {1, 2}, {3, 130}, {64, 128}, {127, 261}} {
					part := make([]float32, (r[1]-r[0])*s.Panel)
					s.Dequantize(part, c, p, r[0], r[1], make([]float32, 2*s.Panel))
					if !slices.Equal(part, whole[r[0]*s.Panel:r[1]*s.Panel]) {
						t.Errorf("%s: form %d: rows %v of panel %d differ from those of the whole", s.Name, form, r, p)
					}
				}
			}
			for _, r := range [][4]int{{0, n, 0, k}, {s.Panel, n, 2 * s.Panel, k}, {0, s.Panel, s.Panel, 3 * s.Panel}} {
				size := s.PackedLen(r[3]-r[2], r[1]-r[0])
				got, want := make([]float32, size), make([]float32, size)
				s.RepackTransposed(want, packed, n, k, r[0], r[1], r[2], r[3])
				s.RepackDequantized(got, c, make([]float32, (r[3]-r[2]+2)*s.Panel), r[0], r[1], r[2], r[3])
				near.Check(t, fmt.Sprintf("%s form %d repacked %v", s.Name, form, r), got, want, near.Exact)
			}
		}
	}
}

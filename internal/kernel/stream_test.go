package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/internal/near"
)

// TestGemmQuantized says that products with quantized weights have the bits that Dequantize and Gemm give: every form and number of
// rows, random shapes, parts and alignments, with NaN, infinity and denormals, and nothing beside the wanted columns written.
func TestGemmQuantized(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(5, 6))
		shapes := [][3]int{{1, 1, 8}, {1, s.Panel, 64}, {2, 3 * s.Panel, BlockK}, {3, 2*s.Panel + 1, BlockK + 8}, {4, 5, 0}, {0, 9, 8}, {4, 9 * s.Panel, 2 * BlockK}}
		for range 16 {
			shapes = append(shapes, [3]int{1 + r.IntN(9), 1 + r.IntN(6*s.Panel), 8 * (1 + r.IntN(110))})
		}
		for range 6 {
			shapes = append(shapes, [3]int{1 + r.IntN(5), 1 + r.IntN(5*s.Panel), 1 + r.IntN(500)})
		}
		for i, shape := range shapes {
			for _, form := range forms {
				sameAsDequantized(t, s, r, form, shape[0], shape[1], shape[2], i%3 == 0)
			}
		}
	})
}

func sameAsDequantized(t *testing.T, s *Set, r *rand.Rand, form Form, m, n, k int, strange bool) {
	t.Helper()
	w := randoms(r, n*k)
	lda := k + r.IntN(5)
	a := randoms(r, m*lda)
	if strange {
		for _, values := range [][]float32{w, a} {
			for range len(values) / 200 {
				values[r.IntN(len(values))] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-42, 3e38, 0}[r.IntN(6)]
			}
		}
	}
	q := quantize(s, form, w, n, k)
	q.halves, q.codes = shifted(q.halves, r.IntN(32)), shifted(q.codes, r.IntN(64))
	p0 := r.IntN(q.panels() + 1)
	p1 := p0 + r.IntN(q.panels()-p0+1)
	if r.IntN(2) == 0 {
		p0, p1 = 0, q.panels()
	}
	cols := max(0, min(p1*s.Panel, n)-p0*s.Panel)
	ldc := cols + r.IntN(5)
	c, check := guarded(t, max(0, (m-1)*ldc+cols), r.IntN(16))
	acc := r.IntN(2) == 0
	for i := range m {
		copy(c[min(len(c), i*ldc):], randoms(r, cols))
	}
	want := append([]float32(nil), c...)
	panel := make([]float32, (k+2)*s.Panel)
	for p := p0; p < p1 && m > 0; p++ {
		s.Dequantize(panel, q, p, 0, k, panel[k*s.Panel:])
		s.Gemm(want[(p-p0)*s.Panel:], ldc, a, lda, panel, m, q.columns(p), k, acc)
	}
	temp, checkTemp := guarded(t, s.TempGemmQuantized(q), 0)
	s.GemmQuantized(c, ldc, a, lda, q, p0, p1, m, acc, temp)
	check()
	checkTemp()
	near.CheckNaN(t, fmt.Sprintf("form %d, %d rows, %dx%d, panels %d to %d, adding %v", form, m, k, n, p0, p1, acc), c, want, near.Exact)
}

// shifted is x elsewhere, so many elements off.
func shifted[T any](x []T, by int) []T { return append(make([]T, by, by+len(x)), x...)[by:] }

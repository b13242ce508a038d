package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/internal/near"
)

// products are the kernels of C [m,n] = x [m,k] · w [n,k] transposed, or C += that.
var products = map[string]func(s *Set, o *operands, c []float32, ldc int, x, w []float32, m, n, k int, acc bool){
	"gemm": func(s *Set, o *operands, c []float32, ldc int, x, w []float32, m, n, k int, acc bool) {
		lda, ldw := k+o.r.IntN(5), k+o.r.IntN(5)
		b := make([]float32, s.PackedLen(n, k))
		s.PackRows(b, o.place(w, n, k, ldw, false), ldw, n, k)
		s.Gemm(c, ldc, o.place(x, m, k, lda, false), lda, o.input(b), m, n, k, acc)
	},
	"outer": func(s *Set, o *operands, c []float32, ldc int, x, w []float32, m, n, k int, acc bool) {
		lda, ldb := m+o.r.IntN(3), n+o.r.IntN(3)
		a, b := make([]float32, k*m), make([]float32, k*n)
		transposeGeneric(a, m, x, k, m, k)
		transposeGeneric(b, n, w, k, n, k)
		s.GemmOuter(c, ldc, o.place(a, k, m, lda, false), lda, o.place(b, k, n, ldb, false), ldb, m, n, k, acc)
	},
}

// sumsOf are the elements of a product, what c had among them, and the sums of magnitudes.
func sumsOf(c, x, w []float32, m, n, k int) (want, sizes []float64) {
	for i := range m {
		for j := range n {
			sum := float64(c[i*n+j])
			size := math.Abs(sum)
			for p := range k {
				v := float64(x[i*k+p]) * float64(w[j*k+p])
				sum += v
				size += math.Abs(v)
			}
			want, sizes = append(want, sum), append(sizes, size)
		}
	}
	return want, sizes
}

// TestProductsOfStrangeNumbers tries products at all alignments, with NaN, infinities, denormals and large numbers among all operands: what is
// not finite in float64 is the same in every tier, and nothing but the wanted elements is read or written.
func TestProductsOfStrangeNumbers(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for name, multiply := range products {
			r := rand.New(rand.NewPCG(71, 72))
			for turn := range 90 {
				m, n, k := 1+r.IntN(18), 1+r.IntN(90), r.IntN(150)
				if turn%10 == 0 {
					k += BlockK
				}
				before, acc := make([]float32, m*n), turn%2 == 1
				x, w := sprinkled(r, m*k), sprinkled(r, n*k)
				if acc {
					before = sprinkled(r, m*n)
				}
				want, sizes := sumsOf(before, x, w, m, n, k)
				o, ldc := &operands{t: t, r: r}, n+r.IntN(5)
				c := o.place(before, m, n, ldc, true)
				multiply(s, o, c, ldc, x, w, m, n, k, acc)
				o.done()
				checkSums(t, fmt.Sprintf("%s %dx%dx%d, adding %v", name, m, n, k, acc), dense(c, m, n, ldc), want, sizes)
			}
		}
	})
}

// TestProductsOfDenormals has operands, sums or both that are denormal, and exact.
func TestProductsOfDenormals(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for name, multiply := range products {
			r := rand.New(rand.NewPCG(73, 74))
			for turn := range 40 {
				m, n, k := 1+r.IntN(18), 1+r.IntN(90), 1+r.IntN(200)
				unit := []float64{denormal, 0x1p-75, 1}[turn%3] // of x; w has what makes the product's the denormal one
				x, w, before := wholes(r, m*k, unit), wholes(r, n*k, denormal/unit), wholes(r, m*n, denormal)
				want, _ := sumsOf(before, x, w, m, n, k)
				o := &operands{t: t, r: r}
				c := o.output(before)
				multiply(s, o, c, n, x, w, m, n, k, true)
				o.done()
				near.Check64(t, fmt.Sprintf("%s %dx%dx%d", name, m, n, k), magnified(c), magnified(narrowed(want)), near.Exact)
			}
		}
	})
}

func narrowed(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// TestReductionsOfStrangeNumbers is the same for sums of vectors.
func TestReductionsOfStrangeNumbers(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(75, 76))
		for _, n := range lengths(r) {
			for _, draw := range []func() []float32{
				func() []float32 { return sprinkled(r, n) },
				func() []float32 { return wholes(r, n, denormal) },
			} {
				o := &operands{t: t, r: r}
				x, y := o.input(draw()), o.input(sprinkled(r, n))
				small := o.input(wholes(r, n, 0x1p-74))
				ones := make([]float32, n)
				for i := range ones {
					ones[i] = 1
				}
				greatest := math.Inf(-1)
				for _, v := range x {
					greatest = max(greatest, float64(v))
				}
				dot, dotSizes := sumsOf([]float32{0}, x, y, 1, 1, n)
				sum, sumSizes := sumsOf([]float32{0}, x, ones, 1, 1, n)
				squares, squareSizes := sumsOf([]float32{0}, x, x, 1, 1, n)
				tiny, _ := sumsOf([]float32{0}, small, small, 1, 1, n)
				checkSums(t, "dot", []float32{s.Dot(x, y)}, dot, dotSizes)
				checkSums(t, "sum", []float32{s.Sum(x)}, sum, sumSizes)
				checkSums(t, "sum of squares", []float32{s.SumSquares(x)}, squares, squareSizes)
				near.CheckNaN(t, "max", []float32{s.Max(x)}, []float32{float32(greatest)}, near.Exact)
				near.Check64(t, "sum of denormal squares", magnified([]float32{s.SumSquares(small)}), magnified(narrowed(tiny)), near.Exact)
				o.done()
			}
			x, y := wholes(r, n, denormal), wholes(r, n, 1)
			dot, _ := sumsOf([]float32{0}, x, y, 1, 1, n)
			near.Check64(t, "dot of denormals", magnified([]float32{s.Dot(x, y)}), magnified(narrowed(dot)), near.Exact)
			if n > 0 {
				near.Check64(t, "sum of denormals", magnified([]float32{s.Sum(x)}), []float64{refSum(magnified(x))}, near.Exact)
				near.Check64(t, "max of denormals", magnified([]float32{s.Max(x)}), magnified([]float32{generic.Max(x)}), near.Exact)
			}
		}
	})
}

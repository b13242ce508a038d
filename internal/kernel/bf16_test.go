package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// toBF16 rounds elements as a BF16 matrix does.
func toBF16(x []float32) []float32 {
	halves, y := make([]uint16, len(x)), make([]float32, len(x))
	f32ToBF16Generic(halves, x)
	bf16ToF32Generic(y, halves)
	return y
}

// TestBF16ByHand holds the definition's sum of one product against what the instruction's description says of it.
func TestBF16ByHand(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct{ sum, a, b, want float32 }{
		{1, 2, 3, 7}, {-6, 2, 3, 0}, {1, 0x1p-24, 1, 1}, {1 + 0x1p-23, 0x1p-24, 1, 1 + 0x1p-22}, {1, 0x1p-24, -1, 1 - 0x1p-24}, // to nearest even
		{1, 1e-40, 3e38, 1}, {1e-40, 2, 0, 0}, {0, 0x1p-100, 0x1p-27, 0}, {0, 0x1p-100, 0x1p-26, 0x1p-126}, // denormals are none
		{0x1p-126, 0x1p-100, -0x1p-27, 0}, {0, 0x1.fep-101, -0x1p-26, float32(math.Copysign(0, -1))},
		{0, 0x1p100, 0x1p100, inf}, {0, inf, -1, -inf}, {inf, -0x1p127, 0x1p127, inf}, {0, inf, 0, nan}, {inf, -inf, 1, nan}, {nan, 1, 1, nan}, {0, 1e-40, inf, nan},
	} {
		got := addBF16(c.sum, c.a, c.b)
		near.CheckNaN(t, fmt.Sprintf("%g + %g·%g", c.sum, c.a, c.b), []float32{got}, []float32{c.want}, near.Exact)
		if c.want == 0 && math.Signbit(float64(got)) != math.Signbit(float64(c.want)) {
			t.Errorf("%g + %g·%g: zero of the other sign", c.sum, c.a, c.b)
		}
	}
}

// pairRows makes the rows of x [m,k], some words apart.
func pairRows(s *Set, x []float32, m, k, gap int) (a []int32, lda int) {
	lda = s.PairWords(k) + gap
	a = shifted(make([]int32, m*lda), gap*5)
	for i := range m {
		s.PairRow(a[i*lda:], x[i*k:][:k])
	}
	return a, lda
}

// TestPairRow says that every tier pairs rows at all alignments, and that nothing beside them is read or written.
func TestPairRow(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(97, 98))
		for n := range 150 {
			x, o := sprinkled(r, n), &operands{t: t, r: r}
			got, check := guardedCodes[int32](t, s.PairWords(n), r.IntN(16))
			want, halves := make([]int32, s.PairWords(n)), make([]uint16, n)
			f32ToBF16Generic(halves, x)
			for i, h := range halves {
				want[i/2] |= int32(uint32(h) << (i % 2 * 16))
			}
			s.PairRow(got, o.input(x))
			o.done()
			check()
			if !slices.Equal(got, want) {
				t.Fatalf("%d elements: %x, want %x", n, got, want)
			}
		}
	})
}

// strangeNumbers puts what is not finite, too small or too large among x.
func strangeNumbers(r *rand.Rand, x []float32, every int) {
	for range len(x) / every {
		x[r.IntN(len(x))] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-42, 3e38, -3e38, 0, 2e-38, -1e-38, 1e-19, 1e19}[r.IntN(11)]
	}
}

// TestBF16Products compares every element with the plain tier's, and, where no number is strange, with the sum in float64, in both directions.
func TestBF16Products(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(61, 62))
		shapes := [][3]int{{1, 1, 1}, {16, 32, 64}, {7, 20, 2*BlockK + 5}, {20, 33, BlockK + 1}, {3, 5, 0}, {2, 0, 5}, {5, BlockK + 40, 35}, {0, 3, 4}}
		for m := range 15 {
			shapes = append(shapes, [3]int{17 + m, 1 + r.IntN(90), 1 + r.IntN(90)}, [3]int{1 + m, 1 + r.IntN(90), 2 * (1 + r.IntN(60))})
		}
		for turn, sh := range shapes {
			for _, transposed := range []bool{false, true} {
				m, n, k := sh[0], sh[1], sh[2]
				cols, terms := n, k
				if transposed {
					cols, terms = k, n
				}
				w, x := randoms(r, n*k), randoms(r, m*terms)
				if turn%3 == 0 {
					strangeNumbers(r, w, 150)
					strangeNumbers(r, x, 150)
				}
				b := quantize(s, BF16, w, n, k)
				b.halves = shifted(b.halves, r.IntN(32))
				plain, acc := quantize(generic, BF16, w, n, k), turn%2 == 1
				from := r.IntN(cols/s.Panel+1) * s.Panel
				to := min(cols, from+s.Panel*(1+r.IntN(3)))
				name := fmt.Sprintf("%v, columns %d to %d, transposed %v, adding %v", sh, from, to, transposed, acc)
				a, lda := pairRows(s, x, m, terms, r.IntN(3))
				before, o, ldc := randoms(r, m*cols), &operands{t: t, r: r}, to-from+r.IntN(4)
				c := o.place(columns(before, m, cols, from, to), m, to-from, ldc, true)
				bf16Direction(s, transposed)(c, ldc, a, lda, b, m, from, to, acc, o.output(make([]float32, s.BF16Temp())))
				o.done()
				got, want := dense(c, m, to-from, ldc), slices.Clone(before)
				bf16Direction(plainBF16(s), transposed)(want, cols, a, lda, plain, m, 0, cols, acc, make([]float32, generic.BF16Temp()))
				near.CheckNaN(t, name, got, columns(want, m, cols, from, to), near.Exact)
				if turn%3 > 0 {
					right := toBF16(w)
					if transposed {
						right = make([]float32, n*k)
						transposeGeneric(right, n, toBF16(w), k, n, k)
					}
					if !acc {
						clear(before)
					}
					exact, sizes := sumsOf(before, toBF16(x), right, m, cols, terms)
					near.Sums(t, name+" in float64", want, exact, sizes, near.Kernel)
				}
			}
		}
	})
}

// plainBF16 is the plain tier, with the order in which s sums.
func plainBF16(s *Set) *Set {
	plain := *generic
	if s.pairStep == tileTerms/2 {
		plain.bf16 = bf16Tiled
	}
	return &plain
}

// bf16Direction is the product, or that with the transpose.
func bf16Direction(s *Set, transposed bool) func(c []float32, ldc int, a []int32, lda int, b *Quantized, m, from, to int, acc bool, temp []float32) {
	if transposed {
		return s.MultiplyBF16Transposed
	}
	return s.MultiplyBF16
}

// eachPairing runs f for each tier that has pairs.
func eachPairing(t *testing.T, f func(t *testing.T, s *Set)) {
	eachTier(t, func(t *testing.T, s *Set) {
		if !s.MultipliesBF16() {
			t.Skip("this tier has no instructions for products of bfloat16")
		}
		f(t, s)
	})
}

// TestBF16Pairs says that pairs made before give the same bits.
func TestBF16Pairs(t *testing.T) {
	eachPairing(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(67, 68))
		for turn := range 40 {
			m, n, k := 1+r.IntN(80), 1+r.IntN(200), 1+r.IntN(2*BlockK)
			b := quantize(s, BF16, randoms(r, n*k), n, k)
			for _, transposed := range []bool{false, true} {
				cols, terms := n, k
				if transposed {
					cols, terms = k, n
				}
				a, lda := pairRows(s, randoms(r, m*terms), m, terms, r.IntN(3))
				from, o := r.IntN((cols-1)/s.Panel+1)*s.Panel, &operands{t: t, r: r}
				to := min(cols, from+s.Panel*(1+r.IntN(3)))
				want := randoms(r, m*(to-from))
				got := o.output(want)
				temp := make([]float32, s.BF16Temp())
				acc, bias := turn%2 == 1, []float32(nil)
				if turn%4 == 2 {
					bias = o.input(randoms(r, to-from))
					for i := range m {
						copy(want[i*(to-from):], bias)
					}
				}
				for k := 0; k < terms; { // a part after the other
					end := min(terms, k+BlockK*(1+r.IntN(3)))
					pairs, check := guardedCodes[int32](t, s.PairsLen(to-from, end-k), 0)
					s.PairPanels(pairs, b, from, to, k, end, transposed, o.output(make([]float32, s.PairTemp())))
					check()
					s.MultiplyPairs(got, to-from, a[k/2:], lda, pairs, bias, m, to-from, end-k, acc || k > 0, temp)
					k = end
				}
				bf16Direction(s, transposed)(want, to-from, a, lda, b, m, from, to, acc || bias != nil, temp)
				o.done()
				near.Bits(t, fmt.Sprintf("%dx%dx%d, columns %d to %d, transposed %v", m, n, k, from, to, transposed), got, want)
			}
		}
	})
}

// TestBF16Splits says that an element has the same bits in any company.
func TestBF16Splits(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(63, 64))
		const m, n, k = 45, 150, BlockK + 134
		x, b := randoms(r, m*k), quantize(s, BF16, randoms(r, n*k), n, k)
		a, lda := pairRows(s, x, m, k, 0)
		temp, want := make([]float32, s.BF16Temp()), make([]float32, m*n)
		s.MultiplyBF16(want, n, a, lda, b, m, 0, n, false, temp)
		for range 3 {
			got := make([]float32, m*n)
			for i := 0; i < m; {
				rows := 1 + r.IntN(m-i)
				for j := 0; j < n; {
					to := min(n, j+s.Panel*(1+r.IntN(5)))
					s.MultiplyBF16(got[i*n+j:], n, a[i*lda:], lda, b, rows, j, to, false, temp)
					j = to
				}
				i += rows
			}
			near.Bits(t, "in parts", got, want)
		}
	})
}

// TestBF16Error says that rounding x costs at most 2⁻⁹ of each product.
func TestBF16Error(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(65, 66))
		const m, n, k = 20, 40, 1500
		x, b := randoms(r, m*k), quantize(s, BF16, randoms(r, n*k), n, k)
		a, lda := pairRows(s, x, m, k, 0)
		held, got := dequantized(s, b), make([]float32, m*n)
		s.MultiplyBF16(got, n, a, lda, b, m, 0, n, false, make([]float32, s.BF16Temp()))
		for i, v := range got {
			var sum, size float64
			for l := range k {
				p := float64(x[i/n*k+l]) * float64(held[i%n*k+l])
				sum, size = sum+p, size+math.Abs(p)
			}
			if e := math.Abs(float64(v) - sum); !(e <= 0x1p-9*size) {
				t.Fatalf("element %d is %g, exactly %g: off by %g of %g", i, v, sum, e, size)
			}
		}
	})
}

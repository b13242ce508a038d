package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// eachBF16Tier is eachTier for the tiers that multiply bfloat16.
func eachBF16Tier(t *testing.T, f func(t *testing.T, s *Set)) {
	eachTier(t, func(t *testing.T, s *Set) {
		if !s.MultipliesBF16() {
			t.Skip("this tier has no products of bfloat16")
		}
		f(t, s)
	})
}

// addBF16 is sum + a·b by the definition of VDPBF16PS: denormal operands are zeros, a·b + sum is rounded once, and so is a denormal result. The
// product has 16 bits, so float64's sum is exact or so near to one operand that rounding it to float32 gives the same.
func addBF16(sum, a, b float32) float32 {
	v := float64(flushed(a))*float64(flushed(b)) + float64(flushed(sum))
	if math.Float64bits(v)&^(1<<63) < math.Float64bits(0x1p-126-0x1p-151) { // what rounds to a denormal number of 24 bits
		return float32(math.Copysign(0, v))
	}
	return float32(v)
}

func flushed(x float32) float32 {
	if math.Float32bits(x)&0x7f800000 == 0 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

// toBF16 rounds elements as a BF16 matrix does.
func toBF16(x []float32) []float32 {
	halves, y := make([]uint16, len(x)), make([]float32, len(x))
	f32ToBF16Generic(halves, x)
	bf16ToF32Generic(y, halves)
	return y
}

// bf16Expected is an element that had c, of rounded a and b.
func bf16Expected(c float32, a, b []float32, acc bool) float32 {
	for from := 0; from == 0 || from < len(a); from += BlockK {
		to := min(from+BlockK, len(a))
		var sum float32
		for k := from; k < to; k += 2 {
			if k+1 < to {
				sum = addBF16(sum, a[k+1], b[k+1])
			} else {
				sum = addBF16(sum, 0, 0)
			}
			sum = addBF16(sum, a[k], b[k])
		}
		if acc || from > 0 {
			sum += c
		}
		c = sum
	}
	return c
}

// pairRows makes the rows of x [m,k], some words apart.
func pairRows(s *Set, x []float32, m, k, gap int) (a []int32, lda int) {
	lda = PairWords(k) + gap
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
			got, check := guardedCodes[int32](t, PairWords(n), r.IntN(16))
			want, halves := make([]int32, PairWords(n)), make([]uint16, n)
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

// TestBF16Products compares every element with its definition, in both directions.
func TestBF16Products(t *testing.T) {
	eachBF16Tier(t, func(t *testing.T, s *Set) {
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
				held, rows, acc := toBF16(w), toBF16(x), turn%2 == 1
				from := r.IntN(cols/s.Panel+1) * s.Panel
				to := min(cols, from+s.Panel*(1+r.IntN(3)))
				a, lda := pairRows(s, x, m, terms, r.IntN(3))
				ldc := to - from + r.IntN(4)
				c, check := guarded(t, max(0, (m-1)*ldc+to-from), r.IntN(16))
				copy(c, randoms(r, len(c)))
				want := slices.Clone(c)
				for i := range m {
					for j := range to - from {
						column := make([]float32, terms)
						for l := range column {
							if transposed {
								column[l] = held[l*k+from+j]
							} else {
								column[l] = held[(from+j)*k+l]
							}
						}
						want[i*ldc+j] = bf16Expected(want[i*ldc+j], rows[i*terms:][:terms], column, acc)
					}
				}
				temp, checkTemp := guarded(t, s.BF16Temp(), 0)
				multiply := s.MultiplyBF16
				if transposed {
					multiply = s.MultiplyBF16Transposed
				}
				multiply(c, ldc, a, lda, b, m, from, to, acc, temp)
				check()
				checkTemp()
				near.CheckNaN(t, fmt.Sprintf("%v, columns %d to %d, transposed %v, adding %v", sh, from, to, transposed, acc), c, want, near.Exact)
			}
		}
	})
}

// TestBF16Splits says that an element has the same bits in any company.
func TestBF16Splits(t *testing.T) {
	eachBF16Tier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(63, 64))
		const m, n, k = 45, 150, BlockK + 134
		x, b := randoms(r, m*k), quantize(s, BF16, randoms(r, n*k), n, k)
		a, lda := pairRows(s, x, m, k, 0)
		temp, want := make([]float32, s.BF16Temp()), make([]float32, m*n)
		s.MultiplyBF16(want, n, a, lda, b, m, 0, n, false, temp)
		for range 8 {
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
	eachBF16Tier(t, func(t *testing.T, s *Set) {
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

package kernel

import (
	bytes "encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// withOutliers makes some elements of x large, of either sign: about one of so many.
func withOutliers(r *rand.Rand, x []float32, one int) []float32 {
	for i := range x {
		if r.IntN(one) == 0 {
			x[i] = float32((Outlier + 100*r.ExpFloat64()) * float64(1-2*r.IntN(2)))
		}
	}
	return x
}

// edges are on either side of what an outlier is.
var edges = []float32{
	Outlier, -Outlier, math.Nextafter32(Outlier, 0), math.Nextafter32(-Outlier, 0), math.Nextafter32(Outlier, 7),
	math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1)),
}

// isOutlier is the definition.
func isOutlier(v float32) bool {
	return math.Abs(float64(v)) >= 6 && !math.IsInf(float64(v), 0)
}

// TestMixedQuantize compares with QuantizeRow of the row that has zeros for its outliers, and every mark with the definition.
func TestMixedQuantize(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(55, 56))
		for turn := range 400 {
			k, kind := 1+r.IntN(150), turn%8
			x := strangeRow(r, k, kind)
			if turn%3 > 0 {
				withOutliers(r, x, 1+turn%9)
				x[r.IntN(k)] = edges[turn%len(edges)]
			}
			in, _ := guarded(t, k, r.IntN(16))
			copy(in, x)
			const mark = 0x5a5a5a5a
			words, all := Int8Words(k), MixedWords(k)
			buf := slices.Repeat([]int32{mark}, all+200)
			lo := 64 + r.IntN(16)
			got := buf[lo : lo+all]
			temp, check := guarded(t, k, r.IntN(16))
			scale := s.QuantizeMixed(got, in, temp)
			check()
			near.Bits(t, "x", in, x)
			for i, v := range buf {
				if (i < lo || i >= lo+all) && v != mark {
					t.Fatalf("wrote word %d of %d", i-lo, all)
				}
			}
			rest := slices.Clone(x)
			for i, v := range x {
				marked := got[words+i/32]>>(i%32)&1 == 1
				if marked != isOutlier(v) {
					t.Fatalf("kind %d, %d elements: element %d, %g, is marked: %v", kind, k, i, v, marked)
				}
				if marked {
					rest[i] = 0
				}
			}
			if last := k % 32; last > 0 && uint32(got[all-1])>>last != 0 {
				t.Fatalf("%d elements: %x marks what is none", k, got[all-1])
			}
			want := slices.Repeat([]int32{mark}, words)
			wantScale := s.QuantizeRow(want, rest)
			near.Bits(t, "scale", []float32{scale}, []float32{wantScale})
			if !slices.Equal(got[:words], want) {
				t.Fatalf("kind %d, %d elements: %x, want %x", kind, k, got[:words], want)
			}
		}
	})
}

// mixedRows quantizes the rows of x [m,k], gap words apart, at an offset from an aligned address.
func mixedRows(s *Set, x []float32, m, k, gap, offset int) (a []int32, lda int, scales []float32) {
	lda = MixedWords(k) + gap
	a = make([]int32, offset+m*lda)[offset:]
	scales = make([]float32, m)
	for i := range m {
		scales[i] = s.QuantizeMixed(a[i*lda:], x[i*k:][:k], make([]float32, k))
	}
	return a, lda, scales
}

// mixedExpected adds to a row of the product the outliers of x, by the definition.
func mixedExpected(y, x []float32, b *Quantized) []float32 {
	for o := range y {
		for k, v := range x {
			if isOutlier(v) {
				w := float32(float32(int8(b.bytes(o / b.panel)[byteAt(k, b.panel, o%b.panel)])) * b.scales.at(o))
				y[o] += float32(v * w) // rounded: arm64 would fuse the sum
			}
		}
	}
	return y
}

// TestMixedExact compares every element with its definition.
func TestMixedExact(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(57, 58))
		shapes := [][3]int{{1, 1, 1}, {16, 32, 4}, {3, 17, 1000}, {7, 64, 0}, {17, 5, 2}, {2, 0, 7}}
		for range 40 {
			shapes = append(shapes, [3]int{1 + r.IntN(30), 1 + r.IntN(150), 1 + r.IntN(200)})
		}
		for turn, sh := range shapes {
			m, n, k := sh[0], sh[1], sh[2]
			var x []float32
			for i := range m {
				row := strangeRow(r, max(k, 1), r.IntN(12))[:k]
				if i%4 > 0 {
					withOutliers(r, row, 1+r.IntN(40))
				}
				x = append(x, row...)
			}
			w := randoms(r, n*k)
			if turn%3 == 0 && n*k > 0 {
				w[r.IntN(n*k)] = float32(math.NaN())
			}
			b := quantize(s, Int8, w, n, k)
			bias := randoms(r, n)
			a, lda, scales := mixedRows(s, x, m, k, r.IntN(5), r.IntN(16))
			ldc, ldx := n+r.IntN(5), k+r.IntN(5)
			wide, _ := guarded(t, m*ldx, r.IntN(16))
			for i := range m {
				copy(wide[i*ldx:], x[i*k:][:k])
			}
			c, check := guarded(t, (m-1)*ldc+n, r.IntN(16))
			s.MultiplyInt8(c, ldc, a, lda, scales, b, bias, m, 0, n, make([]float32, s.Int8Temp()))
			s.AddOutliers(c, ldc, wide, ldx, a, lda, b, m, 0, n)
			check()
			for i := range m {
				want := mixedExpected(int8Expected(s, a[i*lda:], scales[i], b, bias), x[i*k:][:k], b)
				near.CheckNaN(t, fmt.Sprintf("%v row %d", sh, i), c[i*ldc:i*ldc+n], want, near.Exact)
				for j := n; j < ldc && i < m-1; j++ {
					if math.Float32bits(c[i*ldc+j]) != 0x7fc0beef {
						t.Fatalf("%v: wrote beyond row %d", sh, i)
					}
				}
			}
		}
	})
}

// multiplyMixed is all of x [m,k] times the packed b [k,n].
func multiplyMixed(s *Set, x []float32, b *Quantized, m int) []float32 {
	a, lda, scales := mixedRows(s, x, m, b.k, 0, 0)
	c := make([]float32, m*b.n)
	s.MultiplyInt8(c, b.n, a, lda, scales, b, nil, m, 0, b.n, make([]float32, s.Int8Temp()))
	s.AddOutliers(c, b.n, x, b.k, a, lda, b, m, 0, b.n)
	return c
}

// TestMixedTiersAndSplits says that an element has the same bits in every tier, in any company.
func TestMixedTiersAndSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(59, 60))
	const m, n, k = 41, 150, 333
	x, w := withOutliers(r, randoms(r, m*k), 30), randoms(r, n*k)
	want := multiplyMixed(generic, x, quantize(generic, Int8, w, n, k), m)
	eachTier(t, func(t *testing.T, s *Set) {
		b := quantize(s, Int8, w, n, k)
		near.Bits(t, "at once", multiplyMixed(s, x, b, m), want)
		a, lda, scales := mixedRows(s, x, m, k, 0, 0)
		temp := make([]float32, s.Int8Temp())
		for range 10 {
			got := make([]float32, m*n)
			for i := 0; i < m; {
				rows := 1 + r.IntN(m-i)
				for j := 0; j < n; {
					to := min(n, j+s.Panel*(1+r.IntN(6)))
					s.MultiplyInt8(got[i*n+j:], n, a[i*lda:], lda, scales[i:], b, nil, rows, j, to, temp)
					s.AddOutliers(got[i*n+j:], n, x[i*k:], k, a[i*lda:], lda, b, rows, j, to)
					j = to
				}
				i += rows
			}
			near.Bits(t, "in parts", got, want)
		}
	})
}

// TestMixedLikeBitsandbytes compares with a product of codes and outliers that bitsandbytes took apart, a row at a time, summed in float64
// (internal/reference/quantized.py).
func TestMixedLikeBitsandbytes(t *testing.T) {
	const m, n, k = 24, 140, 128
	data, err := os.ReadFile("testdata/llm_int8.f32")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, m*n)
	for i := range want {
		want[i] = math.Float32frombits(bytes.LittleEndian.Uint32(data[4*i:]))
	}
	x, halves := drawnIn(2.5, m, k), make([]uint16, m*k)
	generic.f32ToF16(halves, x)
	generic.f16ToF32(x, halves)
	found := 0
	for _, v := range x {
		if isOutlier(v) {
			found++
		}
	}
	if found < 100 {
		t.Errorf("%d outliers", found)
	}
	eachTier(t, func(t *testing.T, s *Set) {
		near.Check(t, "product", multiplyMixed(s, x, quantize(s, Int8, drawn(n, k), n, k), m), want, near.Product)
	})
}

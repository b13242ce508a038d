package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/internal/near"
)

func eachTier(t *testing.T, f func(t *testing.T, s *Set)) {
	for _, s := range Tiers() {
		t.Run(s.Name, func(t *testing.T) { f(t, s) })
	}
}

func randoms(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// guarded gives a slice of n elements at the given offset from an aligned address inside a buffer of NaNs, and
// a function that fails if a NaN was overwritten.
func guarded(t *testing.T, n, offset int) ([]float32, func()) {
	const guard = 64
	buf := make([]float32, n+offset+2*guard)
	mark := math.Float32frombits(0x7fc0beef)
	for i := range buf {
		buf[i] = mark
	}
	lo := guard + offset
	return buf[lo : lo+n : lo+n], func() {
		t.Helper()
		for i, v := range buf {
			if (i < lo || i >= lo+n) && math.Float32bits(v) != 0x7fc0beef {
				t.Fatalf("element %d of a slice of %d was written", i-lo, n)
			}
		}
	}
}

func TestGemmAgainstFloat64(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(1, 2))
		shapes := [][3]int{{1, 1, 1}, {128, 96, 300}, {7, 33, 1700}, {300, 17, 3}, {14, 64, 512}, {2, 200, 257}, {13, 129, 1}}
		for range 60 {
			shapes = append(shapes, [3]int{1 + r.IntN(40), 1 + r.IntN(150), 1 + r.IntN(600)})
		}
		for _, sh := range shapes {
			m, n, k := sh[0], sh[1], sh[2]
			lda, ldc := k+r.IntN(5), n+r.IntN(5)
			a, w := randoms(r, m*lda), randoms(r, n*k)
			b := make([]float32, s.PackedLen(n, k))
			s.PackRows(b, w, k, n, k)
			for _, acc := range []bool{false, true} {
				c, check := guarded(t, (m-1)*ldc+n, r.IntN(16))
				before := make([]float32, len(c))
				for i := range m {
					for j := range n {
						if acc {
							c[i*ldc+j] = float32(r.NormFloat64())
						}
					}
				}
				copy(before, c)
				s.Gemm(c, ldc, a, lda, b, m, n, k, acc)
				check()
				var got []float32
				var want, sizes []float64
				for i := range m {
					for j := range n {
						sum, size := 0.0, 0.0
						if acc {
							sum = float64(before[i*ldc+j])
							size = math.Abs(sum)
						}
						for p := range k {
							v := float64(a[i*lda+p]) * float64(w[j*k+p])
							sum += v
							size += math.Abs(v)
						}
						got, want, sizes = append(got, c[i*ldc+j]), append(want, sum), append(sizes, size)
					}
					for j := n; j < ldc && i < m-1; j++ {
						if math.Float32bits(c[i*ldc+j]) != 0x7fc0beef {
							t.Fatalf("%v: wrote beyond row %d", sh, i)
						}
					}
				}
				near.Sums(t, fmt.Sprintf("%v, acc %v", sh, acc), got, want, sizes, near.Kernel)
			}
		}
	})
}

func TestGemmBitsDoNotDependOnTheSplit(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(3, 4))
		const m, n, k = 41, 150, BlockK + 275
		a, w := randoms(r, m*k), randoms(r, n*k)
		b := make([]float32, s.PackedLen(n, k))
		s.PackRows(b, w, k, n, k)
		want := make([]float32, m*n)
		s.Gemm(want, n, a, k, b, m, n, k, false)
		for range 40 {
			got := make([]float32, m*n)
			for i := 0; i < m; {
				rows := 1 + r.IntN(m-i)
				for j := 0; j < n; {
					cols := min(n-j, s.Panel*(1+r.IntN(6)))
					s.Gemm(got[i*n+j:], n, a[i*k:], k, b[j*k:], rows, cols, k, false)
					j += cols
				}
				i += rows
			}
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("element %d: %v and %v", i, got[i], want[i])
				}
			}
			half := BlockK
			b1, b2 := make([]float32, s.PackedLen(n, half)), make([]float32, s.PackedLen(n, k-half))
			s.PackRows(b1, w, k, n, half)
			s.PackRows(b2, w[half:], k, n, k-half)
			s.Gemm(got, n, a, k, b1, m, n, half, false)
			s.Gemm(got, n, a[half:], k, b2, m, n, k-half, true)
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("split of k, element %d: %v and %v", i, got[i], want[i])
				}
			}
		}
	})
}

func TestGemmOuter(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(25, 26))
		for range 60 {
			m, n, k := 1+r.IntN(12), 1+r.IntN(90), r.IntN(200)
			lda, ldb, ldc := m+r.IntN(3), n+r.IntN(3), n+r.IntN(3)
			a, b, acc := randoms(r, k*lda), randoms(r, k*ldb), r.IntN(2) == 1
			c, check := guarded(t, (m-1)*ldc+n, r.IntN(16))
			for i := range m {
				copy(c[i*ldc:], randoms(r, n))
			}
			again := append([]float32(nil), c...)
			var got []float32
			var want, sizes []float64
			for i := range m {
				for j := range n {
					sum := 0.0
					if acc {
						sum = float64(c[i*ldc+j])
					}
					size := math.Abs(sum)
					for p := range k {
						v := float64(a[p*lda+i]) * float64(b[p*ldb+j])
						sum += v
						size += math.Abs(v)
					}
					want, sizes = append(want, sum), append(sizes, size)
				}
			}
			s.GemmOuter(c, ldc, a, lda, b, ldb, m, n, k, acc)
			check()
			for i := range m {
				got = append(got, c[i*ldc:i*ldc+n]...)
			}
			near.Sums(t, fmt.Sprintf("%dx%dx%d", m, n, k), got, want, sizes, near.Kernel)
			cut := r.IntN(m) // rows and columns in two calls
			s.GemmOuter(again, ldc, a, lda, b, ldb, cut, n, k, acc)
			s.GemmOuter(again[cut*ldc:], ldc, a[min(cut, len(a)):], lda, b, ldb, m-cut, n, k, acc)
			for i := range m {
				near.Bits(t, "in two calls", again[i*ldc:i*ldc+n], c[i*ldc:i*ldc+n])
			}
		}
	})
}

func TestPacking(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 50 {
			n, k := 1+r.IntN(90), 1+r.IntN(90)
			ld := k + r.IntN(4)
			w := randoms(r, n*ld)
			b, check := guarded(t, s.PackedLen(n, k), r.IntN(16))
			s.PackRows(b, w, ld, n, k)
			check()
			for j := range (n + s.Panel - 1) / s.Panel * s.Panel {
				for i := range k {
					want := float32(0)
					if j < n {
						want = w[j*ld+i]
					}
					if got := b[j/s.Panel*s.Panel*k+i*s.Panel+j%s.Panel]; got != want {
						t.Fatalf("[%d,%d]: element %d,%d is %v, want %v", n, k, i, j, got, want)
					}
				}
			}
			back, check := guarded(t, (n-1)*ld+k, r.IntN(16))
			s.Unpack(back, ld, b, n, k)
			check()
			wt := make([]float32, k*n)
			s.PackTransposedA(wt, w, ld, n, k)
			for i := range n {
				for j := range k {
					if back[i*ld+j] != w[i*ld+j] || wt[j*n+i] != w[i*ld+j] {
						t.Fatalf("[%d,%d]: unpacked or transposed wrong at %d,%d", n, k, i, j)
					}
				}
			}
			cols, check := guarded(t, len(b), r.IntN(16))
			s.PackCols(cols, wt, n, k, n)
			check()
			for i := range cols {
				if cols[i] != b[i] {
					t.Fatalf("[%d,%d]: PackCols differs at %d", n, k, i)
				}
			}
			testRepack(t, s, r, w, ld, b, n, k)
		}
	})
}

// testRepack compares RepackTransposed of a random block with PackCols of the same block.
func testRepack(t *testing.T, s *Set, r *rand.Rand, w []float32, ld int, b []float32, n, k int) {
	n0, k0 := r.IntN(n)/s.Panel*s.Panel, r.IntN(k)/s.Panel*s.Panel
	n1, k1 := min(n, n0+s.Panel*(1+r.IntN(3))), min(k, k0+s.Panel*(1+r.IntN(3)))
	want := make([]float32, s.PackedLen(k1-k0, n1-n0))
	s.PackCols(want, w[n0*ld+k0:], ld, n1-n0, k1-k0)
	got, check := guarded(t, len(want), r.IntN(16))
	s.RepackTransposed(got, b, n, k, n0, n1, k0, k1)
	check()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("[%d,%d] block %d:%d, %d:%d differs at %d", n, k, n0, n1, k0, k1, i)
		}
	}
}

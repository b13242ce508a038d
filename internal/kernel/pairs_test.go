package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPairsOfFloats says that pairs of rows and columns of floats are those of a BF16 matrix of the same elements, and that rows of a transposed
// left side are those of PairRow: at all alignments, whatever the elements are, with nothing written beside them.
func TestPairsOfFloats(t *testing.T) {
	eachPairing(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(71, 72))
		for range 60 {
			n, k := 1+r.IntN(100), 1+r.IntN(2*BlockK)
			w, turned := sprinkled(r, n*k), make([]float32, n*k)
			transposeGeneric(turned, n, w, k, n, k)
			name := fmt.Sprintf("[%d, %d]", n, k)
			want := make([]int32, s.PairsLen(n, k))
			s.PairPanels(want, quantize(s, BF16, w, n, k), 0, n, 0, k, false, make([]float32, s.PairTemp()))
			made := func(what string, f func(dst []int32, o *operands, temp []float32)) {
				o := &operands{t: t, r: r}
				got, check := guardedCodes[int32](t, len(want), r.IntN(16))
				f(got, o, o.output(make([]float32, s.PairTemp())))
				o.done()
				check()
				samePairs(t, what+name, s, got, want, n, k)
			}
			made("rows of ", func(dst []int32, o *operands, temp []float32) { s.PairRows(dst, o.input(w), k, n, k, temp) })
			made("columns of ", func(dst []int32, o *operands, temp []float32) { s.PairCols(dst, o.input(turned), n, k, n, temp) })

			a, lda := pairRows(s, w, n, k, 3)
			o := &operands{t: t, r: r}
			got, check := guardedCodes[int32](t, (n-1)*lda+s.PairWords(k), r.IntN(16))
			s.PairTransposedA(got, lda, o.input(turned), n, k, n, o.output(make([]float32, s.PairTemp())))
			o.done()
			check()
			for i := range n {
				if !slices.Equal(got[i*lda:][:s.PairWords(k)], a[i*lda:][:s.PairWords(k)]) {
					t.Fatalf("%s: row %d of the transposed left side", name, i)
				}
			}
		}
	})
}

// TestPairsOfCodes says that pairs of a 4-bit matrix are those of what its codes stand for, rounded.
func TestPairsOfCodes(t *testing.T) {
	eachPairing(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(73, 74))
		for turn := range 24 {
			n, k, form := 1+r.IntN(150), 1+r.IntN(2*BlockK), []Form{NF4, Int4}[turn%2]
			b := quantize(s, form, randoms(r, n*k), n, k)
			halved := quantize(s, BF16, dequantized(s, b), n, k)
			for _, transposed := range []bool{false, true} {
				cols, terms := n, k
				if transposed {
					cols, terms = k, n
				}
				n0, from, o := r.IntN((cols-1)/s.Panel+1)*s.Panel, r.IntN((terms-1)/BlockK+1)*BlockK, &operands{t: t, r: r}
				got, check := guardedCodes[int32](t, s.PairsLen(cols-n0, terms-from), r.IntN(16))
				want := make([]int32, len(got))
				s.PairPanels(got, b, n0, cols, from, terms, transposed, o.output(make([]float32, s.PairTemp())))
				o.done()
				check()
				s.PairPanels(want, halved, n0, cols, from, terms, transposed, make([]float32, s.PairTemp()))
				samePairs(t, fmt.Sprintf("form %d, [%d, %d], columns from %d, terms from %d, transposed %v", form, n, k, n0, from, transposed), s, got, want, cols-n0, terms-from)
			}
		}
	})
}

// samePairs compares the words of columns that exist; a zero may have either sign.
func samePairs(t *testing.T, name string, s *Set, got, want []int32, n, k int) {
	t.Helper()
	each := s.PairsLen(s.Panel, k)
	for i := range got {
		if j := i/each*s.Panel + i%s.Panel; j < n && noSign(got[i]) != noSign(want[i]) {
			t.Fatalf("%s: word %d of column %d is %x, want %x", name, i%each/s.Panel, j, got[i], want[i])
		}
	}
}

// noSign is a pair whose zeros have no sign.
func noSign(pair int32) int32 {
	if pair&0xffff == 0x8000 {
		pair &^= 0xffff
	}
	if uint32(pair)>>16 == 0x8000 {
		pair &= 0xffff
	}
	return pair
}

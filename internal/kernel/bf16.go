package kernel

import (
	"fmt"
	"unsafe"
)

// Products of bfloat16, by instructions of their own in the tiers that have them ([Set.MultipliesBF16]), slowly in the others. The rows of the left side are rounded to bfloat16 (PairRow), to
// nearest even as the elements of a BF16 matrix B [k,n] are, and for each block of BlockK of k, in order, an element is
//
//	sum = (sum + a[k+1]·b[k+1]) + a[k]·b[k], for k = 0, 2, 4, ..., begun with 0
//
// where each sum of two is rounded once, to nearest even, a product of two bfloat16 being exact in it, and where denormal elements and sums are zeros
// of their sign. The block's sum is then, in float32, added to what C has, if the first one is to be, or to those of the blocks before. Of an odd k
// the last product has a zero beside it. So an element has the same bits whatever stands beside it and however a caller splits rows and columns.

// MultipliesBF16 says whether this tier has instructions for MultiplyBF16 and MultiplyBF16Transposed: elsewhere they are plain Go, and
// dequantizing is faster.
func (s *Set) MultipliesBF16() bool { return s.bf16 != nil }

// PairWords is the length of a row of k elements that PairRow makes.
func PairWords(k int) int { return (k + 1) / 2 }

// PairRow rounds a row x to bfloat16 and writes dst[:PairWords(len(x))], two elements a word, the first in the low half; an odd last one
// has zero beside it.
func (s *Set) PairRow(dst []int32, x []float32) {
	if len(x) == 0 {
		return
	}
	dst = dst[:PairWords(len(x))]
	dst[len(dst)-1] = 0
	s.f32ToBF16(unsafe.Slice((*uint16)(unsafe.Pointer(&dst[0])), len(x)), x)
}

// BF16Temp is the elements that products of bfloat16 need: pairs of a block of a panel, and a tile.
func (s *Set) BF16Temp() int { return (BlockK/2 + s.Tile) * s.Panel }

// MultiplyBF16 computes C [m,n1-n0], rows ldc apart, or adds to it if acc: the product of m rows of PairRow, lda words apart, with columns n0 to n1
// of the BF16 matrix B [k,n]. n0 is a multiple of Panel; so is n1 except at the end of the matrix. temp has room for BF16Temp elements.
func (s *Set) MultiplyBF16(c []float32, ldc int, a []int32, lda int, b *Quantized, m, n0, n1 int, acc bool, temp []float32) {
	s.multiplyBF16(bf16Product{c: c, ldc: ldc, a: a, lda: lda, b: b, m: m, acc: acc, temp: temp}, n0, n1, b.n, b.k)
}

// MultiplyBF16Transposed computes C [m,k1-k0], or adds to it if acc, likewise: the product of m rows of PairRow, of n elements, with rows k0 to k1
// of the BF16 matrix B [k,n], that is with columns of w [n,k]; n is summed over in the place of k. k0 is a multiple of Panel; so is k1 except at the end of the matrix.
func (s *Set) MultiplyBF16Transposed(c []float32, ldc int, a []int32, lda int, b *Quantized, m, k0, k1 int, acc bool, temp []float32) {
	s.multiplyBF16(bf16Product{c: c, ldc: ldc, a: a, lda: lda, b: b, m: m, acc: acc, temp: temp, transposed: true}, k0, k1, b.k, b.n)
}

// bf16Product is a product with cols columns from at on, at most a panel's width.
type bf16Product struct {
	c          []float32
	ldc        int
	a          []int32
	lda        int
	b          *Quantized
	m          int
	at, cols   int
	acc        bool
	transposed bool
	temp       []float32
}

// multiplyBF16 computes columns from to to of all, each a sum of terms products.
func (s *Set) multiplyBF16(p bf16Product, from, to, all, terms int) {
	words := PairWords(terms)
	if p.b.form != BF16 || p.b.panel != s.Panel {
		panic(fmt.Sprintf("kernel: a product with a matrix in form %d, panels of %d instead of %d", p.b.form, p.b.panel, s.Panel))
	}
	if p.m < 0 || from < 0 || to < from || to > all || from%s.Panel != 0 || to%s.Panel != 0 && to < all {
		panic(fmt.Sprintf("kernel: a product of %d rows with columns %d to %d of %d, in panels of %d", p.m, from, to, all, s.Panel))
	}
	if p.m == 0 || from == to {
		return
	}
	if p.ldc < to-from || p.lda < words {
		panic(fmt.Sprintf("kernel: a product with %d columns and %d words of each row, rows of C %d apart, of A %d apart", to-from, words, p.ldc, p.lda))
	}
	c := p.c[:(p.m-1)*p.ldc+to-from]
	if terms == 0 {
		for i := 0; i < p.m && !p.acc; i++ {
			clear(c[i*p.ldc:][:to-from])
		}
		return
	}
	p.a, p.temp = p.a[:(p.m-1)*p.lda+words], p.temp[:s.BF16Temp()]
	multiply := s.bf16
	if multiply == nil {
		multiply = bf16Generic
	}
	for ; from < to; from += s.Panel {
		p.c, p.at, p.cols = c, from, min(s.Panel, to-from)
		multiply(p)
		c = c[min(len(c), s.Panel):]
	}
}

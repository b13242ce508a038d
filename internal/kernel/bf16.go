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
// the last product has a zero beside it. Tiles (the tier amx) sum in another order: bf16Tiled says which. So an element has the same bits whatever stands
// beside it and however a caller splits rows and columns.

// MultipliesBF16 says whether this tier has instructions for MultiplyBF16 and MultiplyBF16Transposed: elsewhere they are plain Go, and
// dequantizing is faster.
func (s *Set) MultipliesBF16() bool { return s.bf16 != nil }

// RowsOnTiles is how many rows of a product of bfloat16 or of 8-bit codes are a block of AMX's tiles, 0 where this tier has none.
func (s *Set) RowsOnTiles() int {
	if s.peakTiles == nil {
		return 0
	}
	return tileRows
}

// PairWords is the length of a row of k elements that PairRow makes: a multiple of what one step of this tier's products takes.
func (s *Set) PairWords(k int) int {
	step := max(1, s.pairStep)
	return (k + 2*step - 1) / (2 * step) * step
}

// PairRow rounds a row x to bfloat16 and writes dst[:PairWords(len(x))], two elements a word, the first in the low half, and zeros behind
// the last one.
func (s *Set) PairRow(dst []int32, x []float32) {
	if len(x) == 0 {
		return
	}
	dst = dst[:s.PairWords(len(x))]
	clear(dst[len(x)/2:])
	s.f32ToBF16(unsafe.Slice((*uint16)(unsafe.Pointer(&dst[0])), len(x)), x)
}

// BF16Temp is the elements that products of bfloat16 need: pairs of a block of a panel, and a tile.
func (s *Set) BF16Temp() int { return (BlockK/2 + max(s.Tile, tileRows)) * s.Panel }

// MultiplyBF16 computes C [m,n1-n0], rows ldc apart, or adds to it if acc: the product of m rows of PairRow, lda words apart, with columns n0 to n1
// of the BF16 matrix B [k,n]. n0 is a multiple of Panel; so is n1 except at the end of the matrix. temp has room for BF16Temp elements.
func (s *Set) MultiplyBF16(c []float32, ldc int, a []int32, lda int, b *Quantized, m, n0, n1 int, acc bool, temp []float32) {
	s.multiplyBF16(bf16Product{c: c, ldc: ldc, a: a, lda: lda, b: b, m: m, acc: acc, temp: temp}, n0, n1)
}

// MultiplyBF16Transposed computes C [m,k1-k0], or adds to it if acc, likewise: the product of m rows of PairRow, of n elements, with rows k0 to k1
// of the BF16 matrix B [k,n], that is with columns of w [n,k]; n is summed over in the place of k. k0 is a multiple of Panel; so is k1 except at the end of the matrix.
func (s *Set) MultiplyBF16Transposed(c []float32, ldc int, a []int32, lda int, b *Quantized, m, k0, k1 int, acc bool, temp []float32) {
	s.multiplyBF16(bf16Product{c: c, ldc: ldc, a: a, lda: lda, b: b, m: m, acc: acc, temp: temp, transposed: true}, k0, k1)
}

// bf16Product is a product with cols columns from at on, at most a panel's width, over terms of which n from from on are a block.
type bf16Product struct {
	c          []float32
	ldc        int
	a          []int32
	lda        int
	b          *Quantized
	pairs      []int32 // of the block, made before
	m          int
	at, cols   int
	terms      int
	from, n    int
	acc        bool
	bias       []float32 // of the columns, what the sums begin with; only with pairs on tiles
	transposed bool
	temp       []float32
}

// checkBF16 finds out what is summed over.
func (s *Set) checkBF16(p *bf16Product, from, to int) {
	all := p.b.n
	p.terms = p.b.k
	if p.transposed {
		all, p.terms = p.terms, all
	}
	if p.b.form != BF16 || p.b.panel != s.Panel {
		panic(fmt.Sprintf("kernel: a product with a matrix in form %d, panels of %d instead of %d", p.b.form, p.b.panel, s.Panel))
	}
	if p.m < 0 || from < 0 || to < from || to > all || from%s.Panel != 0 || to%s.Panel != 0 && to < all {
		panic(fmt.Sprintf("kernel: a product of %d rows with columns %d to %d of %d, in panels of %d", p.m, from, to, all, s.Panel))
	}
}

// multiplyBF16 computes columns from to to.
func (s *Set) multiplyBF16(p bf16Product, from, to int) {
	s.checkBF16(&p, from, to)
	c := s.checkRows(&p, to-from)
	if c == nil {
		return
	}
	for n := from; n < to; n += s.Panel {
		for k := 0; k < p.terms; k += BlockK {
			p.at = n
			s.bf16Block(p, c[n-from:], min(s.Panel, to-n), k)
		}
	}
}

// checkRows checks C, the rows and temp of a product of so many columns, and gives C, or nil where nothing is left to do.
func (s *Set) checkRows(p *bf16Product, columns int) []float32 {
	words := s.PairWords(p.terms)
	if p.m == 0 || columns == 0 {
		return nil
	}
	if p.ldc < columns || p.lda < words {
		panic(fmt.Sprintf("kernel: a product with %d columns and %d words of each row, rows of C %d apart, of A %d apart", columns, words, p.ldc, p.lda))
	}
	c := p.c[:(p.m-1)*p.ldc+columns]
	if p.terms == 0 {
		for i := 0; i < p.m && !p.acc; i++ {
			clear(c[i*p.ldc:][:columns])
		}
		return nil
	}
	p.a, p.temp = p.a[:(p.m-1)*p.lda+words], p.temp[:s.BF16Temp()]
	return c
}

// bf16Block computes a block of terms from k on of cols columns of a panel, which c begins with.
func (s *Set) bf16Block(p bf16Product, c []float32, cols, k int) {
	p.c, p.cols = c, cols
	p.from, p.n = k, min(BlockK, p.terms-k)
	p.acc = p.acc || k > 0
	if s.bf16 == nil {
		bf16Generic(p)
		return
	}
	s.bf16(p)
}

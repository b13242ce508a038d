package kernel

import (
	"fmt"
	"unsafe"
)

// Pairs are the right side [terms, columns] of a product of bfloat16 as tiles and VDPBF16PS take it: a panel of columns is rows of words, each of two terms, the first one in
// the low half; zeros fill the last ones up to a multiple of Panel terms. Rows so many that they should not all make them share them: MultiplyPairs. These methods
// are for tiers that have MultipliesBF16.

// PairsLen is the words of the pairs of so many columns of a product that sums over terms.
func (s *Set) PairsLen(columns, terms int) int {
	return s.PackedLen(columns, 1) * s.PackedLen(terms, 1) / 2
}

// PairTemp is the elements that the makers of pairs need.
func (s *Set) PairTemp() int { return (BlockK + 4) * s.Panel }

// PairRows makes pairs of w, row-major [n,k] with rows ldw apart, rounded: of a product with its transpose, which sums over k.
// It writes dst[:PairsLen(n,k)]. temp has room for PairTemp elements.
func (s *Set) PairRows(dst []int32, w []float32, ldw, n, k int, temp []float32) {
	checkMatrix("w", w, ldw, n, k)
	s.eachPairs(dst, 0, n, 0, k, func(dst []int32, j, cols, from, terms int) {
		s.pairs.fromRows(dst, w[j*ldw+from:], ldw, cols, terms, temp)
	})
}

// PairCols is PairRows of w, row-major [k,n], itself.
func (s *Set) PairCols(dst []int32, w []float32, ldw, k, n int, temp []float32) {
	checkMatrix("w", w, ldw, k, n)
	s.eachPairs(dst, 0, n, 0, k, func(dst []int32, j, cols, from, terms int) {
		s.pairs.fromColumns(dst, w[from*ldw+j:], ldw, cols, terms, temp)
	})
}

// PairPanels makes pairs of terms from to to of columns n0 to n1 of the matrix B in BF16, NF4 or Int4, or, transposed, of its rows. from is a multiple of BlockK,
// n0 of Panel; so is n1 except at the end. temp has room for PairTemp elements.
func (s *Set) PairPanels(dst []int32, b *Quantized, n0, n1, from, to int, transposed bool, temp []float32) {
	columns, terms := b.n, b.k
	if transposed {
		columns, terms = terms, columns
	}
	if b.form == Int8 || b.panel != s.Panel || n0 < 0 || n1 < n0 || n1 > columns || n0%s.Panel != 0 || n1%s.Panel != 0 && n1 < columns || from < 0 || to < from || to > terms || from%BlockK != 0 {
		panic(fmt.Sprintf("kernel: pairs of columns %d to %d of %d, terms %d to %d of %d, of a matrix in form %d, panels of %d", n0, n1, columns, from, to, terms, b.form, b.panel))
	}
	s.eachPairs(dst, n0, n1, from, to, func(dst []int32, j, cols, from, terms int) {
		switch {
		case b.form == BF16:
			s.pairs.block(dst, bf16Product{b: b, transposed: transposed, at: j, cols: cols, from: from, n: terms})
		case transposed:
			s.turnedPairs(dst, b, j, cols, from, terms, temp)
		default:
			rows := temp[:terms*s.Panel]
			s.Dequantize(rows, b, j/s.Panel, from, from+terms, temp[len(rows):])
			s.pairs.fromColumns(dst, rows, s.Panel, s.Panel, terms, temp[len(rows):])
		}
	})
}

// turnedPairs makes a block's pairs of columns j on, which are rows of b.
func (s *Set) turnedPairs(dst []int32, b *Quantized, j, cols, from, terms int, temp []float32) {
	n := cols * s.Panel
	for p := 0; p < terms; p += s.Panel {
		s.Dequantize(temp, b, (from+p)/s.Panel, j, j+cols, temp[n:])
		halves := unsafe.Slice((*uint16)(unsafe.Pointer(&temp[n])), n)
		s.f32ToBF16(halves, temp[:n])
		s.pairs.turn(dst[p/2*s.Panel:], halves, s.Panel, cols, s.Panel)
	}
}

// eachPairs calls f with the part of dst that a panel's columns from j on and a block of terms have.
func (s *Set) eachPairs(dst []int32, n0, n1, from, to int, f func(dst []int32, j, cols, from, terms int)) {
	dst = dst[:s.PairsLen(n1-n0, to-from)]
	for j := n0; j < n1; j += s.Panel {
		for k := from; k < to; k += BlockK {
			terms := min(BlockK, to-k)
			n := s.PairsLen(s.Panel, terms)
			f(dst[:n], j, min(s.Panel, n1-j), k, terms)
			dst = dst[n:]
		}
	}
}

// PairTransposedA makes rows like PairRow's, ldd words apart, of the n columns of a, row-major [m,n] with rows lda apart: the left side of a product that sums over m.
// It writes PairWords(m) words of each. temp has room for PairTemp elements.
func (s *Set) PairTransposedA(dst []int32, ldd int, a []float32, lda, m, n int, temp []float32) {
	checkMatrix("a", a, lda, m, n)
	for k := 0; k < m; k += BlockK {
		terms := min(BlockK, m-k)
		words := s.PairWords(terms)
		pairs := Words(temp[:s.PairsLen(s.Panel, terms)])
		for j := 0; j < n; j += s.Panel {
			cols := min(s.Panel, n-j)
			s.pairs.fromColumns(pairs, a[k*lda+j:], lda, cols, terms, temp[len(pairs):])
			s.transpose(floatsOf(dst[j*ldd+k/2:][:(cols-1)*ldd+words]), ldd, floatsOf(pairs), s.Panel, words, cols)
		}
	}
}

// MultiplyPairs computes C [m,n], rows ldc apart, or adds to it if acc, or else to the bias [n] if there is one: the product of m rows of PairRow, lda words apart, of so many terms, and n columns' pairs. It gives the
// bits of MultiplyBF16, also where terms come in several calls, each but the last of a multiple of BlockK of them. temp has room for BF16Temp elements.
func (s *Set) MultiplyPairs(c []float32, ldc int, a []int32, lda int, pairs []int32, bias []float32, m, n, terms int, acc bool, temp []float32) {
	p := bf16Product{ldc: ldc, c: c, a: a, lda: lda, m: m, terms: terms, acc: acc, temp: temp}
	c = s.checkRows(&p, n)
	if c == nil {
		return
	}
	if bias = bias[:min(n, len(bias))]; acc {
		bias = nil
	} else if s.RowsOnTiles() == 0 && len(bias) > 0 {
		for i := range m {
			copy(c[i*ldc:][:n], bias)
		}
		bias, p.acc = nil, true
	}
	all := pairs[:s.PairsLen(n, terms)]
	for k := 0; k < terms; k += BlockK { // rows of a block stay in the second cache, whatever the number of panels
		for j := 0; j < n; j += s.Panel {
			p.pairs, p.bias = all[s.PairsLen(j, terms)+s.PairsLen(s.Panel, k):], nil
			if k == 0 && len(bias) > 0 {
				p.bias = bias[j:min(n, j+s.Panel)]
			}
			s.bf16Block(p, c[j:], min(s.Panel, n-j), k)
		}
	}
}

// pairs makes pairs of a block of a panel.
type pairs struct {
	panel     int
	halves    func(dst []int32, src []uint16)                   // of every two rows of a panel
	floats    func(dst *int32, src *float32, stride, steps int) // likewise, steps of two of them, stride apart
	round     func(dst []uint16, src []float32)                 // to bfloat16
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
}

// own makes the pairs of p's block in temp, which has room for those of BlockK terms.
func (t *pairs) own(p bf16Product) []int32 {
	dst := Words(p.temp[:(p.n+t.panel-1)/t.panel*t.panel/2*t.panel])
	t.block(dst, p)
	return dst
}

// block writes the pairs of p's block of a BF16 matrix, and zeros to the end of dst, PairsLen of a panel's columns and the block's terms.
func (t *pairs) block(dst []int32, p bf16Product) {
	if p.transposed {
		for j := 0; j < p.n; j += t.panel {
			t.turn(dst[j/2*t.panel:], p.b.halves[(p.from+j)*p.b.k+p.at*t.panel:], t.panel, p.cols, t.panel)
		}
		return
	}
	rows := p.b.halves[p.at*p.b.k+p.from*t.panel:][:p.n*t.panel]
	t.halves(dst, rows)
	written := p.n / 2 * t.panel
	if p.n%2 > 0 { // the last row has zeros beside it
		for j, v := range rows[2*written:] {
			dst[written+j] = int32(v)
		}
		written += t.panel
	}
	clear(dst[written:])
}

// turn writes the pairs of terms, an even number, of rows of halves, lds apart: two terms lie side by side as a word, and words are transposed.
func (t *pairs) turn(dst []int32, halves []uint16, lds, cols, terms int) {
	halves = halves[:(cols-1)*lds+terms]
	src := unsafe.Slice((*float32)(unsafe.Pointer(&halves[0])), len(halves)/2)
	t.transpose(floatsOf(dst[:terms/2*t.panel]), t.panel, src, lds/2, cols, terms/2)
}

// fromRows writes the pairs of the rows of w [cols, terms].
func (t *pairs) fromRows(dst []int32, w []float32, ldw, cols, terms int, temp []float32) {
	width := len(dst) / t.panel * 2
	halves := unsafe.Slice((*uint16)(unsafe.Pointer(&temp[:(cols*width+1)/2][0])), cols*width)
	for j := range cols {
		row := halves[j*width:][:width]
		t.round(row[:terms], w[j*ldw:][:terms])
		clear(row[terms:])
	}
	t.turn(dst, halves, width, cols, width)
}

// fromColumns writes the pairs of the columns of w [terms, cols], and zeros behind them.
func (t *pairs) fromColumns(dst []int32, w []float32, ldw, cols, terms int, temp []float32) {
	k := 0
	if steps := terms / 2; cols == t.panel && steps > 0 {
		t.floats(&dst[0], &w[0], ldw, steps)
		k = 2 * steps
	}
	two := temp[:2*t.panel]
	for ; k < terms; k += 2 {
		clear(two)
		for i := k; i < min(k+2, terms); i++ {
			copy(two[(i-k)*t.panel:], w[i*ldw:][:cols])
		}
		t.floats(&dst[k/2*t.panel], &two[0], t.panel, 1)
	}
	clear(dst[(terms+1)/2*t.panel:])
}

// floatsOf are words' memory as floats, for what only moves them.
func floatsOf(words []int32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(words))), len(words))
}

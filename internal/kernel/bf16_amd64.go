//go:build amd64 && !noasm

package kernel

import "unsafe"

// A pairsKernel computes a tile of C over steps of two of k from pairs, a storedKernel from two stored rows a step. All columns of the panel exist in C;
// acc is 1 to add to it.
type (
	pairsKernel  func(c *float32, ldc int, a *int32, lda int, b *int32, steps, acc int)
	storedKernel func(c *float32, ldc int, a *int32, lda int, b *uint16, steps, acc int)
)

// pairTiles is a tier's tiles of a panel of bfloat16 by their number of rows.
type pairTiles struct {
	pairs
	tiles  []pairsKernel
	direct []storedKernel
}

// multiply computes p: few rows take stored rows as they lie, more of them share pairs that are made once.
func (t *pairTiles) multiply(p bf16Product) {
	room := BlockK / 2 * t.panel
	out, a := output{p.c, p.ldc, p.cols, t.panel, p.temp[room:]}, p.a[p.from/2:]
	if p.pairs == nil && !p.transposed && p.m <= directRows && p.n%2 == 0 {
		b := &p.b.halves[p.at*p.b.k+p.from*t.panel]
		eachTile(p.m, len(t.direct)-1, func(i, rows int) {
			out.tile(i, rows, p.acc, func(c *float32, ldc int) { t.direct[rows](c, ldc, &a[i*p.lda], p.lda, b, p.n/2, flag(p.acc)) })
		})
		return
	}
	if p.pairs == nil {
		p.pairs = t.own(p)
	}
	eachTile(p.m, len(t.tiles)-1, func(i, rows int) {
		out.tile(i, rows, p.acc, func(c *float32, ldc int) {
			t.tiles[rows](c, ldc, &a[i*p.lda], p.lda, &p.pairs[0], (p.n+1)/2, flag(p.acc))
		})
	})
}

// pairs makes pairs of a panel.
type pairs struct {
	panel int
	pair  func(dst []int32, src []uint16)
}

// own makes the pairs of p's block in temp, which has room for those of BlockK terms.
func (t *pairs) own(p bf16Product) []int32 {
	dst := Words(p.temp[:(p.n+t.panel-1)/t.panel*t.panel/2*t.panel])
	t.block(dst, p)
	return dst
}

// block writes the pairs of p's block, and zeros to the end of dst, PairsLen of a panel's columns and the block's terms.
func (t *pairs) block(dst []int32, p bf16Product) {
	if p.transposed {
		t.turn(dst, p.b, p.at, p.cols, p.from, p.n)
		return
	}
	rows := p.b.halves[p.at*p.b.k+p.from*t.panel:][:p.n*t.panel]
	t.pair(dst, rows)
	written := p.n / 2 * t.panel
	if p.n%2 > 0 { // the last row has zeros beside it
		for j, v := range rows[2*written:] {
			dst[written+j] = int32(v)
		}
		written += t.panel
	}
	clear(dst[written:])
}

// turn writes the pairs of columns from on of b, n of them, for cols of its rows from at on: two columns lie side by side as a word, and words are transposed.
func (t *pairs) turn(dst []int32, b *Quantized, at, cols, from, n int) {
	to := unsafe.Slice((*float32)(unsafe.Pointer(&dst[0])), len(dst))
	for j := 0; j < n; j += t.panel {
		src := b.halves[(from+j)*b.k+at*t.panel:][:cols*t.panel]
		transposeBlocks(to[j/2*t.panel:], t.panel, unsafe.Slice((*float32)(unsafe.Pointer(&src[0])), len(src)/2), t.panel/2, cols, t.panel/2)
	}
}

// avx512bf16 is avx512vnni with products of bfloat16.
var avx512bf16 = func() *Set {
	s := *avx512vnni
	s.Name = "avx512bf16"
	s.bf16, s.pairBlock = bf16Tiles.multiply, bf16Tiles.block
	s.peakBF16 = peakLoop[float32]{lanes: 16, chains: peakChains, products: 2, add: peakBF16AVX512BF16}
	return &s
}()

var bf16Tiles = &pairTiles{
	pairs: pairs{panel: 32, pair: pairHalvesAVX512BF16},
	tiles: []pairsKernel{
		nil, bf16x1AVX512BF16, bf16x2AVX512BF16, bf16x3AVX512BF16, bf16x4AVX512BF16, bf16x5AVX512BF16, bf16x6AVX512BF16, bf16x7AVX512BF16,
		bf16x8AVX512BF16, bf16x9AVX512BF16, bf16x10AVX512BF16, bf16x11AVX512BF16, bf16x12AVX512BF16, bf16x13AVX512BF16, bf16x14AVX512BF16,
	},
	direct: []storedKernel{
		nil, bf16direct1AVX512BF16, bf16direct2AVX512BF16, bf16direct3AVX512BF16, bf16direct4AVX512BF16, bf16direct5AVX512BF16, bf16direct6AVX512BF16, bf16direct7AVX512BF16, bf16direct8AVX512BF16,
	},
}

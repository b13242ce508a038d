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
	panel  int
	tiles  []pairsKernel
	direct []storedKernel
	pair   func(dst []int32, src []uint16)
}

// multiply computes p: few rows take stored rows as they lie, more of them share pairs that are made once.
func (t *pairTiles) multiply(p bf16Product) {
	room := BlockK / 2 * t.panel
	pairs, out := Words(p.temp[:room]), output{p.c, p.ldc, p.cols, t.panel, p.temp[room:]}
	terms := p.b.k
	if p.transposed {
		terms = p.b.n
	}
	for from := 0; from < terms; from += BlockK {
		n, acc := min(BlockK, terms-from), p.acc || from > 0
		a := p.a[from/2:]
		if !p.transposed && p.m <= directRows && n%2 == 0 {
			b := &p.b.halves[p.at*p.b.k+from*t.panel]
			eachTile(p.m, len(t.direct)-1, func(i, rows int) {
				out.tile(i, rows, acc, func(c *float32, ldc int) { t.direct[rows](c, ldc, &a[i*p.lda], p.lda, b, n/2, flag(acc)) })
			})
			continue
		}
		if p.transposed {
			t.turn(pairs, p.b, p.at, p.cols, from, n)
		} else {
			t.pairsOf(pairs, p.b.halves[p.at*p.b.k+from*t.panel:][:n*t.panel])
		}
		eachTile(p.m, len(t.tiles)-1, func(i, rows int) {
			out.tile(i, rows, acc, func(c *float32, ldc int) {
				t.tiles[rows](c, ldc, &a[i*p.lda], p.lda, &pairs[0], PairWords(n), flag(acc))
			})
		})
	}
}

// pairsOf writes the pairs of a panel's stored rows; an odd last row has zeros beside it.
func (t *pairTiles) pairsOf(dst []int32, rows []uint16) {
	t.pair(dst, rows)
	if whole := len(rows) / (2 * t.panel) * 2 * t.panel; whole < len(rows) {
		for j, v := range rows[whole:] {
			dst[whole/2+j] = int32(v)
		}
	}
}

// turn writes the pairs of columns from on of b, n of them, for cols of its rows from at on: two columns lie side by side as a word, and words are transposed.
func (t *pairTiles) turn(dst []int32, b *Quantized, at, cols, from, n int) {
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
	s.bf16 = bf16Tiles.multiply
	s.peakBF16 = peakLoop[float32]{lanes: 16, chains: peakChains, products: 2, add: peakBF16AVX512BF16}
	return &s
}()

var bf16Tiles = &pairTiles{
	panel: 32,
	tiles: []pairsKernel{
		nil, bf16x1AVX512BF16, bf16x2AVX512BF16, bf16x3AVX512BF16, bf16x4AVX512BF16, bf16x5AVX512BF16, bf16x6AVX512BF16, bf16x7AVX512BF16,
		bf16x8AVX512BF16, bf16x9AVX512BF16, bf16x10AVX512BF16, bf16x11AVX512BF16, bf16x12AVX512BF16, bf16x13AVX512BF16, bf16x14AVX512BF16,
	},
	direct: []storedKernel{
		nil, bf16direct1AVX512BF16, bf16direct2AVX512BF16, bf16direct3AVX512BF16, bf16direct4AVX512BF16, bf16direct5AVX512BF16, bf16direct6AVX512BF16, bf16direct7AVX512BF16, bf16direct8AVX512BF16,
	},
	pair: pairHalvesAVX512BF16,
}

//go:build amd64 && !noasm

package kernel

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

// avx512bf16 is avx512vnni with products of bfloat16.
var avx512bf16 = func() *Set {
	s := *avx512vnni
	s.Name = "avx512bf16"
	s.bf16, s.pairs = bf16Tiles.multiply, &bf16Tiles.pairs
	s.peakBF16 = peakLoop[float32]{lanes: 16, chains: peakChains, products: 2, add: peakBF16AVX512BF16}
	return &s
}()

var pairsAVX512BF16 = pairs{panel: 32, halves: pairHalvesAVX512BF16, floats: pairFloatsAVX512BF16, transpose: transposeBlocks, round: avx512.f32ToBF16}

var bf16Tiles = &pairTiles{
	pairs: pairsAVX512BF16,
	tiles: []pairsKernel{
		nil, bf16x1AVX512BF16, bf16x2AVX512BF16, bf16x3AVX512BF16, bf16x4AVX512BF16, bf16x5AVX512BF16, bf16x6AVX512BF16, bf16x7AVX512BF16,
		bf16x8AVX512BF16, bf16x9AVX512BF16, bf16x10AVX512BF16, bf16x11AVX512BF16, bf16x12AVX512BF16, bf16x13AVX512BF16, bf16x14AVX512BF16,
	},
	direct: []storedKernel{
		nil, bf16direct1AVX512BF16, bf16direct2AVX512BF16, bf16direct3AVX512BF16, bf16direct4AVX512BF16, bf16direct5AVX512BF16, bf16direct6AVX512BF16, bf16direct7AVX512BF16, bf16direct8AVX512BF16,
	},
}

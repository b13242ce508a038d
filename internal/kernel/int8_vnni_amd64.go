//go:build amd64 && !noasm

package kernel

// A bytesKernel computes a tile of C from rows of quantizeBytes and codes as they lie, the sums of each row beginning with begin.
type bytesKernel func(c *float32, ldc int, a *int32, lda int, b *uint8, steps int, begin *int32, rowScale, scale, bias *float32)

// byteTiles are tiles of any number of rows for codes as they lie, beside those of pairs, which the gradient takes.
type byteTiles struct {
	int8Tiles
	bytes []bytesKernel
}

// multiply is int8Generic. Each code of a row is 128 too high, and the sums begin with -128 times those of the columns: Σ (x+128)·w - 128·Σ w.
// On the way to Σ x·w, which MaxInt8 keeps below 2³¹, they may pass 32 bits and wrap around, but what they are modulo 2³² stays exact.
func (t *byteTiles) multiply(p int8Product) {
	_, beside, wholeBias := t.temps(p.temp)
	out, bias := output{p.c, p.ldc, p.cols, t.panel, beside}, p.wholeBias(wholeBias)
	eachTile(p.m, len(t.bytes)-1, func(i, rows int) {
		out.tile(i, rows, false, func(c *float32, ldc int) {
			t.bytes[rows](c, ldc, &p.a[i*p.lda], p.lda, &p.codes[0], len(p.codes)/(4*t.panel), &p.begin[0], &p.rowScale[i], &p.scale[0], bias)
		})
	})
}

// quantizeBytesGeneric writes numbers from -127 to 127 as bytes that are 128 higher, four a word.
func quantizeBytesGeneric(dst []int32, x []float32, down float32) {
	for i := range (len(x) + 3) / 4 {
		var word uint32
		for j := range 4 {
			word |= uint32(uint8(wholeNumberAt(x, 4*i+j, down)+128)) << (8 * j)
		}
		dst[i] = int32(word)
	}
}

// avx512vnni is avx512 with VNNI: products of codes have the same bits, sooner.
var avx512vnni = func() *Set {
	s := *avx512
	s.Name = "avx512vnni"
	s.quantizeBytes = func(dst []int32, x []float32, down float32) {
		quantizeBytesAVX512VNNI(dst, x, down)
		quantizeBytesGeneric(dst[len(x)/16*4:], rest(x, 16), down)
	}
	s.beginInt8 = beginInt8AVX512VNNI
	s.int8, s.int8Gradient = vnniInt8.multiply, vnniInt8.gradient
	s.peakInt8 = peakLoop[int32]{lanes: 16, chains: peakChains, products: 4, add: peakInt8AVX512VNNI}
	return &s
}()

var vnniInt8 = &byteTiles{
	int8Tiles: int8Tiles{
		panel: 32,
		tiles: []int8Kernel{
			nil, int8x1AVX512VNNI, int8x2AVX512VNNI, int8x3AVX512VNNI, int8x4AVX512VNNI, int8x5AVX512VNNI, int8x6AVX512VNNI, int8x7AVX512VNNI,
			int8x8AVX512VNNI, int8x9AVX512VNNI, int8x10AVX512VNNI, int8x11AVX512VNNI, int8x12AVX512VNNI, int8x13AVX512VNNI, int8x14AVX512VNNI,
		},
		turn: turnInt8AVX512,
	},
	bytes: []bytesKernel{
		nil, int8bytes1AVX512VNNI, int8bytes2AVX512VNNI, int8bytes3AVX512VNNI, int8bytes4AVX512VNNI, int8bytes5AVX512VNNI, int8bytes6AVX512VNNI, int8bytes7AVX512VNNI,
		int8bytes8AVX512VNNI, int8bytes9AVX512VNNI, int8bytes10AVX512VNNI, int8bytes11AVX512VNNI, int8bytes12AVX512VNNI, int8bytes13AVX512VNNI, int8bytes14AVX512VNNI,
	},
}

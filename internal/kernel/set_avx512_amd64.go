//go:build amd64 && !noasm

package kernel

// avx512 is the tier of AVX-512 with F, BW, DQ and VL.
var avx512 = &Set{Name: "avx512", Panel: 32, Tile: 14, functions: functions{
	gemm:      avx512Tiles.gemm,
	outer:     avx512Tiles.outer,
	transpose: transposeBlocks,
	copyRows:  copyBlocks,

	add: addAVX512, mul: mulAVX512, axpy: axpyAVX512, scale: scaleAVX512,
	dot: dotAVX512, sum: sumAVX512, sumSquares: sumSquaresAVX512, max: maxAVX512,

	exp: expAVX512, gelu: geluAVX512, geluTanh: geluTanhAVX512, silu: siluAVX512, relu: reluAVX512,
	tanh: tanhAVX512, sigmoid: sigmoidAVX512,
	geluBackward: geluBackwardAVX512, geluTanhBackward: geluTanhBackwardAVX512, siluBackward: siluBackwardAVX512,
	reluBackward: reluBackwardAVX512, tanhBackward: tanhBackwardAVX512, sigmoidBackward: sigmoidBackwardAVX512,
	swiglu: swigluAVX512, swigluBackward: swigluBackwardAVX512,

	expSum: expSumAVX512, expStore: expStoreAVX512, softmaxBackward: softmaxBackwardAVX512,

	sumSquaredDiff: sumSquaredDiffAVX512,
	normalize: func(y, x, gamma, beta []float32, mean, rstd float32) {
		switch {
		case gamma == nil:
			normalizeAVX512(y, x, mean, rstd)
		case beta == nil:
			normalizeScaleAVX512(y, x, gamma, mean, rstd)
		default:
			normalizeAffineAVX512(y, x, gamma, beta, mean, rstd)
		}
	},
	normSums: func(x, dy, gamma []float32, mean, rstd float32) (sum, sumX float32) {
		if gamma == nil {
			return normSumsAVX512(x, dy, mean, rstd)
		}
		return normSumsScaleAVX512(x, dy, gamma, mean, rstd)
	},
	normGradX: func(dx, x, dy, gamma []float32, mean, rstd, c1, c2 float32) {
		if gamma == nil {
			normGradXAVX512(dx, x, dy, mean, rstd, c1, c2)
			return
		}
		normGradXScaleAVX512(dx, x, dy, gamma, mean, rstd, c1, c2)
	},
	normGradGamma: normGradGammaAVX512,

	rotate: rotateAVX512,
	adamw: func(p, g, m, v []float32, s *AdamW) {
		adamwAVX512(p, g, m, v, s.Keep, s.OneMinus1, s.Beta2, s.OneMinus2, s.StepSize, s.Root2, s.Eps)
	},
	dequantizeSigned: wholeThenRest(dequantizeSignedAVX512, signed.dequantize, 16), dequantizeUnsigned: wholeThenRest(dequantizeUnsignedAVX512, unsigned.dequantize, 16),
	quantizeSigned: wholeThenRest(quantizeSignedAVX512, signed.quantize, 16), quantizeUnsigned: wholeThenRest(quantizeUnsignedAVX512, unsigned.quantize, 16),

	f16ToF32: func(dst []float32, src []uint16) {
		f16ToF32AVX512(dst, src)
		f16ToF32Generic(rest(dst, 16), rest(src, 16))
	},
	bf16ToF32: func(dst []float32, src []uint16) {
		bf16ToF32AVX512(dst, src)
		bf16ToF32Generic(rest(dst, 16), rest(src, 16))
	},
	f32ToF16: func(dst []uint16, src []float32) {
		f32ToF16AVX512(dst, src)
		f32ToF16Generic(rest(dst, 16), rest(src, 16))
	},
	f32ToBF16: func(dst []uint16, src []float32) {
		f32ToBF16AVX512(dst, src)
		f32ToBF16Generic(rest(dst, 16), rest(src, 16))
	},

	dequantizeBytes: byteRows(dequantizeBytesAVX512), dequantizeTable: tableRows(dequantizeTableAVX512), dequantizeNibbles: nibbleRows(dequantizeNibblesAVX512),

	absMax: absMaxAVX512,
	quantizeRow: func(dst []int32, x []float32, down float32) {
		quantizeRowAVX512(dst, x, down)
		quantizeRowGeneric(dst[len(x)/16*8:], rest(x, 16), down)
	},
	int8: avx512Int8.multiply, int8Gradient: avx512Int8.gradient,
	splitRow: splitWith(splitRowAVX512), addOutlier: outlierKernel(addOutlierAVX512).add,

	stream: avx512Streams.stream,

	dropout: func(dst, x []float32, d dropping, block uint64) {
		if uint64(uint32(block))+uint64(len(dst)/4) >= 1<<32 { // the kernel counts blocks in 32 bits
			dropoutGeneric(dst, x, d, block)
			return
		}
		counter, key := d.counter(block), d.roundKeys()
		dropoutAVX512(dst, x, &counter, &key, d.limit, d.scale)
	},
	peak: peakFMAAVX512, peakOperations: 2 * peakChains * 16, peakRead: peakReadAVX512,
	peakInt8: peakLoop[int32]{lanes: 16, chains: peakChains, products: 2, add: peakInt8AVX512},
}}

var avx512Tiles = &gemmTiles{
	panel:  32,
	blockM: 168,
	one: []gemmKernel{
		nil, gemm1x1AVX512, gemm2x1AVX512, gemm3x1AVX512, gemm4x1AVX512, gemm5x1AVX512, gemm6x1AVX512,
		gemm7x1AVX512, gemm8x1AVX512, gemm9x1AVX512, gemm10x1AVX512,
		gemm11x1AVX512, gemm12x1AVX512, gemm13x1AVX512, gemm14x1AVX512,
	},
	span:   []int{0, 4, 4, 4, 3},
	wide:   []gemmKernel{nil, gemm1x4AVX512, gemm2x4AVX512, gemm3x4AVX512, gemm4x3AVX512},
	outers: []outerKernel{nil, outer1AVX512, outer2AVX512, outer3AVX512, outer4AVX512, outer5AVX512},
}

var avx512Int8 = &int8Tiles{
	panel: 32,
	tiles: []int8Kernel{
		nil, int8x1AVX512, int8x2AVX512, int8x3AVX512, int8x4AVX512, int8x5AVX512, int8x6AVX512, int8x7AVX512, int8x8AVX512, int8x9AVX512, int8x10AVX512, int8x11AVX512, int8x12AVX512, int8x13AVX512, int8x14AVX512,
	},
	direct: []directKernel{nil, int8direct1AVX512, int8direct2AVX512, int8direct3AVX512, int8direct4AVX512, int8direct5AVX512, int8direct6AVX512, int8direct7AVX512, int8direct8AVX512},
	first:  int8firstAVX512,
	turn:   turnInt8AVX512,
}

//go:build amd64 && !noasm

package kernel

// avx2 is the tier of AVX2, FMA and F16C.
var avx2 = &Set{Name: "avx2", Panel: 16, Tile: 6, functions: functions{
	gemm:      avx2Tiles.gemm,
	outer:     avx2Tiles.outer,
	transpose: transposeBlocks,
	copyRows:  copyBlocks,

	add: addAVX2, mul: mulAVX2, axpy: axpyAVX2, scale: scaleAVX2,
	dot: dotAVX2, sum: sumAVX2, sumSquares: sumSquaresAVX2, max: maxAVX2,

	exp: expAVX2, gelu: geluAVX2, geluTanh: geluTanhAVX2, silu: siluAVX2, relu: reluAVX2,
	tanh: tanhAVX2, sigmoid: sigmoidAVX2,
	geluBackward: geluBackwardAVX2, geluTanhBackward: geluTanhBackwardAVX2, siluBackward: siluBackwardAVX2,
	reluBackward: reluBackwardAVX2, tanhBackward: tanhBackwardAVX2, sigmoidBackward: sigmoidBackwardAVX2,
	swiglu: swigluAVX2, swigluBackward: swigluBackwardAVX2,

	expSum: expSumAVX2, expStore: expStoreAVX2, softmaxBackward: softmaxBackwardAVX2,

	sumSquaredDiff: sumSquaredDiffAVX2,
	normalize: func(y, x, gamma, beta []float32, mean, rstd float32) {
		switch {
		case gamma == nil:
			normalizeAVX2(y, x, mean, rstd)
		case beta == nil:
			normalizeScaleAVX2(y, x, gamma, mean, rstd)
		default:
			normalizeAffineAVX2(y, x, gamma, beta, mean, rstd)
		}
	},
	normSums: func(x, dy, gamma []float32, mean, rstd float32) (sum, sumX float32) {
		if gamma == nil {
			return normSumsAVX2(x, dy, mean, rstd)
		}
		return normSumsScaleAVX2(x, dy, gamma, mean, rstd)
	},
	normGradX: func(dx, x, dy, gamma []float32, mean, rstd, c1, c2 float32) {
		if gamma == nil {
			normGradXAVX2(dx, x, dy, mean, rstd, c1, c2)
			return
		}
		normGradXScaleAVX2(dx, x, dy, gamma, mean, rstd, c1, c2)
	},
	normGradGamma: normGradGammaAVX2,

	rotate: rotateAVX2,
	adamw: func(p, g, m, v []float32, s *AdamW) {
		adamwAVX2(p, g, m, v, s.Keep, s.OneMinus1, s.Beta2, s.OneMinus2, s.StepSize, s.Root2, s.Eps)
	},
	dequantizeSigned: wholeThenRest(dequantizeSignedAVX2, signed.dequantize, 8), dequantizeUnsigned: wholeThenRest(dequantizeUnsignedAVX2, unsigned.dequantize, 8),
	quantizeSigned: wholeThenRest(quantizeSignedAVX2, signed.quantize, 8), quantizeUnsigned: wholeThenRest(quantizeUnsignedAVX2, unsigned.quantize, 8),

	f16ToF32: func(dst []float32, src []uint16) {
		f16ToF32AVX2(dst, src)
		f16ToF32Generic(rest(dst, 8), rest(src, 8))
	},
	bf16ToF32: func(dst []float32, src []uint16) {
		bf16ToF32AVX2(dst, src)
		bf16ToF32Generic(rest(dst, 8), rest(src, 8))
	},
	f32ToF16: func(dst []uint16, src []float32) {
		f32ToF16AVX2(dst, src)
		f32ToF16Generic(rest(dst, 8), rest(src, 8))
	},
	f32ToBF16: func(dst []uint16, src []float32) {
		f32ToBF16AVX2(dst, src)
		f32ToBF16Generic(rest(dst, 8), rest(src, 8))
	},

	dequantizeBytes: byteRows(dequantizeBytesAVX2), dequantizeTable: tableRows(dequantizeTableAVX2), dequantizeNibbles: nibbleRows(dequantizeNibblesAVX2),

	absMax: absMaxAVX2,
	quantizeRow: func(dst []int32, x []float32, down float32) {
		quantizeRowAVX2(dst, x, down)
		quantizeRowGeneric(dst[len(x)/8*4:], rest(x, 8), down)
	},
	int8: avx2Int8.multiply, int8Gradient: avx2Int8.gradient, int8Wide: wideInt8,
	splitRow: splitWith(splitRowAVX2), addOutlier: outlierKernel(addOutlierAVX2).add,

	stream: avx2Streams.stream,

	dropout: func(dst, x []float32, d dropping, block uint64) {
		if uint64(uint32(block))+uint64(len(dst)/4) >= 1<<32 { // the kernel counts blocks in 32 bits
			dropoutGeneric(dst, x, d, block)
			return
		}
		counter, key := d.counter(block), d.roundKeys()
		dropoutAVX2(dst, x, &counter, &key, d.limit, d.scale)
	},
	peak: peakFMAAVX2, peakOperations: 2 * peakChains * 8, peakRead: peakReadAVX2,
	peakInt8: peakLoop[int32]{lanes: 8, chains: peakChains, products: 2, add: peakInt8AVX2},
}}

var avx2Tiles = &gemmTiles{
	panel:  16,
	blockM: 72,
	one: []gemmKernel{
		nil, gemm1x1AVX2, gemm2x1AVX2, gemm3x1AVX2, gemm4x1AVX2, gemm5x1AVX2, gemm6x1AVX2,
	},
	span:   []int{0, 4, 3, 2},
	wide:   []gemmKernel{nil, gemm1x4AVX2, gemm2x3AVX2, gemm3x2AVX2},
	outers: []outerKernel{nil, outer1AVX2, outer2AVX2, outer3AVX2, outer4AVX2, outer5AVX2},
}

var avx2Int8 = &int8Tiles{
	panel: 16,
	tiles: []int8Kernel{
		nil, int8x1AVX2, int8x2AVX2, int8x3AVX2, int8x4AVX2, int8x5AVX2, int8x6AVX2,
	},
	direct: []directKernel{nil, int8direct1AVX2, int8direct2AVX2, int8direct3AVX2, int8direct4AVX2},
	first:  int8firstAVX2,
	turn:   turnInt8AVX2,
}

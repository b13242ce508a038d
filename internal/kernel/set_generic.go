package kernel

// generic is the plain Go tier: the specification of the others.
var generic = &Set{Name: "generic", Panel: genericPanel, Tile: 1, functions: functions{
	gemm:      gemmGeneric,
	outer:     outerGeneric,
	transpose: transposeGeneric,
	copyRows:  copyRowsGeneric,

	add: addGeneric, mul: mulGeneric, axpy: axpyGeneric, scale: scaleGeneric,
	dot: dotGeneric, sum: sumGeneric, sumSquares: sumSquaresGeneric, max: maxGeneric,

	exp: expGeneric, gelu: geluGeneric, geluTanh: geluTanhGeneric, silu: siluGeneric, relu: reluGeneric,
	tanh: tanhGeneric, sigmoid: sigmoidGeneric,
	geluBackward: geluBackwardGeneric, geluTanhBackward: geluTanhBackwardGeneric, siluBackward: siluBackwardGeneric,
	reluBackward: reluBackwardGeneric, tanhBackward: tanhBackwardGeneric, sigmoidBackward: sigmoidBackwardGeneric,
	swiglu: swigluGeneric, swigluBackward: swigluBackwardGeneric,

	expSum: expSumGeneric, expStore: expStoreGeneric, softmaxBackward: softmaxBackwardGeneric,

	sumSquaredDiff: sumSquaredDiffGeneric, normalize: normalizeGeneric,
	normSums: normSumsGeneric, normGradX: normGradXGeneric, normGradGamma: normGradGammaGeneric,

	rotate: rotateGeneric, adamw: adamwGeneric,
	dequantizeSigned: signed.dequantize, dequantizeUnsigned: unsigned.dequantize,
	quantizeSigned: signed.quantize, quantizeUnsigned: unsigned.quantize,
	f16ToF32: f16ToF32Generic, bf16ToF32: bf16ToF32Generic, f32ToF16: f32ToF16Generic, f32ToBF16: f32ToBF16Generic,
	dequantizeBytes: dequantizeBytesGeneric, dequantizeTable: dequantizeTableGeneric, dequantizeNibbles: dequantizeNibblesGeneric,
	absMax: absMaxGeneric, quantizeRow: quantizeRowGeneric, int8: int8Generic, int8Gradient: int8GradientGeneric,
	splitRow: splitRowGeneric, addOutlier: addOutlierGeneric,
	dropout: dropoutGeneric,
	peak:    peakGeneric, peakOperations: genericPeakOperations, peakRead: peakReadGeneric, peakInt8: genericInt8Loop,
}}

package kernel

import "math"

func expStoreGeneric(dst, x []float32, scale, shift float32) float32 {
	var sum float64
	for i := range dst {
		e := math.Exp(float64(x[i])*float64(scale) - float64(shift))
		dst[i] = float32(e)
		sum += e
	}
	return float32(sum)
}

func expSumGeneric(x []float32, scale, shift float32) float32 {
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v)*float64(scale) - float64(shift))
	}
	return float32(sum)
}

func softmaxBackwardGeneric(ds, p, dp []float32, dot, scale float32) {
	for i := range ds {
		ds[i] = float32(float64(p[i]) * (float64(dp[i]) - float64(dot)) * float64(scale))
	}
}

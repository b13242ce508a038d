package kernel

func sumSquaredDiffGeneric(x []float32, mean float32) float32 {
	var s float64
	for _, v := range x {
		d := float64(v) - float64(mean)
		s += d * d
	}
	return float32(s)
}

// at is element i of x, or 1 where x is nil.
func at(x []float32, i int) float64 {
	if x == nil {
		return 1
	}
	return float64(x[i])
}

// normalizeGeneric writes (x-mean)·rstd, times gamma and plus beta where they are not nil.
func normalizeGeneric(y, x, gamma, beta []float32, mean, rstd float32) {
	for i := range y {
		v := (float64(x[i]) - float64(mean)) * float64(rstd) * at(gamma, i)
		if beta != nil {
			v += float64(beta[i])
		}
		y[i] = float32(v)
	}
}

// normSumsGeneric gives Σ g and Σ g·x̂ for g = dy·gamma and x̂ = (x-mean)·rstd.
func normSumsGeneric(x, dy, gamma []float32, mean, rstd float32) (float32, float32) {
	var sum, sumX float64
	for i := range x {
		g := float64(dy[i]) * at(gamma, i)
		sum += g
		sumX += g * (float64(x[i]) - float64(mean)) * float64(rstd)
	}
	return float32(sum), float32(sumX)
}

// normGradXGeneric writes dx = rstd·(g - c1 - x̂·c2).
func normGradXGeneric(dx, x, dy, gamma []float32, mean, rstd, c1, c2 float32) {
	for i := range dx {
		g := float64(dy[i]) * at(gamma, i)
		xh := (float64(x[i]) - float64(mean)) * float64(rstd)
		dx[i] = float32(float64(rstd) * (g - float64(c1) - xh*float64(c2)))
	}
}

func normGradGammaGeneric(dgamma, x, dy []float32, mean, rstd float32) {
	for i := range dgamma {
		dgamma[i] += float32(float64(dy[i]) * (float64(x[i]) - float64(mean)) * float64(rstd))
	}
}

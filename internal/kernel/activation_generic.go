package kernel

import "math"

// The specification of the activations: float64 throughout, rounded once.

func expGeneric(dst, x []float32) {
	for i := range dst {
		dst[i] = float32(math.Exp(float64(x[i])))
	}
}

// normCDF is Φ(x), accurate in both tails.
func normCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func geluGeneric(y, x []float32) {
	for i := range y {
		v := float64(x[i])
		y[i] = float32(v * normCDF(v))
	}
}

func geluBackwardGeneric(dx, x, dy []float32) {
	for i := range dx {
		v := float64(x[i])
		density := math.Exp(-v*v/2) / math.Sqrt(2*math.Pi)
		dx[i] = float32(float64(dy[i]) * (normCDF(v) + v*density))
	}
}

// The tanh form of GELU is x·σ(2·√(2/π)·(x + geluCubic·x³)).
const (
	geluSlope = 2 * 0.79788456080286535588
	geluCubic = 0.044715
	geluBound = 100
)

func geluTanhGeneric(y, x []float32) {
	for i := range y {
		v := float64(x[i])
		y[i] = float32(v * sigmoid(geluSlope*(v+geluCubic*v*v*v)))
	}
}

// geluTanhBackwardGeneric holds x within ±geluBound, far beyond which the derivative is 0 or 1, so that x² does not overflow.
func geluTanhBackwardGeneric(dx, x, dy []float32) {
	for i := range dx {
		v := max(-geluBound, min(geluBound, float64(x[i])))
		s := sigmoid(geluSlope * (v + geluCubic*v*v*v))
		slope := geluSlope * (1 + 3*geluCubic*v*v)
		dx[i] = float32(float64(dy[i]) * (s + v*s*(1-s)*slope))
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func siluGeneric(y, x []float32) {
	for i := range y {
		v := float64(x[i])
		y[i] = float32(v * sigmoid(v))
	}
}

// siluSlope is the derivative of v·σ(v), where s is σ(v).
func siluSlope(v, s float64) float64 { return s * (1 + v*(1-s)) }

func siluBackwardGeneric(dx, x, dy []float32) {
	for i := range dx {
		v := float64(x[i])
		dx[i] = float32(float64(dy[i]) * siluSlope(v, sigmoid(v)))
	}
}

func reluGeneric(y, x []float32) {
	for i := range y {
		if v := x[i]; v <= 0 {
			y[i] = 0
		} else {
			y[i] = v
		}
	}
}

func reluBackwardGeneric(dx, y, dy []float32) {
	for i := range dx {
		if y[i] <= 0 {
			dx[i] = 0
		} else {
			dx[i] = dy[i]
		}
	}
}

func tanhGeneric(y, x []float32) {
	for i := range y {
		y[i] = float32(math.Tanh(float64(x[i])))
	}
}

func tanhBackwardGeneric(dx, y, dy []float32) {
	for i := range dx {
		v := float64(y[i])
		dx[i] = float32(float64(dy[i]) * (1 - v*v))
	}
}

func sigmoidGeneric(y, x []float32) {
	for i := range y {
		y[i] = float32(sigmoid(float64(x[i])))
	}
}

func sigmoidBackwardGeneric(dx, y, dy []float32) {
	for i := range dx {
		v := float64(y[i])
		dx[i] = float32(float64(dy[i]) * v * (1 - v))
	}
}

func swigluGeneric(y, g, u []float32) {
	for i := range y {
		v := float64(g[i])
		y[i] = float32(v * sigmoid(v) * float64(u[i]))
	}
}

func swigluBackwardGeneric(dg, du, g, u, dy []float32) {
	for i := range dg {
		v, d := float64(g[i]), float64(dy[i])
		s := sigmoid(v)
		dg[i], du[i] = float32(d*float64(u[i])*siluSlope(v, s)), float32(d*v*s)
	}
}

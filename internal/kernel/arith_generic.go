package kernel

import "math"

func addGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func mulGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func axpyGeneric(y, x []float32, a float32) {
	for i := range y {
		y[i] += float32(a * x[i])
	}
}

func scaleGeneric(dst, x []float32, a float32) {
	for i := range dst {
		dst[i] = x[i] * a
	}
}

func dotGeneric(a, b []float32) float32 {
	var s float64
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return float32(s)
}

func sumGeneric(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

func sumSquaresGeneric(x []float32) float32 { return dotGeneric(x, x) }

func maxGeneric(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m || v != v {
			m = v
		}
		if m != m {
			return m
		}
	}
	return m
}

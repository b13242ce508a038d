package kernel

import "runtime"

// PeakFMA runs turns of a loop of nothing but independent multiply-adds in registers and gives the number of
// floating-point operations done, two for each: the time that it takes is this tier's ceiling for Gemm.
func (s *Set) PeakFMA(turns int) (operations float64) {
	s.peak(max(turns, 1))
	return float64(max(turns, 1)) * float64(s.peakOperations)
}

// PeakRead does nothing but read x: the time that it takes, where x is larger than the caches, is this machine's ceiling for
// products of few rows.
func (s *Set) PeakRead(x []float32) { s.peakRead(x) }

func peakReadGeneric(x []float32) {
	var a, b, c, d float32
	for ; len(x) >= 4; x = x[4:] {
		a += x[0]
		b += x[1]
		c += x[2]
		d += x[3]
	}
	runtime.KeepAlive(a + b + c + d)
}

const genericPeakOperations = 2 * 8

func peakGeneric(turns int) {
	var a, b, c, d, e, f, g, h, x float32
	for range turns {
		a += float32(x * x)
		b += float32(x * x)
		c += float32(x * x)
		d += float32(x * x)
		e += float32(x * x)
		f += float32(x * x)
		g += float32(x * x)
		h += float32(x * x)
	}
	if a+b+c+d+e+f+g+h != 0 {
		panic("kernel: sums of zeros are not zero")
	}
}

package kernel

// PeakFMA runs turns of a loop of nothing but independent multiply-adds in registers and gives the number of
// floating-point operations done, two for each: the time that it takes is this tier's ceiling for Gemm.
func (s *Set) PeakFMA(turns int) (operations float64) {
	s.peak(max(turns, 1))
	return float64(max(turns, 1)) * float64(s.peakOperations)
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

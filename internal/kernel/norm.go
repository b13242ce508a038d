package kernel

import "math"

// What a NaN or an infinity among a norm's inputs reaches is not finite: the same elements in every tier, but which of NaN and the infinities an
// element is, is the tier's. So is what becomes of finite inputs so large that a product or a sum on the way passes float32's range, which the plain
// Go tier's float64 may come back from.

// LayerNorm normalises one row: y = (x-mean)·rstd·gamma + beta, rstd = 1/√(variance + eps), the variance from a second
// pass over x-mean. gamma and beta may be nil (1 and 0). y may be x. The others are at least as long as y.
func (s *Set) LayerNorm(y, x, gamma, beta []float32, eps float32) (mean, rstd float32) {
	n := len(y)
	if n == 0 {
		return 0, 0
	}
	x, gamma, beta = x[:n], optional(gamma, n), optional(beta, n)
	mean = s.sum(x) / float32(n)
	rstd = inverseRoot(s.sumSquaredDiff(x, mean), n, eps)
	s.affine(y, x, gamma, beta, mean, rstd)
	return mean, rstd
}

// Normalize computes y = (x-mean)·rstd·gamma + beta again from what LayerNorm gave (RMSNorm: mean 0, beta nil).
func (s *Set) Normalize(y, x, gamma, beta []float32, mean, rstd float32) {
	n := len(y)
	s.affine(y, x[:n], optional(gamma, n), optional(beta, n), mean, rstd)
}

// LayerNormBackward computes, from LayerNorm's input, mean and rstd, and dy, the gradient dx, and adds to dgamma and dbeta
// if they are not nil. gamma may be nil. dx may be dy or x. The others are at least as long as dx.
func (s *Set) LayerNormBackward(dx, dgamma, dbeta, x, dy, gamma []float32, mean, rstd float32) {
	n := len(dx)
	if n == 0 {
		return
	}
	x, dy, gamma = x[:n], dy[:n], optional(gamma, n)
	if dgamma != nil {
		s.normGradGamma(dgamma[:n], x, dy, mean, rstd)
	}
	if dbeta != nil {
		s.add(dbeta[:n], dbeta[:n], dy)
	}
	sum, sumX := s.normSums(x, dy, gamma, mean, rstd)
	s.normGradX(dx, x, dy, gamma, mean, rstd, sum/float32(n), sumX/float32(n))
}

// RMSNorm normalises one row: y = x·rstd·gamma, rstd = 1/√(mean of x² + eps). gamma may be nil (1). y may be x.
func (s *Set) RMSNorm(y, x, gamma []float32, eps float32) (rstd float32) {
	n := len(y)
	if n == 0 {
		return 0
	}
	x = x[:n]
	rstd = inverseRoot(s.sumSquares(x), n, eps)
	s.affine(y, x, optional(gamma, n), nil, 0, rstd)
	return rstd
}

// RMSNormBackward computes, from RMSNorm's input and rstd, and dy, the gradient dx, and adds to dgamma if it is not nil.
// gamma may be nil. dx may be dy or x. The others are at least as long as dx.
func (s *Set) RMSNormBackward(dx, dgamma, x, dy, gamma []float32, rstd float32) {
	n := len(dx)
	if n == 0 {
		return
	}
	x, dy, gamma = x[:n], dy[:n], optional(gamma, n)
	if dgamma != nil {
		s.normGradGamma(dgamma[:n], x, dy, 0, rstd)
	}
	_, sumX := s.normSums(x, dy, gamma, 0, rstd)
	s.normGradX(dx, x, dy, gamma, 0, rstd, 0, sumX/float32(n))
}

// affine calls normalize, which takes beta only beside gamma.
func (s *Set) affine(y, x, gamma, beta []float32, mean, rstd float32) {
	if gamma == nil && beta != nil {
		s.normalize(y, x, nil, nil, mean, rstd)
		s.add(y, y, beta)
		return
	}
	s.normalize(y, x, gamma, beta, mean, rstd)
}

func inverseRoot(squares float32, n int, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(squares)/float64(n)+float64(eps)))
}

func optional(x []float32, n int) []float32 {
	if x == nil {
		return nil
	}
	return x[:n]
}

package kernel

import "math"

// Softmax replaces the first n elements of row, scores, by softmax(scale·scores), and the others, which a mask
// leaves out, by 0. It gives the logarithm of the sum of the exponentials, with which a backward pass can make the
// probabilities again: p = e^(scale·score - lse). scale is positive. Scores may be -Inf; where all are, or where one is NaN or
// +Inf, the first n elements and the result are NaN. With n = 0 the result is -Inf. An exponential that would be denormal may be 0.
func (s *Set) Softmax(row []float32, n int, scale float32) (lse float32) {
	clear(row[n:])
	row = row[:n]
	if n == 0 {
		return float32(math.Inf(-1))
	}
	shift := s.max(row) * scale
	sum := s.expStore(row, row, scale, shift)
	s.scale(row, row, 1/sum)
	return logSum(shift, sum)
}

// ExpShift computes dst = e^(scale·x - shift) and gives its sum: with Softmax's result as shift, the
// probabilities again. dst may be x. x is at least as long as dst. An exponential that would be denormal may be 0.
func (s *Set) ExpShift(dst, x []float32, scale, shift float32) (sum float32) {
	return s.expStore(dst, x[:len(dst)], scale, shift)
}

// SoftmaxBackward computes, for one row of probabilities p and of their gradients dp, the gradient of the scores:
// ds = p·(dp - Σ p·dp)·scale. ds may be p or dp. p and dp are at least as long as ds.
func (s *Set) SoftmaxBackward(ds, p, dp []float32, scale float32) {
	p, dp = p[:len(ds)], dp[:len(ds)]
	s.softmaxBackward(ds, p, dp, s.dot(p, dp), scale)
}

// LogSumExp is the logarithm of the sum of e^(scale·x): -Inf if x is empty. scale is positive.
func (s *Set) LogSumExp(x []float32, scale float32) float32 {
	if len(x) == 0 {
		return float32(math.Inf(-1))
	}
	shift := s.max(x) * scale
	if math.IsInf(float64(shift), -1) {
		return shift
	}
	return logSum(shift, s.expSum(x, scale, shift))
}

func logSum(shift, sum float32) float32 {
	return float32(float64(shift) + math.Log(float64(sum)))
}

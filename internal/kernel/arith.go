package kernel

// Add computes dst = a + b. dst may be a or b. a and b are at least as long as dst.
func (s *Set) Add(dst, a, b []float32) { s.add(dst, a[:len(dst)], b[:len(dst)]) }

// Mul computes dst = a·b, element by element. dst may be a or b. a and b are at least as long as dst.
func (s *Set) Mul(dst, a, b []float32) { s.mul(dst, a[:len(dst)], b[:len(dst)]) }

// Axpy computes y += a·x. x is at least as long as y.
func (s *Set) Axpy(y, x []float32, a float32) { s.axpy(y, x[:len(y)], a) }

// Scale computes dst = a·x. dst may be x. x is at least as long as dst.
func (s *Set) Scale(dst, x []float32, a float32) { s.scale(dst, x[:len(dst)], a) }

// Dot is the inner product of a and b; b is at least as long as a.
func (s *Set) Dot(a, b []float32) float32 { return s.dot(a, b[:len(a)]) }

// Sum is the sum of x, 0 if it is empty.
func (s *Set) Sum(x []float32) float32 { return s.sum(x) }

// SumSquares is the sum of the squares of x, in float32: large vectors are summed in pieces by the caller.
func (s *Set) SumSquares(x []float32) float32 { return s.sumSquares(x) }

// Max is the greatest of x: NaN if one is NaN, -Inf if x is empty.
func (s *Set) Max(x []float32) float32 { return s.max(x) }

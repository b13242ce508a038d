package kernel

// Exp computes dst = e^x: 0 for -Inf, +Inf on overflow, denormals exact to their last bit. dst may be x. In every
// kernel of this file the inputs are at least as long as the output, and the output may be any of the inputs.
func (s *Set) Exp(dst, x []float32) { s.exp(dst, x[:len(dst)]) }

// GELU computes y = x·Φ(x), the exact form with erf; small values in the negative tail keep their relative accuracy.
func (s *Set) GELU(y, x []float32) { s.gelu(y, x[:len(y)]) }

// GELUBackward computes dx = dy·(Φ(x) + x·φ(x)).
func (s *Set) GELUBackward(dx, x, dy []float32) { s.geluBackward(dx, x[:len(dx)], dy[:len(dx)]) }

// GELUTanh computes y = x/2·(1 + tanh(√(2/π)·(x + 0.044715x³))).
func (s *Set) GELUTanh(y, x []float32) { s.geluTanh(y, x[:len(y)]) }

// GELUTanhBackward computes dx = dy times the derivative of GELUTanh at x.
func (s *Set) GELUTanhBackward(dx, x, dy []float32) {
	s.geluTanhBackward(dx, x[:len(dx)], dy[:len(dx)])
}

// SiLU computes y = x·σ(x).
func (s *Set) SiLU(y, x []float32) { s.silu(y, x[:len(y)]) }

// SiLUBackward computes dx = dy·σ(x)·(1 + x·(1-σ(x))).
func (s *Set) SiLUBackward(dx, x, dy []float32) { s.siluBackward(dx, x[:len(dx)], dy[:len(dx)]) }

// ReLU computes y = max(x, 0); NaN stays NaN.
func (s *Set) ReLU(y, x []float32) { s.relu(y, x[:len(y)]) }

// ReLUBackward computes dx = dy where y > 0 (or is NaN), else 0. y is ReLU's output or its input.
func (s *Set) ReLUBackward(dx, y, dy []float32) { s.reluBackward(dx, y[:len(dx)], dy[:len(dx)]) }

// Tanh computes y = tanh(x), accurate relative to y also near 0.
func (s *Set) Tanh(y, x []float32) { s.tanh(y, x[:len(y)]) }

// TanhBackward computes dx = dy·(1-y²) from the output y.
func (s *Set) TanhBackward(dx, y, dy []float32) { s.tanhBackward(dx, y[:len(dx)], dy[:len(dx)]) }

// Sigmoid computes y = 1/(1 + e^-x).
func (s *Set) Sigmoid(y, x []float32) { s.sigmoid(y, x[:len(y)]) }

// SigmoidBackward computes dx = dy·y·(1-y) from the output y.
func (s *Set) SigmoidBackward(dx, y, dy []float32) { s.sigmoidBackward(dx, y[:len(dx)], dy[:len(dx)]) }

// SwiGLU computes y = SiLU(g)·u.
func (s *Set) SwiGLU(y, g, u []float32) { s.swiglu(y, g[:len(y)], u[:len(y)]) }

// SwiGLUBackward computes dg = dy·u·SiLU'(g) and du = dy·SiLU(g). dg and du do not overlap each other.
func (s *Set) SwiGLUBackward(dg, du, g, u, dy []float32) {
	n := len(dg)
	s.swigluBackward(dg, du[:n], g[:n], u[:n], dy[:n])
}

package kernel

import "fmt"

// Rotary turns the pairs of every head of x in place: x is any number of heads of 2h elements, h = len(cos) = len(sin),
// and, in the half-split convention of Llama and GPT-NeoX, pair i of a head is its elements i and i+h:
//
//	lo, hi = lo·cos - hi·sin, hi·cos + lo·sin
//
// RotaryBackward is the inverse rotation, which takes the gradient of the output to that of the input.
func (s *Set) Rotary(x, cos, sin []float32) { s.rotaryHeads(x, cos, sin, 1) }

// RotaryBackward turns the pairs of every head of dx back, in place; see Rotary.
func (s *Set) RotaryBackward(dx, cos, sin []float32) { s.rotaryHeads(dx, cos, sin, -1) }

func (s *Set) rotaryHeads(x, cos, sin []float32, sign float32) {
	h := len(cos)
	if len(sin) != h || h == 0 && len(x) > 0 || h > 0 && len(x)%(2*h) != 0 {
		panic(fmt.Sprintf("kernel: rotation of %d elements by %d cosines and %d sines", len(x), h, len(sin)))
	}
	for len(x) > 0 {
		s.rotate(x[:h], x[h:2*h], cos, sin, sign)
		x = x[2*h:]
	}
}

func rotateGeneric(lo, hi, cos, sin []float32, sign float32) {
	for i := range lo {
		l, h := float64(lo[i]), float64(hi[i])
		c, s := float64(cos[i]), float64(sin[i]*sign)
		lo[i], hi[i] = float32(l*c-h*s), float32(h*c+l*s)
	}
}

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/internal/near"
)

// A rowKernel is what is done to one row, and the numbers that it gives.
type rowKernel struct {
	name      string
	outs, ins int
	run       func(s *Set, out, in [][]float32) (numbers []float32)
	// denormal says which inputs make all outputs denormal if they are, in turns.
	denormal [][]int
}

// rowKernels are the norms on x, gamma and beta, backward on x, dy and gamma, and what softmax is made of, whose first row is scores or probabilities.
var rowKernels = []rowKernel{
	{"layer norm", 1, 3, func(s *Set, out, in [][]float32) []float32 {
		mean, rstd := s.LayerNorm(out[0], in[0], in[1], in[2], 1)
		return []float32{mean, rstd}
	}, [][]int{{0, 2}, {1, 2}}},
	{"layer norm without gamma", 1, 1, func(s *Set, out, in [][]float32) []float32 {
		mean, rstd := s.LayerNorm(out[0], in[0], nil, nil, 1)
		return []float32{mean, rstd}
	}, [][]int{{0}}},
	{"normalize", 1, 3, func(s *Set, out, in [][]float32) []float32 {
		s.Normalize(out[0], in[0], in[1], in[2], 0.25, 1.5)
		return nil
	}, [][]int{{1, 2}}},
	{"layer norm backward", 3, 3, func(s *Set, out, in [][]float32) []float32 {
		s.LayerNormBackward(out[0], out[1], out[2], in[0], in[1], in[2], 0.25, 1.5)
		return nil
	}, [][]int{{1}}},
	{"rms norm", 1, 2, func(s *Set, out, in [][]float32) []float32 {
		return []float32{s.RMSNorm(out[0], in[0], in[1], 1)}
	}, [][]int{{0}, {1}}},
	{"rms norm backward", 2, 3, func(s *Set, out, in [][]float32) []float32 {
		s.RMSNormBackward(out[0], out[1], in[0], in[1], in[2], 1.5)
		return nil
	}, [][]int{{1}}},
	{"softmax backward", 1, 2, func(s *Set, out, in [][]float32) []float32 {
		s.SoftmaxBackward(out[0], in[0], in[1], 0.75)
		return nil
	}, [][]int{{1}}},
	{"softmax", 1, 0, func(s *Set, out, in [][]float32) []float32 {
		return []float32{s.Softmax(out[0], len(out[0])*3/4, 0.75)}
	}, nil},
	{"exponentials", 1, 1, func(s *Set, out, in [][]float32) []float32 {
		return []float32{s.ExpShift(out[0], in[0], 0.75, 0.5)}
	}, nil},
	{"logarithm of the sum", 0, 1, func(s *Set, out, in [][]float32) []float32 {
		return []float32{s.LogSumExp(in[0], 0.75)}
	}, nil},
}

// check runs a kernel in a tier and in the plain one, on rows that draw makes for an input, or for outputs, -1, and compares them.
func (c rowKernel) check(t *testing.T, s *Set, r *rand.Rand, draw func(input int) []float32, compare func(what string, got, want []float32)) {
	t.Helper()
	o := &operands{t: t, r: r}
	var out, twin, in [][]float32
	for range c.outs {
		x := draw(-1)
		out, twin = append(out, o.output(x)), append(twin, o.output(x))
	}
	for i := range c.ins {
		in = append(in, o.input(draw(i)))
	}
	got := c.run(s, out, in)
	want := c.run(generic, twin, in)
	o.done()
	compare("numbers", got, want)
	for i := range out {
		compare(fmt.Sprintf("output %d of %d elements", i, len(out[i])), out[i], twin[i])
	}
}

// TestRowsOfStrangeNumbers tries all alignments, with NaN, infinities, denormals and large numbers among all operands.
func TestRowsOfStrangeNumbers(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for _, c := range rowKernels {
			r := rand.New(rand.NewPCG(77, 78))
			for _, n := range append(lengths(r), lengths(r)...) {
				c.check(t, s, r, func(int) []float32 { return sprinkledWith(r, n, moderate) }, func(what string, got, want []float32) {
					checkWhereFinite(t, c.name+", "+what, got, want, near.Twin)
				})
				large := func(input int) []float32 {
					if c.name == "softmax backward" && input == 0 { // a probability is not large
						return sprinkledWith(r, n, moderate)
					}
					return sprinkled(r, n)
				}
				c.check(t, s, r, large, func(what string, got, want []float32) {
					checkFinite(t, c.name+", "+what, got, want)
				})
			}
		}
	})
}

// TestRowsOfDenormals has outputs that are all denormal, and as exact as such are.
func TestRowsOfDenormals(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for _, c := range rowKernels {
			r := rand.New(rand.NewPCG(79, 80))
			for _, small := range c.denormal {
				for _, n := range lengths(r) {
					draw := func(input int) []float32 {
						if input < 0 {
							return denormals(r, n)
						}
						for _, i := range small {
							if i == input {
								return denormals(r, n)
							}
						}
						return randoms(r, n)
					}
					c.check(t, s, r, draw, func(what string, got, want []float32) {
						if what != "numbers" {
							near.Check64(t, c.name+", "+what, magnified(got), magnified(want), near.Twin)
						}
					})
				}
			}
		}
	})
}

// TestDenormalProbabilities has scores so far apart that all probabilities but the first are denormal, or 0, as exponentials that would be may be.
func TestDenormalProbabilities(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(81, 82))
		for _, n := range lengths(r)[1:] {
			scores := make([]float32, n)
			for i := 1; i < n; i++ {
				scores[i] = float32(-86 - 17*r.Float64())
			}
			probabilities, _ := refSoftmax(widen(scores), 1)
			o := &operands{t: t, r: r}
			p, again := o.output(scores), o.output(scores)
			lse := s.Softmax(p, n, 1)
			s.ExpShift(again, o.input(scores), 1, lse)
			o.done()
			for _, found := range [][]float32{p, again} {
				var got, want []float64
				for i, v := range magnified(found) {
					if v != 0 || s == generic || scores[i] > -87 {
						got, want = append(got, v), append(want, probabilities[i]*0x1p126)
					}
				}
				near.Check64(t, "probabilities", got, want, near.Twin)
			}
			near.Number(t, "log of the sum", float64(s.LogSumExp(scores, 1)), 0, near.Kernel)
		}
	})
}

// TestRotaryOfStrangeNumbers has them among x, cosines and sines.
func TestRotaryOfStrangeNumbers(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(83, 84))
		for turn := range 300 {
			h, o := 1+r.IntN(70), &operands{t: t, r: r}
			x, cos, sin := sprinkled(r, 2*h*(1+r.IntN(3))), sprinkledWith(r, h, moderate), sprinkledWith(r, h, moderate)
			if turn%3 == 0 {
				x, cos, sin = denormals(r, len(x)), randoms(r, h), randoms(r, h)
			}
			got, want := o.output(x), o.output(x)
			cos, sin = o.input(cos), o.input(sin)
			rotate := (*Set).Rotary
			if turn%2 == 0 {
				rotate = (*Set).RotaryBackward
			}
			rotate(s, got, cos, sin)
			rotate(generic, want, cos, sin)
			o.done()
			if turn%3 == 0 {
				near.Check64(t, fmt.Sprintf("heads of %d, denormal", h), magnified(got), magnified(want), near.Twin)
			} else {
				near.CheckNaN(t, fmt.Sprintf("heads of %d", h), got, want, near.Kernel)
			}
		}
	})
}

// TestDenormalElements is TestSpecialValues for what comes out denormal of kernels on elements, which its tolerance would not see.
func TestDenormalElements(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for _, c := range vectorCases {
			if !c.elements {
				continue
			}
			k := rowKernel{name: c.name, outs: c.outs, ins: c.ins, run: func(s *Set, out, in [][]float32) []float32 {
				c.run(s, out, in)
				return nil
			}}
			r := rand.New(rand.NewPCG(85, 86))
			for small := range c.ins {
				draw := func(input int) []float32 {
					if input < 0 || input == small {
						return denormals(r, 200)
					}
					return randoms(r, 200)
				}
				k.check(t, s, r, draw, func(what string, got, want []float32) {
					for i, v := range magnified(want) { // those alone: others are compared elsewhere
						if math.Abs(v) < 1 {
							near.Check64(t, c.name+", "+what, magnified(got[i:i+1]), []float64{v}, near.Twin)
						}
					}
				})
			}
		}
	})
}

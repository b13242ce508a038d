package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/internal/near"
)

// A vectorCase is a kernel on slices of one length, with its definition in float64.
type vectorCase struct {
	name      string
	outs, ins int
	run       func(s *Set, out, in [][]float32)
	// want is given what out held before.
	want func(out, in [][]float64)
	// elements says that an output element depends on the inputs' elements of the same index only, and is
	// compared with the plain Go tier for NaN, infinities, denormals and the like too.
	elements bool
	// outputs says that the first input is the output of a function into [-1,1].
	outputs bool
}

// unary is the case of a function of one element.
func unary(name string, run func(s *Set, y, x []float32), f func(x float64) float64) vectorCase {
	return vectorCase{
		name: name, outs: 1, ins: 1, elements: true,
		run: func(s *Set, out, in [][]float32) { run(s, out[0], in[0]) },
		want: func(out, in [][]float64) {
			for i := range out[0] {
				out[0][i] = f(in[0][i])
			}
		},
	}
}

// binary is the case of a function of two elements.
func binary(name string, run func(s *Set, z, x, y []float32), f func(x, y float64) float64) vectorCase {
	return vectorCase{
		name: name, outs: 1, ins: 2, elements: true,
		run: func(s *Set, out, in [][]float32) { run(s, out[0], in[0], in[1]) },
		want: func(out, in [][]float64) {
			for i := range out[0] {
				out[0][i] = f(in[0][i], in[1][i])
			}
		},
	}
}

func ofOutput(c vectorCase) vectorCase {
	c.outputs = true
	return c
}

// derivative is the derivative of f by a formula of the fourth order.
func derivative(f func(float64) float64, x float64) float64 {
	h := 1e-3 * (1 + math.Abs(x))
	return (8*(f(x+h)-f(x-h)) - (f(x+2*h) - f(x-2*h))) / (12 * h)
}

func backward(f func(float64) float64) func(x, dy float64) float64 {
	return func(x, dy float64) float64 { return dy * derivative(f, x) }
}

func refGELU(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }

func refGELUTanh(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func refSigmoid(x float64) float64 { return (1 + math.Tanh(x/2)) / 2 }

func refSiLU(x float64) float64 { return x * refSigmoid(x) }

// reduction is the case of a sum or the like.
func reduction(name string, ins int, run func(s *Set, in [][]float32) float32, f func(in [][]float64) float64) vectorCase {
	return vectorCase{
		name: name, outs: 1, ins: ins,
		run: func(s *Set, out, in [][]float32) {
			if len(out[0]) > 0 {
				out[0][0] = run(s, in)
			}
		},
		want: func(out, in [][]float64) {
			if len(out[0]) > 0 {
				out[0][0] = f(in)
			}
		},
	}
}

var vectorCases = []vectorCase{
	binary("add", (*Set).Add, func(x, y float64) float64 { return x + y }),
	binary("mul", (*Set).Mul, func(x, y float64) float64 { return x * y }),
	unary("scale", func(s *Set, y, x []float32) { s.Scale(y, x, 0.375) }, func(x float64) float64 { return 0.375 * x }),
	{name: "axpy", outs: 1, ins: 1, elements: true,
		run: func(s *Set, out, in [][]float32) { s.Axpy(out[0], in[0], -0.625) },
		want: func(out, in [][]float64) {
			for i, x := range in[0] {
				out[0][i] -= 0.625 * x
			}
		}},
	unary("exp", (*Set).Exp, math.Exp),
	unary("gelu", (*Set).GELU, refGELU),
	binary("gelu backward", (*Set).GELUBackward, backward(refGELU)),
	unary("gelu tanh", (*Set).GELUTanh, refGELUTanh),
	binary("gelu tanh backward", (*Set).GELUTanhBackward, backward(refGELUTanh)),
	unary("silu", (*Set).SiLU, refSiLU),
	binary("silu backward", (*Set).SiLUBackward, backward(refSiLU)),
	unary("relu", (*Set).ReLU, func(x float64) float64 { return max(x, 0) }),
	binary("relu backward", (*Set).ReLUBackward, func(y, dy float64) float64 {
		if y <= 0 {
			return 0
		}
		return dy
	}),
	unary("tanh", (*Set).Tanh, math.Tanh),
	ofOutput(binary("tanh backward", (*Set).TanhBackward, func(y, dy float64) float64 { return dy * (1 - y*y) })),
	unary("sigmoid", (*Set).Sigmoid, refSigmoid),
	ofOutput(binary("sigmoid backward", (*Set).SigmoidBackward, func(y, dy float64) float64 { return dy * (y - y*y) })),
	binary("swiglu", (*Set).SwiGLU, func(g, u float64) float64 { return refSiLU(g) * u }),
	{name: "swiglu backward", outs: 2, ins: 3, elements: true,
		run: func(s *Set, out, in [][]float32) { s.SwiGLUBackward(out[0], out[1], in[0], in[1], in[2]) },
		want: func(out, in [][]float64) {
			for i, g := range in[0] {
				out[0][i] = in[2][i] * in[1][i] * derivative(refSiLU, g)
				out[1][i] = in[2][i] * refSiLU(g)
			}
		}},
	{name: "adamw", outs: 3, ins: 1, elements: true,
		run: func(s *Set, out, in [][]float32) {
			for i, v := range out[2] { // squares are not negative
				out[2][i] = float32(math.Abs(float64(v)))
			}
			step := NewAdamW(1e-2, 0.9, 0.999, 1e-8, 0.1, 3)
			s.AdamW(out[0], in[0], out[1], out[2], &step)
		},
		want: func(out, in [][]float64) {
			for i, g := range in[0] {
				p, m, v := out[0][i], out[1][i], math.Abs(out[2][i])
				m, v = 0.9*m+0.1*g, 0.999*v+0.001*g*g
				mHat, vHat := m/(1-0.9*0.9*0.9), v/(1-0.999*0.999*0.999)
				out[0][i], out[1][i], out[2][i] = p-1e-2*0.1*p-1e-2*mHat/(math.Sqrt(vHat)+1e-8), m, v
			}
		}},
	reduction("sum", 1, func(s *Set, in [][]float32) float32 { return s.Sum(in[0]) }, func(in [][]float64) float64 { return refSum(in[0]) }),
	reduction("dot", 2, func(s *Set, in [][]float32) float32 { return s.Dot(in[0], in[1]) }, func(in [][]float64) float64 { return refDot(in[0], in[1]) }),
	reduction("sum of squares", 1, func(s *Set, in [][]float32) float32 { return s.SumSquares(in[0]) }, func(in [][]float64) float64 { return refDot(in[0], in[0]) }),
	reduction("max", 1, func(s *Set, in [][]float32) float32 { return s.Max(in[0]) }, func(in [][]float64) float64 {
		m := math.Inf(-1)
		for _, x := range in[0] {
			m = max(m, x)
		}
		return m
	}),
}

func refSum(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

func refDot(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// lengths are all short ones, and a few random longer ones.
func lengths(r *rand.Rand) []int {
	var n []int
	for i := range 70 {
		n = append(n, i)
	}
	for range 20 {
		n = append(n, 70+r.IntN(400))
	}
	return n
}

func TestVectors(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for _, c := range vectorCases {
			t.Run(c.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, 8))
				for _, n := range lengths(r) {
					checkVectors(t, s, c, r, n)
				}
			})
		}
	})
}

// checkVectors runs a case on random values at random alignments, against float64 and against the plain Go tier.
func checkVectors(t *testing.T, s *Set, c vectorCase, r *rand.Rand, n int) {
	var out, twin, in [][]float32
	var want, exact [][]float64
	for range c.outs {
		x, check := guarded(t, n, r.IntN(16))
		defer check()
		copy(x, randoms(r, n))
		out, twin, want = append(out, x), append(twin, append([]float32(nil), x...)), append(want, widen(x))
	}
	for range c.ins {
		x, check := guarded(t, n, r.IntN(16))
		defer check()
		for i := range x {
			x[i] = float32(r.NormFloat64())
			if c.elements {
				x[i] *= 3
			}
		}
		in, exact = append(in, x), append(exact, widen(x))
	}
	c.run(s, out, in)
	c.run(generic, twin, in)
	c.want(want, exact)
	for i := range out {
		near.Check64(t, fmt.Sprintf("output %d of %d elements", i, n), widen(out[i]), want[i], near.Twin)
		near.Check(t, fmt.Sprintf("output %d of %d elements against generic", i, n), out[i], twin[i], near.Kernel)
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// special are the values that go wrong.
var special = func() []float32 {
	inf := float32(math.Inf(1))
	v := []float32{0, 1e-45, 1e-41, 1e-39, 1.2e-38, 1e-20, 1e-7, 1e-3, 0.5, 0.6249, 0.626, 1, 2, 5, 9, 15, 20, 60, 86, 88.7, 88.8, 89.5, 103.9, 104.1, 1e4, 1e10, 3.4e38, inf}
	for _, x := range v {
		v = append(v, -x)
	}
	return append(v, float32(math.NaN()))
}()

// specials are random ones; a first input has them all, the others, which are multiplied by what may have become 0, no
// infinities.
func specials(r *rand.Rand, n int, first, outputs bool) []float32 {
	x := make([]float32, n)
	for i := range x {
		for {
			x[i] = special[r.IntN(len(special))]
			size := math.Abs(float64(x[i]))
			if outputs && size > 1 || !first && size > 1e10 {
				continue
			}
			break
		}
	}
	return x
}

func TestSpecialValues(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for _, c := range vectorCases {
			if !c.elements {
				continue
			}
			r := rand.New(rand.NewPCG(9, 10))
			const n = 4000
			var out, twin, in [][]float32
			for range c.outs {
				x := specials(r, n, true, false)
				out, twin = append(out, x), append(twin, append([]float32(nil), x...))
			}
			for i := range c.ins {
				in = append(in, specials(r, n, i == 0, c.outputs))
			}
			c.run(s, out, in)
			c.run(generic, twin, in)
			for i := range out {
				near.CheckNaN(t, c.name, out[i], twin[i], near.Kernel)
			}
		}
	})
}

// TestElementsStandAlone proves that an element's bits do not depend on where in a slice it stands.
func TestElementsStandAlone(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for _, c := range vectorCases {
			if !c.elements {
				continue
			}
			r := rand.New(rand.NewPCG(11, 12))
			const n = 45
			var out, in, split [][]float32
			for range c.outs {
				x := randoms(r, n)
				out, split = append(out, x), append(split, append([]float32(nil), x...))
			}
			for range c.ins {
				in = append(in, randoms(r, n))
			}
			c.run(s, out, in)
			for lo := 0; lo < n; {
				hi := min(n, lo+1+r.IntN(20))
				c.run(s, cut(split, lo, hi), cut(in, lo, hi))
				lo = hi
			}
			for i := range out {
				near.Bits(t, c.name, split[i], out[i])
			}
		}
	})
}

func cut(x [][]float32, lo, hi int) (y [][]float32) {
	for _, v := range x {
		y = append(y, v[lo:hi])
	}
	return y
}

// TestExpIsExact holds the exponential to two units in the last place, denormals included.
func TestExpIsExact(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		var x []float32
		for v := float32(-105); v < 89; v += 0.0137 {
			x = append(x, v)
		}
		y := make([]float32, len(x))
		s.Exp(y, x)
		for i := range x {
			want := float32(math.Exp(float64(x[i])))
			if d := int64(math.Float32bits(y[i])) - int64(math.Float32bits(want)); d < -2 || d > 2 {
				t.Fatalf("exp(%v) = %v, want %v", x[i], y[i], want)
			}
		}
	})
}

func TestMaxSeesNaN(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for n := 1; n < 70; n++ {
			for at := range n {
				x := make([]float32, n)
				x[at] = float32(math.NaN())
				if m := s.Max(x); m == m {
					t.Fatalf("NaN at %d of %d: %v", at, n, m)
				}
				x[at] = float32(math.Inf(1))
				if m := s.Max(x); m != x[at] {
					t.Fatalf("infinity at %d of %d: %v", at, n, m)
				}
			}
		}
	})
}

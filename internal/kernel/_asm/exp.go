package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// roundMagic, added to a float of moderate size, leaves its integer part in the lowest bits: 1.5·2^23.
const roundMagic = 12582912

// ln 2 as a float of few bits, whose products with small integers are exact, and the rest.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440054690583e-4
)

// exp is e^x = 2^n·e^r with r = x - n·ln 2, |r| ≤ ln 2 / 2. The polynomial is 1 + r + r²·q(r), q interpolated in Chebyshev's
// nodes (relative error 1.1e-8). 2^n is made from the bits of n: 0 for x below -87.68, where the results become denormal, and
// infinity for x above 88.37, a little early.
func (g *gen) exp(x vec) vec {
	p, n := g.expParts(x, -88, 89)
	g.VPSLLD(operand.Imm(23), n, n)
	g.VPADDD(g.bits(127<<23), n, n)
	g.VMULPS(n, p, p)
	return p
}

// fullExp is exp over the whole range of results: 2^n is applied in two halves, so that denormals are rounded once and
// infinity begins where it should.
func (g *gen) fullExp(x vec) vec {
	p, n := g.expParts(x, -104, 89)
	g.VPSUBD(g.float(roundMagic), n, n)
	half := g.vec()
	g.VPSRAD(operand.Imm(1), n, half)
	g.VPSUBD(half, n, n)
	for _, e := range []vec{half, n} {
		g.VPADDD(g.bits(127), e, e)
		g.VPSLLD(operand.Imm(23), e, e)
		g.VMULPS(e, p, p)
	}
	return p
}

// expParts gives e^r and the bits of roundMagic + n, for x held within bounds; NaN stays NaN.
func (g *gen) expParts(x vec, low, high float64) (p, n vec) {
	x = g.max(g.constant(low), x)
	x = g.min(g.constant(high), x)
	magic := g.constant(roundMagic)
	z := g.move(magic)
	g.addProduct(z, x, g.float(math.Log2E))
	whole := g.sub(z, magic)
	g.subProduct(x, whole, g.float(ln2High))
	g.subProduct(x, whole, g.float(ln2Low))
	return g.polynomial(x, 1, 1, 0.5, 0.166665733819, 0.0416665501103, 0.00836377387441, 0.0013926926614), z
}

// negate changes the sign.
func (g *gen) negate(x vec) vec { return g.xor(x, g.bits(0x80000000)) }

// sigmoid is 1/(1 + e^-x).
func (g *gen) sigmoid(x vec) vec {
	s, _ := g.sigmoidParts(x)
	return s
}

// sigmoidParts gives the sigmoid and e^-x.
func (g *gen) sigmoidParts(x vec) (s, e vec) {
	e = g.exp(g.negate(x))
	return g.div(g.constant(1), g.add(e, g.float(1))), e
}

// tanh is, near zero, x + x³·q(x²), q interpolated in Chebyshev's nodes up to 0.632 (relative error 2e-8), and
// elsewhere 1 - 2/(1 + e^2|x|) with the sign of x.
func (g *gen) tanh(x vec) vec {
	size := g.and(x, g.bits(0x7fffffff))
	near := g.compare(lessThan, size, g.float(0.625))
	e := g.exp(g.add(size, size))
	g.VADDPS(g.float(1), e, e)
	far := g.sub(g.constant(1), g.div(g.constant(2), e))
	far = g.or(far, g.and(x, g.bits(0x80000000)))
	square := g.mul(x, x)
	p := g.polynomial(square, -0.333333284333, 0.133327188456, -0.0538432631753, 0.0209613291086, -0.00604516509652)
	p = g.mul(g.mul(p, square), x)
	return g.blend(near, g.add(p, x), far)
}

// expFamily makes the exponential and the sums of softmax.
func expFamily(g *gen) {
	g.elementwise("exp", "is expGeneric.", "dst", "x", "", 3, func(in, _ []vec) []vec { return []vec{g.fullExp(in[0])} })
	shifted := func(at func(string) operand.Mem, k *mask, s []vec) vec {
		x := g.load(at("x"), k)
		g.VFMSUB213PS(s[1], s[0], x)
		return g.exp(x)
	}
	g.reduction("expSum", "is expSumGeneric.", "x", "scale shift", "total", 3, 3, func(at func(string) operand.Mem, k *mask, s []vec) []term {
		return []term{{a: shifted(at, k, s)}}
	})
	g.reduction("expStore", "is expStoreGeneric.", "dst x", "scale shift", "total", 3, 3, func(at func(string) operand.Mem, k *mask, s []vec) []term {
		e := shifted(at, k, s)
		g.store(e, at("dst"), k)
		return []term{{a: e}}
	})
	g.elementwise("softmaxBackward", "is softmaxBackwardGeneric.", "ds", "p dp", "dot scale", 3, func(in, s []vec) []vec {
		return []vec{g.mul(g.mul(in[0], g.sub(in[1], s[0])), s[1])}
	})
}

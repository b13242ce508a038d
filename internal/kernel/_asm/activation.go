package main

import "math"

// normTail gives q = Φ(-|x|) and e = exp(-x²/2): q = e·s·P(s), s = 1/(1 + 0.27|x|), where P is Mills' ratio interpolated in
// Chebyshev's nodes for |x| up to 14.5 (relative error 3e-8). Rounding x² costs e a relative 3e-8·x².
func (g *gen) normTail(x vec) (q, e vec) {
	size := g.and(x, g.bits(0x7fffffff))
	square := g.mul(x, x)
	e = g.exp(g.mul(square, g.float(-0.5)))
	d := g.move(g.float(1))
	g.addProduct(d, size, g.float(0.27))
	s := g.div(g.constant(1), d)
	p := g.polynomial(s, 0.107722758478, 0.107507093163, 0.102063549114, 0.0710775825246, 0.110054217274,
		-0.0723445623723, 0.172436097241, -0.127722557355, 0.0292058334196)
	return g.mul(g.mul(p, s), e), e
}

// normCDF gives Φ(x) and exp(-x²/2).
func (g *gen) normCDF(x vec) (phi, e vec) {
	q, e := g.normTail(x)
	zero := g.vec()
	g.zero(zero)
	return g.blend(g.compare(lessThan, x, zero), q, g.sub(g.constant(1), q)), e
}

const (
	geluSlope = 2 * 0.79788456080286535588 // 2·√(2/π)
	geluCubic = 0.044715
	geluBound = 100 // beyond, the derivative is 0 or 1
)

// geluTanhGate gives s = σ(u) and e^-u, u = 2·√(2/π)·(x + geluCubic·x³), and x².
func (g *gen) geluTanhGate(x vec) (s, e, square vec) {
	square = g.mul(x, x)
	p := g.polynomial(square, geluSlope, geluSlope*geluCubic)
	s, e = g.sigmoidParts(g.mul(p, x))
	return s, e, square
}

// siluSlope is s·(1 + x·(1-s)), s = σ(u), e = e^-u: the derivative of x·σ(x) for u = x. 1-s is taken as e·s, which
// keeps its accuracy where s is nearly 1, and as 1 where e is infinity.
func (g *gen) siluSlope(x, s, e vec) vec {
	one := g.constant(1)
	d := g.min(g.mul(e, s), one)
	g.VFMADD213PS(one, x, d)
	return g.mul(d, s)
}

// activationFamily makes the functions of one element and their derivatives.
func activationFamily(g *gen) {
	g.elementwise("gelu", "is geluGeneric.", "y", "x", "", 3, func(in, _ []vec) []vec {
		phi, _ := g.normCDF(in[0])
		return []vec{g.mul(phi, in[0])}
	})
	g.elementwise("geluBackward", "is geluBackwardGeneric.", "dx", "x dy", "", 2, func(in, _ []vec) []vec {
		phi, e := g.normCDF(in[0])
		g.addProduct(phi, g.mul(e, g.float(1/math.Sqrt(2*math.Pi))), in[0])
		return []vec{g.mul(phi, in[1])}
	})
	g.elementwise("geluTanh", "is geluTanhGeneric.", "y", "x", "", 3, func(in, _ []vec) []vec {
		gate, _, _ := g.geluTanhGate(in[0])
		return []vec{g.mul(gate, in[0])}
	})
	g.elementwise("geluTanhBackward", "is geluTanhBackwardGeneric.", "dx", "x dy", "", 2, func(in, _ []vec) []vec {
		x := g.max(g.constant(-geluBound), in[0])
		x = g.min(g.constant(geluBound), x)
		gate, e, square := g.geluTanhGate(x)
		slope := g.mul(g.polynomial(square, geluSlope, 3*geluSlope*geluCubic), x)
		return []vec{g.mul(g.siluSlope(slope, gate, e), in[1])}
	})
	g.elementwise("silu", "is siluGeneric.", "y", "x", "", 3, func(in, _ []vec) []vec {
		return []vec{g.mul(g.sigmoid(in[0]), in[0])}
	})
	g.elementwise("siluBackward", "is siluBackwardGeneric.", "dx", "x dy", "", 3, func(in, _ []vec) []vec {
		s, e := g.sigmoidParts(in[0])
		return []vec{g.mul(g.siluSlope(in[0], s, e), in[1])}
	})
	g.elementwise("swiglu", "is swigluGeneric.", "y", "g u", "", 3, func(in, _ []vec) []vec {
		return []vec{g.mul(g.mul(g.sigmoid(in[0]), in[0]), in[1])}
	})
	g.elementwise("swigluBackward", "is swigluBackwardGeneric.", "dg du", "g u dy", "", 2, func(in, _ []vec) []vec {
		s, e := g.sigmoidParts(in[0])
		du := g.mul(g.mul(s, in[0]), in[2])
		return []vec{g.mul(g.mul(g.siluSlope(in[0], s, e), in[1]), in[2]), du}
	})
	simpleActivations(g)
}

func simpleActivations(g *gen) {
	g.elementwise("tanh", "is tanhGeneric.", "y", "x", "", 3, func(in, _ []vec) []vec { return []vec{g.tanh(in[0])} })
	g.elementwise("tanhBackward", "is tanhBackwardGeneric.", "dx", "y dy", "", 3, func(in, _ []vec) []vec {
		d := g.move(g.float(1))
		g.subProduct(d, in[0], in[0])
		return []vec{g.mul(d, in[1])}
	})
	g.elementwise("sigmoid", "is sigmoidGeneric.", "y", "x", "", 3, func(in, _ []vec) []vec { return []vec{g.sigmoid(in[0])} })
	g.elementwise("sigmoidBackward", "is sigmoidBackwardGeneric.", "dx", "y dy", "", 3, func(in, _ []vec) []vec {
		d := g.sub(g.constant(1), in[0])
		return []vec{g.mul(g.mul(d, in[0]), in[1])}
	})
	g.elementwise("relu", "is reluGeneric.", "y", "x", "", 3, func(in, _ []vec) []vec {
		zero := g.vec()
		g.zero(zero)
		return []vec{g.max(zero, in[0])}
	})
	g.elementwise("reluBackward", "is reluBackwardGeneric.", "dx", "y dy", "", 3, func(in, _ []vec) []vec {
		zero := g.vec()
		g.zero(zero)
		return []vec{g.keep(g.compare(notLessOrEqual, in[0], zero), in[1])}
	})
}

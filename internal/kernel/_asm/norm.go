package main

import "github.com/mmcloughlin/avo/operand"

// normFamily makes the passes of layer and RMS normalisation; those with gamma have a twin without.
func normFamily(g *gen) {
	hat := func(x, mean, rstd vec) vec { return g.mul(g.sub(x, mean), rstd) }
	g.elementwise("normalize", "is normalizeGeneric without gamma and beta.", "y", "x", "mean rstd", 2, func(in, s []vec) []vec {
		return []vec{hat(in[0], s[0], s[1])}
	})
	g.elementwise("normalizeScale", "is normalizeGeneric without beta.", "y", "x gamma", "mean rstd", 2, func(in, s []vec) []vec {
		return []vec{g.mul(hat(in[0], s[0], s[1]), in[1])}
	})
	g.elementwise("normalizeAffine", "is normalizeGeneric.", "y", "x gamma beta", "mean rstd", 2, func(in, s []vec) []vec {
		g.addProduct(in[2], hat(in[0], s[0], s[1]), in[1])
		return []vec{in[2]}
	})
	g.reduction("normSums", "is normSumsGeneric without gamma.", "x dy", "mean rstd", "sum sumX", chains, 2,
		func(at func(string) operand.Mem, k *mask, s []vec) []term {
			dy := g.load(at("dy"), k)
			return []term{{a: dy}, {dy, hat(g.load(at("x"), k), s[0], s[1])}}
		})
	g.reduction("normSumsScale", "is normSumsGeneric.", "x dy gamma", "mean rstd", "sum sumX", chains, 2,
		func(at func(string) operand.Mem, k *mask, s []vec) []term {
			d := g.mul(g.load(at("dy"), k), g.load(at("gamma"), k))
			return []term{{a: d}, {d, hat(g.load(at("x"), k), s[0], s[1])}}
		})
	// rstd·(d - c1 - x̂·c2)
	gradient := func(x, d vec, s []vec) vec {
		d = g.sub(d, s[2])
		g.subProduct(d, hat(x, s[0], s[1]), s[3])
		return g.mul(d, s[1])
	}
	g.elementwise("normGradX", "is normGradXGeneric without gamma.", "dx", "x dy", "mean rstd c1 c2", 2, func(in, s []vec) []vec {
		return []vec{gradient(in[0], in[1], s)}
	})
	g.elementwise("normGradXScale", "is normGradXGeneric.", "dx", "x dy gamma", "mean rstd c1 c2", 2, func(in, s []vec) []vec {
		return []vec{gradient(in[0], g.mul(in[1], in[2]), s)}
	})
	var mean, rstd vec
	g.loop(loop{
		name: "normGradGamma", doc: "is normGradGammaGeneric.",
		slices: []string{"dgamma", "x", "dy"}, scalars: []string{"mean", "rstd"},
		before: func(s []vec) { mean, rstd = s[0], s[1] },
		body: func(at func(string) operand.Mem, k *mask) {
			sum := g.load(at("dgamma"), k)
			g.addProduct(sum, hat(g.load(at("x"), k), mean, rstd), g.load(at("dy"), k))
			g.store(sum, at("dgamma"), k)
		},
	})
}

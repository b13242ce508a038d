package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

func arithFamily(g *gen) {
	g.elementwise("add", "is addGeneric.", "dst", "a b", "", 2, func(in, _ []vec) []vec {
		return []vec{g.add(in[0], in[1])}
	})
	g.elementwise("mul", "is mulGeneric.", "dst", "a b", "", 2, func(in, _ []vec) []vec {
		return []vec{g.mul(in[0], in[1])}
	})
	g.elementwise("scale", "is scaleGeneric.", "dst", "x", "a", 2, func(in, s []vec) []vec {
		return []vec{g.mul(in[0], s[0])}
	})
	var a vec
	g.loop(loop{
		name: "axpy", doc: "is axpyGeneric.",
		slices: []string{"y", "x"}, scalars: []string{"a"},
		before: func(s []vec) { a = s[0] },
		body: func(at func(string) operand.Mem, k *mask) {
			y := g.load(at("y"), k)
			g.addProduct(y, g.load(at("x"), k), a)
			g.store(y, at("y"), k)
		},
	})
	reduceFamily(g)
}

func reduceFamily(g *gen) {
	g.reduction("sum", "is sumGeneric.", "x", "", "total", chains, chains, func(at func(string) operand.Mem, k *mask, _ []vec) []term {
		return []term{{a: g.load(at("x"), k)}}
	})
	g.reduction("dot", "is dotGeneric.", "a b", "", "total", chains, chains, func(at func(string) operand.Mem, k *mask, _ []vec) []term {
		return []term{{g.load(at("a"), k), g.load(at("b"), k)}}
	})
	g.reduction("sumSquares", "is sumSquaresGeneric.", "x", "", "total", chains, chains, func(at func(string) operand.Mem, k *mask, _ []vec) []term {
		x := g.load(at("x"), k)
		return []term{{x, x}}
	})
	g.reduction("sumSquaredDiff", "is sumSquaredDiffGeneric.", "x", "mean", "total", chains, chains, func(at func(string) operand.Mem, k *mask, s []vec) []term {
		d := g.sub(g.load(at("x"), k), s[0])
		return []term{{d, d}}
	})
	maximum(g)
}

// maximum makes max. The way VMAXPS is used here it passes over NaN; the bits of those that there were are collected apart
// and laid over the result.
func maximum(g *gen) {
	acc := g.vecs(chains)
	var nan, low vec
	turn := 0
	g.loop(loop{
		name: "max", doc: "is maxGeneric.",
		slices: []string{"x"}, results: []string{"most"}, unroll: chains,
		before: func([]vec) {
			low = g.move(g.float(math.Inf(-1)))
			for _, v := range acc {
				g.VMOVUPS(low, v)
			}
			nan = g.vec()
			g.zero(nan)
		},
		body: func(at func(string) operand.Mem, k *mask) {
			x := g.load(at("x"), k)
			g.orAny(g.keep(g.compare(unordered, x, x), x), nan, nan)
			if k != nil {
				x = g.blend(*k, x, low)
			}
			v := acc[turn%chains]
			g.VMAXPS(v, x, v)
			turn++
		},
		after: func() []vec {
			most := g.total(acc, g.VMAXPS)
			g.total([]vec{nan}, g.orAny)
			g.orAny(nan.AsX(), most.AsX(), most.AsX())
			return []vec{most}
		},
	})
}

// orAny is a bitwise or of registers of any width.
func (g *gen) orAny(ops ...operand.Op) {
	if g.bytes == 64 {
		g.VPORD(ops...)
		return
	}
	g.VORPS(ops...)
}

package main

import (
	"github.com/mmcloughlin/avo/operand"
)

// trainFamily makes the rotation of pairs and the optimizer's step.
func trainFamily(g *gen) {
	rotate(g)
	adamw(g)
}

func rotate(g *gen) {
	var sign vec
	g.loop(loop{
		name: "rotate", doc: "is rotateGeneric.",
		slices: []string{"lo", "hi", "cos", "sin"}, scalars: []string{"sign"},
		before: func(s []vec) { sign = s[0] },
		body: func(at func(string) operand.Mem, k *mask) {
			lo, hi, cos := g.load(at("lo"), k), g.load(at("hi"), k), g.load(at("cos"), k)
			sin := g.mul(g.load(at("sin"), k), sign)
			newLo, newHi := g.mul(lo, cos), g.mul(hi, cos)
			g.subProduct(newLo, hi, sin)
			g.addProduct(newHi, lo, sin)
			g.store(newLo, at("lo"), k)
			g.store(newHi, at("hi"), k)
		},
	})
}

// adamw takes the step's numbers one by one, in the order of the fields of AdamW.
func adamw(g *gen) {
	var keep, one1, beta2, one2, size, root2, eps vec
	g.loop(loop{
		name: "adamw", doc: "is adamwGeneric.",
		slices:  []string{"p", "g", "m", "v"},
		scalars: []string{"keep", "oneMinus1", "beta2", "oneMinus2", "stepSize", "root2", "eps"},
		before: func(s []vec) {
			keep, one1, beta2, one2, size, root2, eps = s[0], s[1], s[2], s[3], s[4], s[5], s[6]
		},
		body: func(at func(string) operand.Mem, k *mask) {
			grad, m := g.load(at("g"), k), g.load(at("m"), k)
			g.addProduct(m, g.sub(grad, m), one1)
			g.store(m, at("m"), k)
			v := g.mul(g.load(at("v"), k), beta2)
			g.addProduct(v, g.mul(one2, grad), grad)
			g.store(v, at("v"), k)
			g.VSQRTPS(v, v)
			g.VDIVPS(root2, v, v)
			g.VADDPS(eps, v, v)
			p := g.mul(g.load(at("p"), k), keep)
			g.subProduct(p, g.div(m, v), size)
			g.store(p, at("p"), k)
		},
	})
}

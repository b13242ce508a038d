package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// peakFamily makes the loop that is the ceiling of a tier's products of whole numbers, or of bfloat16: the instructions of their
// tiles that multiply and add, on registers alone, in so many independent chains.
func peakFamily(g *gen) {
	switch {
	case g.tiles:
		peakTiles(g, "peakBF16", "TDPBF16PS")
		peakTiles(g, "peakInt8", "TDPBUSD")
	case g.halves:
		peakDot(g, "peakBF16", "float32", func(sum, x, y vec) { g.dot(dotHalves, sum, x, y) })
	case g.vnni:
		peakDot(g, "peakInt8", "int32", func(sum, x, y vec) { g.dot("VPDPBUSD", sum, x, y) })
	default:
		peakDot(g, "peakInt8", "int32", func(sum, x, y vec) {
			product := g.vec()
			g.VPMADDWD(y, x, product)
			g.VPADDD(product, sum, sum)
		})
	}
}

func peakDot(g *gen, name, kind string, add func(sum, x, y vec)) {
	g.begin(name, fmt.Sprintf("func(sums []%s, x, y []int32, turns int)", kind),
		fmt.Sprintf("adds the products of the words of a vector x and a vector y, turns times, to each of %d vectors of sums.", peakChains))
	base := func(name string) operand.Mem {
		r := g.GP64()
		g.Load(g.Param(name).Base(), r)
		return operand.Mem{Base: r}
	}
	to, x, y, turns := base("sums"), g.move(base("x")), g.move(base("y")), g.arg("turns")
	var sums []vec
	for i := range peakChains {
		sums = append(sums, g.move(to.Offset(i*g.bytes)))
	}
	g.align()
	loop := g.label("loop")
	g.Label(loop)
	for _, v := range sums {
		add(v, x, y)
	}
	g.DECQ(turns)
	g.JGT(operand.LabelRef(loop))
	for i, v := range sums {
		g.VMOVUPS(v, to.Offset(i*g.bytes))
	}
	g.end()
}

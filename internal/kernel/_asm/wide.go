package main

import (
	"github.com/mmcloughlin/avo/operand"
)

// widePanels is how many panels one row goes down side by side: one stream alone does not keep memory busy.
const widePanels = 4

// int8Wide makes int8Direct for one row and some whole panels, stride bytes apart.
func int8Wide(g *gen) {
	g.begin("int8wide", "func(c *float32, a *int32, b *uint8, stride, steps int, rowScale, scale, bias *float32)", "computes a row of whole panels from codes as they lie.")
	a, steps := g.arg("a"), g.arg("steps")
	b, panels := g.bytePanels("b", 2*widePanels)
	sums := g.sums(1, 2*widePanels)
	loop := g.label("loop")
	g.align()
	g.Label(loop)
	g.ahead(panels, 64)
	xs := []vec{g.vec(), g.vec()}
	for pair, x := range xs {
		g.VPBROADCASTD(operand.Mem{Base: a, Disp: 4 * pair}, x)
	}
	for j, sum := range sums[0] {
		for pair, w := range g.apart(g.move(panels[j/2].Offset(j % 2 * g.bytes))) {
			g.VPMADDWD(w, xs[pair], w)
			g.VPADDD(w, sum, sum)
		}
	}
	g.ADDQ(operand.Imm(8), a)
	g.advance(b, 2*g.bytes)
	g.DECQ(steps)
	g.JNE(operand.LabelRef(loop))
	g.int8Scale(sums, g.arg("rowScale"), g.arg("scale"), g.arg("bias"))
	c := g.arg("c")
	for j, v := range sums[0] {
		g.VMOVUPS(v, operand.Mem{Base: c, Disp: g.bytes * j})
	}
	g.end()
}

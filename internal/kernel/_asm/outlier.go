package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// outlierFamily makes what stands beside the products of 8-bit codes where some elements keep their float32.
func outlierFamily(g *gen) {
	splitRow(g)
	addOutlier(g)
}

// splitRow makes a word of marks a turn.
func splitRow(g *gen) {
	g.begin("splitRow", "func(rest []float32, marks []int32, x []float32)", "is splitRowGeneric for whole words of marks.")
	rest, marks, x, n := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("rest").Base(), rest)
	g.Load(g.Param("marks").Base(), marks)
	g.Load(g.Param("x").Base(), x)
	g.Load(g.Param("marks").Len(), n)
	sign, least, beyond := g.move(g.memory(0x7fffffff)), g.move(g.float(6)), g.move(g.float(math.Inf(1)))
	done, start := g.label("done"), g.label("loop")
	g.TESTQ(n, n)
	g.JEQ(operand.LabelRef(done))
	g.align()
	g.Label(start)
	word := g.GP32()
	g.XORL(word, word)
	for i := 32/g.lanes() - 1; i >= 0; i-- {
		v := g.move(operand.Mem{Base: x, Disp: i * g.bytes})
		size, found := g.and(v, sign), g.GP32()
		if g.bytes == 64 {
			large, finite := g.compare(atLeast, size, least), g.compare(lessThan, size, beyond)
			k := g.K()
			g.KANDW(large.r, finite.r, k)
			g.KMOVW(k, found)
			g.KNOTW(k, k)
			v = g.keep(mask{k}, v)
		} else {
			k := g.and(g.compare(atLeast, size, least).r.(vec), g.compare(lessThan, size, beyond).r.(vec))
			g.VMOVMSKPS(k, found)
			g.VANDNPS(v, k, v)
		}
		g.SHLL(operand.Imm(uint64(g.lanes())), word)
		g.ORL(found, word)
		g.VMOVUPS(v, operand.Mem{Base: rest, Disp: i * g.bytes})
	}
	g.MOVL(word, operand.Mem{Base: marks})
	g.ADDQ(operand.Imm(4), marks)
	g.ADDQ(operand.U32(128), x)
	g.ADDQ(operand.U32(128), rest)
	g.DECQ(n)
	g.JNE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

// addOutlier walks panels: of each it takes the words of one step of four rows.
func addOutlier(g *gen) {
	g.begin("addOutlier", "func(c []float32, codes []uint8, stride int, scale []float32, x float32, left int)",
		"adds to c an outlier's products with whole panels, whose steps are stride bytes apart; left brings its codes to the top of their words.")
	c, codes, scale, n := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("c").Base(), c)
	g.Load(g.Param("codes").Base(), codes)
	g.Load(g.Param("scale").Base(), scale)
	g.Load(g.Param("c").Len(), n)
	stride, left, count := g.arg("stride"), g.arg("left"), g.XMM()
	g.VMOVQ(left, count)
	x := g.parameter("x")
	g.align()
	start := g.label("loop")
	g.Label(start)
	for h := range 2 {
		at := h * g.bytes
		v := g.move(operand.Mem{Base: codes, Disp: at})
		g.VPSLLD(count, v, v)
		g.VPSRAD(operand.Imm(24), v, v)
		g.VCVTDQ2PS(v, v)
		v = g.mul(v, operand.Mem{Base: scale, Disp: at})
		v = g.mul(v, x)
		v = g.add(v, operand.Mem{Base: c, Disp: at})
		g.VMOVUPS(v, operand.Mem{Base: c, Disp: at})
	}
	g.ADDQ(stride, codes)
	g.ADDQ(operand.U32(2*g.bytes), scale)
	g.ADDQ(operand.U32(2*g.bytes), c)
	g.SUBQ(operand.U32(2*g.lanes()), n)
	g.JNE(operand.LabelRef(start))
	g.end()
}

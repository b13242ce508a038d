package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// Multipliers and key increments of Philox4x32, as internal/chance has them.
const (
	philoxM0, philoxM1 = 0xD2511F53, 0xCD9E8D57
	philoxW0, philoxW1 = 0x9E3779B9, 0xBB67AE85
	philoxRounds       = 10
)

// dropoutGroup is the number of elements that a kernel handles at a time, as in package kernel.
const dropoutGroup = 64

// dropoutFamily makes dropout. The four words of a block stand in the low halves of the 64-bit lanes of four registers, so that
// VPMULUDQ multiplies them as they are. Lane 2i has block i and lane 2i+1 block i+half: interleaving the
// words then yields elements in their order, first those of the lower half of the blocks.
func dropoutFamily(g *gen) {
	g.begin("dropout", "func(dst, x []float32, counter *[4]uint32, key *[20]uint32, limit int32, scale float32)",
		"is dropoutGeneric; key has the two key words of every round, counter[0] does not overflow.")
	dst, x, n := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("x").Base(), x)
	g.Load(g.Param("dst").Len(), n)
	counter, key := g.arg("counter"), g.arg("key")
	first := g.vec()
	g.VPBROADCASTQ(operand.Mem{Base: counter}, first)
	g.VPADDQ(g.blockNumbers(), first, first)
	limit := g.parameter("limit")
	scale := g.parameter("scale")
	g.align()
	loop := g.label("loop")
	g.Label(loop)
	const abreast = 2
	for set := 0; set < dropoutGroup/(2*g.lanes()); set += abreast {
		g.interleave(abreast, func(u int) {
			blocks := g.vec()
			g.VPADDQ(g.quads(fmt.Sprintf("blocks%d", set+u), func(int) uint32 { return uint32((set + u) * g.lanes() / 2) }), first, blocks)
			for h, draws := range g.philox(blocks, counter, key) {
				offset := 4 * (2*g.lanes()*(set+u) + g.lanes()*h)
				g.VPSRLD(operand.Imm(8), draws, draws)
				v := g.mul(scale, operand.Mem{Base: x, Disp: offset})
				g.VMOVUPS(g.keepFrom(draws, limit, v), operand.Mem{Base: dst, Disp: offset})
			}
		})
	}
	g.VPADDQ(g.quads("group", func(int) uint32 { return dropoutGroup / 4 }), first, first)
	g.ADDQ(operand.U32(4*dropoutGroup), x)
	g.ADDQ(operand.U32(4*dropoutGroup), dst)
	g.SUBQ(operand.U32(dropoutGroup), n)
	g.JGT(operand.LabelRef(loop))
	g.end()
}

// quads is a vector of 64-bit numbers below 2^32.
func (g *gen) quads(name string, f func(lane int) uint32) operand.Mem {
	values := make([]uint32, g.lanes())
	for i := range g.lanes() / 2 {
		values[2*i] = f(i)
	}
	return g.words(name, values)
}

func (g *gen) blockNumbers() operand.Mem {
	return g.quads("order", func(lane int) uint32 { return uint32(lane/2 + lane%2*g.lanes()/4) })
}

// philox gives the draws of the blocks numbered by the low halves of first, in two registers.
func (g *gen) philox(first vec, counter, key gp) [2]vec {
	at := func(base gp, i int) operand.Mem { return operand.Mem{Base: base, Disp: 4 * i} }
	word := func(m operand.Mem) vec { v := g.vec(); g.VPBROADCASTD(m, v); return v }
	c0, c1, c2, c3 := first, word(at(counter, 1)), word(at(counter, 2)), word(at(counter, 3))
	for r := range philoxRounds {
		p0, p1 := g.vec(), g.vec()
		g.VPMULUDQ(g.bits(philoxM0), c0, p0)
		g.VPMULUDQ(g.bits(philoxM1), c2, p1)
		h0, h1 := g.vec(), g.vec()
		g.VPSRLQ(operand.Imm(32), p0, h0)
		g.VPSRLQ(operand.Imm(32), p1, h1)
		c0 = g.xor(g.xor(h1, c1), word(at(key, 2*r)))
		c2 = g.xor(g.xor(h0, c3), word(at(key, 2*r+1)))
		c1, c3 = p1, p0
	}
	low, high := g.pair(c0, c1), g.pair(c2, c3)
	a, b := g.vec(), g.vec()
	g.VPUNPCKLQDQ(high, low, a)
	g.VPUNPCKHQDQ(high, low, b)
	return [2]vec{a, b}
}

// pair puts the low half of each 64-bit lane of b over that of a.
func (g *gen) pair(a, b vec) vec {
	v := g.vec()
	g.VPSLLQ(operand.Imm(32), b, v)
	if g.bytes == 64 {
		g.VPANDQ(g.quads("low", func(int) uint32 { return 0xffffffff }), a, a)
		g.VPORQ(a, v, v)
		return v
	}
	g.VPBLENDD(operand.Imm(0x55), a, v, v)
	return v
}

// keepFrom is v in the lanes where bits, which are no negative numbers, are at least limit, and 0 in the others.
func (g *gen) keepFrom(bits, limit, v vec) vec {
	r := g.vec()
	if g.bytes == 64 {
		k := g.K()
		const notLess = 5
		g.VPCMPD(operand.Imm(notLess), limit, bits, k)
		g.VMOVAPS_Z(v, k, r)
		return r
	}
	g.VPCMPGTD(bits, limit, r)
	g.VANDNPS(v, r, r)
	return r
}

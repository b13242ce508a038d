package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A mask selects the first lanes of a vector: a vector register in AVX2, a mask register in AVX-512.
type mask struct{ r reg.Register }

// mask makes the mask of the first n lanes; n may be below 0 or above the number of lanes. It spends n.
func (g *gen) mask(n reg.GPVirtual) mask {
	zero, lanes := g.GP64(), g.GP64()
	g.XORQ(zero, zero)
	g.MOVQ(operand.U32(g.lanes()), lanes)
	g.CMPQ(n, zero)
	g.CMOVQLT(zero, n)
	g.CMPQ(n, lanes)
	g.CMOVQGT(lanes, n)
	if g.bytes == 64 {
		ones, k := g.GP32(), g.K()
		g.MOVL(operand.U32(0xffff), ones)
		g.BZHIL(n.As32(), ones, ones)
		g.KMOVW(ones, k)
		return mask{k}
	}
	v, count := g.vec(), g.vec()
	g.VMOVD(n.As32(), count.AsX())
	g.VPBROADCASTD(count.AsX(), count)
	g.VPCMPGTD(g.laneNumbers(), count, v)
	return mask{v}
}

func (g *gen) loadMasked(m operand.Mem, k mask, v reg.VecVirtual) {
	if g.bytes == 64 {
		g.VMOVUPS_Z(m, k.r, v)
		return
	}
	g.VMASKMOVPS(m, k.r, v)
}

func (g *gen) storeMasked(v reg.VecVirtual, k mask, m operand.Mem) {
	if g.bytes == 64 {
		g.VMOVUPS(v, k.r, m)
		return
	}
	g.VMASKMOVPS(v, k.r, m)
}

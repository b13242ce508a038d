package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type (
	vec = reg.VecVirtual
	gp  = reg.GPVirtual
)

// The operations below give a new register. Operands that are operand.Op may be memory.

func (g *gen) move(a operand.Op) vec { v := g.vec(); g.VMOVUPS(a, v); return v }

func (g *gen) add(a vec, b operand.Op) vec { v := g.vec(); g.VADDPS(b, a, v); return v }

func (g *gen) sub(a vec, b operand.Op) vec { v := g.vec(); g.VSUBPS(b, a, v); return v }

func (g *gen) mul(a vec, b operand.Op) vec { v := g.vec(); g.VMULPS(b, a, v); return v }

func (g *gen) div(a vec, b operand.Op) vec { v := g.vec(); g.VDIVPS(b, a, v); return v }

// max is b where a or b is NaN.
func (g *gen) max(a vec, b operand.Op) vec { v := g.vec(); g.VMAXPS(b, a, v); return v }

// min is b where a or b is NaN.
func (g *gen) min(a vec, b operand.Op) vec { v := g.vec(); g.VMINPS(b, a, v); return v }

func (g *gen) and(a vec, b operand.Op) vec {
	v := g.vec()
	if g.bytes == 64 {
		g.VPANDD(b, a, v)
	} else {
		g.VANDPS(b, a, v)
	}
	return v
}

func (g *gen) or(a vec, b operand.Op) vec {
	v := g.vec()
	if g.bytes == 64 {
		g.VPORD(b, a, v)
	} else {
		g.VORPS(b, a, v)
	}
	return v
}

func (g *gen) xor(a vec, b operand.Op) vec {
	v := g.vec()
	if g.bytes == 64 {
		g.VPXORD(b, a, v)
	} else {
		g.VPXOR(b, a, v)
	}
	return v
}

// addProduct adds a·b to c in place.
func (g *gen) addProduct(c, a vec, b operand.Op) { g.VFMADD231PS(b, a, c) }

// subProduct subtracts a·b from c in place.
func (g *gen) subProduct(c, a vec, b operand.Op) { g.VFNMADD231PS(b, a, c) }

// polynomial evaluates c[0] + c[1]·x + ... by Horner's rule.
func (g *gen) polynomial(x vec, c ...float64) vec {
	p := g.move(g.float(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		g.VFMADD213PS(g.float(c[i]), x, p)
	}
	return p
}

// Predicates of VCMPPS.
const (
	lessThan       = 0x11 // a < b, false for NaN
	unordered      = 0x03 // one is NaN
	notLessOrEqual = 0x16 // a > b, true for NaN
	atLeast        = 0x1d // a >= b, false for NaN
)

// compare makes the mask of the lanes where the predicate holds for a and b.
func (g *gen) compare(predicate uint8, a vec, b operand.Op) mask {
	if g.bytes == 64 {
		k := g.K()
		g.VCMPPS(operand.U8(predicate), b, a, k)
		return mask{k}
	}
	v := g.vec()
	g.VCMPPS(operand.U8(predicate), b, a, v)
	return mask{v}
}

// blend is yes in the lanes of k and no in the others.
func (g *gen) blend(k mask, yes, no vec) vec {
	v := g.vec()
	if g.bytes == 64 {
		g.VBLENDMPS(yes, no, k.r, v)
	} else {
		g.VBLENDVPS(k.r, yes, no, v)
	}
	return v
}

// keep is a in the lanes of k and 0 in the others.
func (g *gen) keep(k mask, a vec) vec {
	v := g.vec()
	if g.bytes == 64 {
		g.VMOVAPS_Z(a, k.r, v)
	} else {
		g.VANDPS(a, k.r.(vec), v)
	}
	return v
}

// scalar broadcasts a float32 in memory.
func (g *gen) scalar(m operand.Op) vec { v := g.vec(); g.VBROADCASTSS(m, v); return v }

// parameter broadcasts a float32 parameter of the function.
func (g *gen) parameter(name string) vec {
	b, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return g.scalar(b.Addr)
}

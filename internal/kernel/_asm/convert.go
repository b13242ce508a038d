package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// convertFamily makes the conversions of 16-bit floats. They do whole vectors and leave the rest.
func convertFamily(g *gen) {
	toF32 := func(name string, f func(src operand.Mem) vec) {
		g.conversion(name, "dst []float32, src []uint16", func(dst, src, i reg.Register) {
			v := f(operand.Mem{Base: src, Index: i, Scale: 2})
			g.VMOVUPS(v, operand.Mem{Base: dst, Index: i, Scale: 4})
		})
	}
	toF32("f16ToF32", func(src operand.Mem) vec {
		v := g.vec()
		g.VCVTPH2PS(src, v)
		return v
	})
	toF32("bf16ToF32", func(src operand.Mem) vec {
		v := g.vec()
		g.VPMOVZXWD(src, v)
		g.VPSLLD(operand.Imm(16), v, v)
		return v
	})
	fromF32 := func(name string, f func(v vec, dst operand.Mem)) {
		g.conversion(name, "dst []uint16, src []float32", func(dst, src, i reg.Register) {
			f(g.move(operand.Mem{Base: src, Index: i, Scale: 4}), operand.Mem{Base: dst, Index: i, Scale: 2})
		})
	}
	fromF32("f32ToF16", func(v vec, dst operand.Mem) { g.VCVTPS2PH(operand.Imm(0), v, dst) })
	fromF32("f32ToBF16", func(v vec, dst operand.Mem) { g.storeLow(g.half(v), dst) })
}

// half is v rounded to bfloat16, to nearest even, in the low 16 bits of each lane; the high ones are 0.
func (g *gen) half(v vec) vec {
	half, odd := g.vec(), g.vec()
	g.VPSRLD(operand.Imm(16), v, half)
	odd = g.and(half, g.bits(1))
	g.VPADDD(v, odd, odd)
	g.VPADDD(g.bits(0x7fff), odd, odd)
	g.VPSRLD(operand.Imm(16), odd, odd)
	return g.blend(g.compare(unordered, v, v), g.or(half, g.bits(0x40)), odd)
}

// storeLow stores the low 16 bits of each lane; the high ones are 0.
func (g *gen) storeLow(v vec, dst operand.Mem) {
	if g.bytes == 64 {
		g.VPMOVDW(v, dst)
		return
	}
	g.VPACKUSDW(v, v, v)
	g.VPERMQ(operand.Imm(0x08), v, v)
	g.VMOVDQU(v.AsX(), dst)
}

// conversion makes a loop over whole vectors; i counts elements.
func (g *gen) conversion(name, parameters string, body func(dst, src, i reg.Register)) {
	g.begin(name, "func("+parameters+")", "is "+name+"Generic for whole vectors; it leaves the rest.")
	dst, src, n, i := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("src").Base(), src)
	g.Load(g.Param("dst").Len(), n)
	g.XORQ(i, i)
	done := g.label("done")
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JLT(operand.LabelRef(done))
	g.align()
	start := g.label("loop")
	g.Label(start)
	body(dst, src, i)
	g.ADDQ(operand.U32(g.lanes()), i)
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

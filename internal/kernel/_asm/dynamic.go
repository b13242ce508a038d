package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A dynamicType is bitsandbytes' dynamic 8-bit type as package kernel has it. Its positive levels are seven decades of cells of equal
// width, decade i from 10^(i-7) to 10^(i-6) in items(i) cells, whose middles are the levels, and 1. The code zero has the level 0.
type dynamicType struct {
	name  string
	zero  int
	first int // the lowest decade has 2^first cells
}

func dynamicFamily(g *gen) {
	for _, t := range []dynamicType{{"Signed", 127, 0}, {"Unsigned", 0, 1}} {
		t.dequantize(g)
		t.quantize(g)
	}
}

const decades = 7

func (t dynamicType) signed() bool { return t.zero > 0 }

func (t dynamicType) items(decade int) float64 { return math.Ldexp(1, decade+t.first) }

// low and width are where a decade begins and the width of its cells.
func (t dynamicType) low(decade int) float64 { return math.Pow(10, float64(decade-decades)) }

func (t dynamicType) width(decade int) float64 { return 9 * t.low(decade) / t.items(decade) }

// level is a level of a decade, counted from 0.
func (t dynamicType) level(decade, i int) float64 {
	return t.low(decade) + t.width(decade)*(float64(i)+0.5)
}

// table is a vector of which lane slot(i) has f(i) for each decade i, and the lane before the lowest decade's zero.
func (g *gen) table(name string, slot func(decade int) int, f func(decade int) float64) operand.Mem {
	values := make([]uint32, g.lanes())
	for decade := range decades {
		for lane := slot(decade) % 8; lane < len(values); lane += 8 {
			values[lane] = math.Float32bits(float32(f(decade)))
		}
	}
	return g.words(name, values)
}

// permute is the table's elements at the low bits of at.
func (g *gen) permute(table operand.Mem, at vec) vec {
	v := g.vec()
	g.VPERMPS(table, at, v)
	return v
}

// dequantize counts levels from the zero's, plus 2^first - 1, so that the lowest of each decade is a power of two: the exponent
// tells the decade, and what is above the power of two the cell.
func (t dynamicType) dequantize(g *gen) {
	slot := func(decade int) int { return 127 + t.first + decade } // an exponent as float32 has it
	starts := g.table("start"+t.name, slot, func(d int) float64 { return t.level(d, 0) })
	widths := g.table("width"+t.name, slot, t.width)
	g.dynamicLoop("dequantize"+t.name, "dst []float32, q []uint8, most float32", "dst", "q", "most", func(dst, q, i reg.Register, most vec) {
		code, magnitude := g.vec(), g.vec()
		g.VPMOVZXBD(operand.Mem{Base: q, Index: i, Scale: 1}, code)
		g.VPSUBD(g.bits(uint32(t.zero)), code, code)
		if t.signed() {
			g.VPABSD(code, magnitude)
		} else {
			g.VPADDD(g.bits(1), code, magnitude)
		}
		g.VCVTDQ2PS(magnitude, magnitude)
		h := g.min(g.add(magnitude, g.float(0.5)), g.float(math.Ldexp(1, decades+t.first)-0.5)) // 0 is below all, 1 among the highest
		cell := g.sub(magnitude, g.and(h, g.bits(0xff800000)))
		g.VPSRLD(operand.Imm(23), h, h)
		level := g.permute(starts, h)
		g.addProduct(level, cell, g.permute(widths, h))
		level = g.mul(g.min(level, g.float(1)), most)
		if t.signed() {
			level = g.xor(level, g.and(code, g.bits(1<<31)))
		}
		g.VMOVUPS(level, operand.Mem{Base: dst, Index: i, Scale: 4})
	})
}

// quantize finds the decade by comparing with what lies half way between two decades' levels, and the level by the cell.
func (t dynamicType) quantize(g *gen) {
	var bounds []float64
	if t.signed() {
		bounds = []float64{t.level(0, 0) / 2}
	} else {
		bounds = []float64{math.SmallestNonzeroFloat32}
	}
	for d := 1; d < decades; d++ {
		bounds = append(bounds, (t.level(d-1, int(t.items(d-1))-1)+t.level(d, 0))/2)
	}
	top := (t.level(decades-1, int(t.items(decades-1))-1) + 1) / 2
	slot := func(decade int) int { return decade + 1 }
	start := func(d int) float64 { return t.items(d) - float64(t.first) } // the number of the lowest level, counted from the zero
	low := func(d int) float64 {
		if d == 0 && !t.signed() {
			return 0 // its first cell, of two, begins at 0
		}
		return t.low(d)
	}
	width := func(d int) float64 { return t.low(d) + t.width(d) - low(d) }
	factors := g.table("factor"+t.name, slot, func(d int) float64 { return 1 / width(d) })
	offsets := g.table("offset"+t.name, slot, func(d int) float64 { return start(d) - low(d)/width(d) })
	highest := g.table("highest"+t.name, slot, func(d int) float64 { return start(d) + t.items(d) - 0.5 })
	g.dynamicLoop("quantize"+t.name, "q []uint8, x []float32, inverse float32", "x", "q", "inverse", func(src, q, i reg.Register, inverse vec) {
		x := g.mul(inverse, operand.Mem{Base: src, Index: i, Scale: 4})
		magnitude := x
		if t.signed() {
			magnitude = g.and(x, g.bits(0x7fffffff))
		}
		decade := g.vec()
		g.zero(decade)
		for _, b := range bounds {
			g.count(g.compare(atLeast, magnitude, g.float(b)), decade)
		}
		code := g.permute(offsets, decade)
		g.addProduct(code, magnitude, g.permute(factors, decade))
		code = g.min(code, g.permute(highest, decade))
		g.VCVTTPS2DQ(code, code)
		g.count(g.compare(atLeast, x, g.float(top)), code)
		if t.signed() {
			sign := g.vec()
			g.VPSRAD(operand.Imm(31), x, sign)
			code = g.xor(code, sign)
			g.VPSUBD(sign, code, code)
			g.VPADDD(g.bits(uint32(t.zero)), code, code)
		}
		g.storeBytes(code, operand.Mem{Base: q, Index: i, Scale: 1})
	})
}

// count adds 1 in the lanes of k.
func (g *gen) count(k mask, v vec) {
	if g.bytes == 64 {
		g.VPADDD(g.bits(1), v, k.r, v)
		return
	}
	g.VPSUBD(k.r, v, v)
}

// storeBytes stores the low byte of each lane; the other bits are 0.
func (g *gen) storeBytes(v vec, dst operand.Mem) {
	if g.bytes == 64 {
		g.VPMOVDB(v, dst)
		return
	}
	g.VPACKUSDW(v, v, v)
	g.VPERMQ(operand.Imm(0x08), v, v)
	g.VPACKUSWB(v.AsX(), v.AsX(), v.AsX())
	g.VMOVQ(v.AsX(), dst)
}

// dynamicLoop makes a loop over whole vectors of floats and as many bytes; i counts elements.
func (g *gen) dynamicLoop(name, parameters, floats, bytes, scalar string, body func(floats, bytes, i reg.Register, scalar vec)) {
	g.begin(name, "func("+parameters+")", "is "+name+"Generic for whole vectors; it leaves the rest.")
	x, q, n, i := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param(floats).Base(), x)
	g.Load(g.Param(bytes).Base(), q)
	g.Load(g.Param(floats).Len(), n)
	s := g.parameter(scalar)
	g.XORQ(i, i)
	done, start := g.label("done"), g.label("loop")
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JLT(operand.LabelRef(done))
	g.align()
	g.Label(start)
	body(x, q, i, s)
	g.ADDQ(operand.U32(g.lanes()), i)
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// dequantizeFamily makes float32 of quantized panels, which are two vectors wide.
func dequantizeFamily(g *gen) {
	g.dequantizing("dequantizeBytes", "scale", 4, func() decoder { return g.byteRows })
	g.dequantizing("dequantizeTable", "scale", 8, g.nf4Decoder)
	g.dequantizing("dequantizeNibbles", "scale, zero", 8, func() decoder {
		zeros := g.columns("zero")
		return g.int4Decoder(func(v vec, j, place int) {
			g.VSUBPS(g.float(float64(affine(place))), v, v)
			g.VSUBPS(zeros[j], v, v)
		})
	})
}

// byteRows is the decoder of 8-bit codes, four rows a word.
func (g *gen) byteRows(src operand.Mem, _, _ int, use func(row int, v vec)) {
	codes := g.move(src)
	for r := range 4 {
		v := codes
		if left := uint64(24 - 8*r); left > 0 {
			v = g.vec()
			g.VPSLLD(operand.Imm(left), codes, v)
		}
		g.VPSRAD(operand.Imm(24), v, v)
		g.VCVTDQ2PS(v, v)
		use(r, v)
	}
}

// columns loads the two vectors of a parameter.
func (g *gen) columns(name string) []vec {
	from := g.GP64()
	g.Load(g.Param(name).Base(), from)
	return []vec{g.move(operand.Mem{Base: from}), g.move(operand.Mem{Base: from, Disp: g.bytes})}
}

// dequantizing makes a loop over the rows of a panel, as many at a time as share a row of words. prepare loads what the decoder needs.
func (g *gen) dequantizing(name, vectors string, rows int, prepare func() decoder) {
	g.begin(name, "func(dst []float32, q []uint8, "+vectors+" []float32)", fmt.Sprintf("is %sGeneric for whole words of %d rows.", name, rows))
	dst, q, n := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("q").Base(), q)
	g.Load(g.Param("dst").Len(), n)
	scales := g.columns("scale")
	decode := prepare()
	row := 2 * g.lanes()
	done, start := g.label("done"), g.label("loop")
	g.SUBQ(operand.U32(rows*row), n)
	g.JLT(operand.LabelRef(done))
	g.align()
	g.Label(start)
	for at, scale := range scales {
		for half := range rows / 4 {
			decode(operand.Mem{Base: q, Disp: at * g.bytes}, at, half, func(r int, v vec) {
				g.VMOVUPS(g.mul(v, scale), operand.Mem{Base: dst, Disp: r*2*g.bytes + at*g.bytes})
			})
		}
	}
	g.ADDQ(operand.U32(4*row), q)
	g.ADDQ(operand.U32(rows*row*4), dst)
	g.SUBQ(operand.U32(rows*row), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// nf4Levels are NF4's values, as package kernel has them.
var nf4Levels = []float64{
	-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
}

// dequantizeFamily makes float32 of quantized panels, which are two vectors wide.
func dequantizeFamily(g *gen) {
	g.dequantizing("dequantizeBytes", "scale", 4, func() {}, func(src operand.Mem, _ int) []vec {
		codes, rows := g.move(src), g.vecs(4)
		for r, v := range rows {
			if left := uint64(24 - 8*r); left > 0 {
				g.VPSLLD(operand.Imm(left), codes, v)
				g.VPSRAD(operand.Imm(24), v, v)
			} else {
				g.VPSRAD(operand.Imm(24), codes, v)
			}
			g.VCVTDQ2PS(v, v)
		}
		return rows
	})
	var tables []vec
	g.dequantizing("dequantizeTable", "scale", 2, func() {
		var bits []uint32
		for _, level := range nf4Levels {
			bits = append(bits, math.Float32bits(float32(level)))
		}
		for from := 0; from < len(bits); from += g.lanes() {
			tables = append(tables, g.move(g.words(fmt.Sprintf("nf4from%d", from), bits[from:from+g.lanes()])))
		}
	}, func(src operand.Mem, _ int) []vec {
		codes := g.codes(src)
		for i, code := range codes {
			codes[i] = g.lookUp(tables, code)
		}
		return codes
	})
	var zeros []vec
	g.dequantizing("dequantizeNibbles", "scale, zero", 2, func() { zeros = g.columns("zero") }, func(src operand.Mem, at int) []vec {
		codes := g.codes(src)
		for i, code := range codes {
			g.VCVTDQ2PS(code, code)
			codes[i] = g.sub(code, zeros[at])
		}
		return codes
	})
}

// codes are the low and the high halves of a vector of bytes.
func (g *gen) codes(src operand.Mem) []vec {
	v, high := g.vec(), g.vec()
	g.VPMOVZXBD(src, v)
	g.VPSRLD(operand.Imm(4), v, high)
	return []vec{g.and(v, g.memory(15)), high}
}

// lookUp is a table of 16 floats, in one register or two, at the codes. It spends code.
func (g *gen) lookUp(tables []vec, code vec) vec {
	v := g.vec()
	g.VPERMPS(tables[0], code, v)
	if len(tables) == 1 {
		return v
	}
	high := g.vec()
	g.VPERMPS(tables[1], code, high)
	g.VPSLLD(operand.Imm(28), code, code) // bit 3 chooses the table
	return g.blend(mask{code}, high, v)
}

// columns loads the two vectors of a parameter.
func (g *gen) columns(name string) []vec {
	from := g.GP64()
	g.Load(g.Param(name).Base(), from)
	return []vec{g.move(operand.Mem{Base: from}), g.move(operand.Mem{Base: from, Disp: g.bytes})}
}

// dequantizing makes a loop over rows of a panel, as many at a time as share their bytes: two rows a byte of 4-bit codes, or four
// of 8-bit codes, four bytes a column. prepare loads what body needs; body gives, for one vector of columns, the
// vector of each row that lies in it, before it is scaled.
func (g *gen) dequantizing(name, vectors string, rows int, prepare func(), body func(src operand.Mem, at int) []vec) {
	doc, width := "is "+name+"Generic for pairs of rows, from an even one on", 1
	if rows == 4 {
		doc, width = "is "+name+"Generic for fours of rows, from a multiple of four on", 4
	}
	g.begin(name, "func(dst []float32, q []uint8, "+vectors+" []float32)", doc+".")
	dst, q, n := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("q").Base(), q)
	g.Load(g.Param("dst").Len(), n)
	scales := g.columns("scale")
	prepare()
	row := 2 * g.lanes()
	done, start := g.label("done"), g.label("loop")
	g.SUBQ(operand.U32(rows*row), n)
	g.JLT(operand.LabelRef(done))
	g.align()
	g.Label(start)
	for at, s := range scales {
		for r, v := range body(operand.Mem{Base: q, Disp: at * g.lanes() * width}, at) {
			g.VMOVUPS(g.mul(v, s), operand.Mem{Base: dst, Disp: r*row*4 + at*g.bytes})
		}
	}
	g.ADDQ(operand.U32(row*width), q)
	g.ADDQ(operand.U32(rows*row*4), dst)
	g.SUBQ(operand.U32(rows*row), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

package main

import "github.com/mmcloughlin/avo/operand"

// transposeFamily makes, for every tier alike, what moves blocks of matrices.
func transposeFamily(g *gen) {
	copyBlock(g)
	transpose8(g)
}

// transpose8 makes the transposition of 8×8 blocks.
func transpose8(g *gen) {
	g.begin("transpose8", "func(dst *float32, ldd int, src *float32, lds, rows, cols int)",
		"transposes [rows,cols], both multiples of 8 and not 0.")
	dst, src, ldd, lds := g.arg("dst"), g.arg("src"), g.arg("ldd"), g.arg("lds")
	cols := g.arg("cols")
	g.SHLQ(operand.Imm(2), ldd)
	g.SHLQ(operand.Imm(2), lds)
	strips, blocks := g.label("strip"), g.label("block")
	g.Label(strips)
	from, to, rows := g.GP64(), g.GP64(), g.GP64()
	g.MOVQ(src, from)
	g.MOVQ(dst, to)
	g.Load(g.Param("rows"), rows)
	g.align()
	g.Label(blocks)
	g.transposeBlock(from, lds, to, ldd)
	g.LEAQ(operand.Mem{Base: from, Index: lds, Scale: 8}, from)
	g.ADDQ(operand.Imm(32), to)
	g.SUBQ(operand.Imm(8), rows)
	g.JGT(operand.LabelRef(blocks))
	g.ADDQ(operand.Imm(32), src)
	g.LEAQ(operand.Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	g.SUBQ(operand.Imm(8), cols)
	g.JGT(operand.LabelRef(strips))
	g.end()
}

// copyBlock makes the copy of a matrix whose rows are a multiple of 16 long.
func copyBlock(g *gen) {
	g.begin("copy16", "func(dst *float32, ldd int, src *float32, lds, rows, cols int)", "copies [rows,cols], cols a multiple of 16, neither 0.")
	dst, src, ldd, lds := g.arg("dst"), g.arg("src"), g.arg("ldd"), g.arg("lds")
	rows := g.arg("rows")
	g.SHLQ(operand.Imm(2), ldd)
	g.SHLQ(operand.Imm(2), lds)
	next, more := g.label("row"), g.label("more")
	g.Label(next)
	cols, at := g.arg("cols"), g.GP64()
	g.XORQ(at, at)
	g.align()
	g.Label(more)
	a, b := g.vec(), g.vec()
	g.VMOVUPS(operand.Mem{Base: src, Index: at, Scale: 4}, a)
	g.VMOVUPS(operand.Mem{Base: src, Index: at, Scale: 4, Disp: 32}, b)
	g.VMOVUPS(a, operand.Mem{Base: dst, Index: at, Scale: 4})
	g.VMOVUPS(b, operand.Mem{Base: dst, Index: at, Scale: 4, Disp: 32})
	g.ADDQ(operand.Imm(16), at)
	g.CMPQ(at, cols)
	g.JLT(operand.LabelRef(more))
	g.ADDQ(ldd, dst)
	g.ADDQ(lds, src)
	g.DECQ(rows)
	g.JNE(operand.LabelRef(next))
	g.end()
}

// transposeBlock transposes one 8×8 block: pairs, then pairs of pairs, within the halves of registers; rows 0-3 and 4-7 were
// loaded into different halves.
func (g *gen) transposeBlock(from, lds, to, ldd gp) {
	rows := func(base, ld gp) (m [8]operand.Mem) {
		low, high := g.GP64(), g.GP64()
		g.LEAQ(operand.Mem{Base: base, Index: ld, Scale: 2}, low)
		g.ADDQ(ld, low) // row 3
		g.LEAQ(operand.Mem{Base: base, Index: ld, Scale: 4}, high)
		g.ADDQ(ld, high) // row 5
		m[0], m[1] = operand.Mem{Base: base}, operand.Mem{Base: base, Index: ld, Scale: 1}
		m[2], m[4] = operand.Mem{Base: base, Index: ld, Scale: 2}, operand.Mem{Base: base, Index: ld, Scale: 4}
		m[3], m[5] = operand.Mem{Base: low}, operand.Mem{Base: high}
		m[6], m[7] = operand.Mem{Base: high, Index: ld, Scale: 1}, operand.Mem{Base: high, Index: ld, Scale: 2}
		return m
	}
	in, out := rows(from, lds), rows(to, ldd)
	var r [8]vec // r[i], i < 4: columns 0-3 of rows i and i+4; r[i+4]: columns 4-7
	for i := range 4 {
		for h := range 2 {
			v := g.YMM()
			g.VMOVUPS(in[i].Offset(16*h), v.AsX())
			g.VINSERTF128(operand.Imm(1), in[i+4].Offset(16*h), v, v)
			r[i+4*h] = v
		}
	}
	for h := 0; h < 8; h += 4 {
		a, b, c, d := g.YMM(), g.YMM(), g.YMM(), g.YMM()
		g.VUNPCKLPS(r[h+1], r[h], a)
		g.VUNPCKHPS(r[h+1], r[h], b)
		g.VUNPCKLPS(r[h+3], r[h+2], c)
		g.VUNPCKHPS(r[h+3], r[h+2], d)
		for i, pair := range [][2]vec{{a, c}, {b, d}} {
			v := g.YMM()
			g.VUNPCKLPD(pair[1], pair[0], v)
			g.VMOVUPS(v, out[h+2*i])
			w := g.YMM()
			g.VUNPCKHPD(pair[1], pair[0], w)
			g.VMOVUPS(w, out[h+2*i+1])
		}
	}
}

package main

import (
	"fmt"
	"slices"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
)

// vnniFamily makes the products of 8-bit codes by VPDPBUSD, which adds to a 32-bit sum the products of four unsigned bytes and four signed
// ones: of a row's codes, each 128 higher than it is, and a column's as they lie. Gradients, whose rows have 16 bits, take the tiles of
// pairs, by VPDPWSSD. Sums wrap around where they pass 32 bits.
func vnniFamily(g *gen) {
	int8QuantizeBytes(g)
	int8Begin(g)
	for r := 1; r <= g.rows; r++ {
		int8Tile(g, r)
	}
	for r := 1; r <= g.rows; r++ {
		int8Bytes(g, r)
	}
}

// dot adds to the lanes of sum the products that an instruction unknown to avo makes of x and y.
func (g *gen) dot(opcode string, sum, x vec, y operand.Op) {
	operands := []operand.Op{y, x, sum}
	g.Instruction(&ir.Instruction{Opcode: opcode, Operands: operands, Inputs: slices.Clone(operands), Outputs: []operand.Op{sum}})
}

// int8QuantizeBytes is int8Quantize for bytes: flipping the highest bit adds 128.
func int8QuantizeBytes(g *gen) {
	g.quantizer("quantizeBytes", g.bytes/4, func(v vec, to operand.Mem) {
		g.VPMOVDB(g.xor(v, g.memory(128)), to)
	})
}

// int8Begin makes what the sums of a panel's columns begin with where the codes of rows stand 128 too high.
func int8Begin(g *gen) {
	g.begin("beginInt8", "func(dst []int32, codes []uint8)", "writes, for each column of a panel, -128 times the sum of its codes.")
	dst, codes, n := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("codes").Base(), codes)
	g.Load(g.Param("codes").Len(), n)
	high, zero, sums := g.move(g.memory(0x80808080)), g.vec(), g.vecs(2)
	for _, v := range append(sums, zero) {
		g.zero(v)
	}
	done, start := g.label("done"), g.label("loop")
	g.SUBQ(operand.U32(2*g.bytes), n)
	g.JLT(operand.LabelRef(done))
	g.align()
	g.Label(start)
	for h, v := range sums {
		g.dot("VPDPBUSD", v, high, operand.Mem{Base: codes, Disp: h * g.bytes})
	}
	g.ADDQ(operand.U32(2*g.bytes), codes)
	g.SUBQ(operand.U32(2*g.bytes), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	for h, v := range sums {
		g.VPSUBD(v, zero, v)
		g.VMOVUPS(v, operand.Mem{Base: dst, Disp: h * g.bytes})
	}
	g.end()
}

// int8Bytes makes a tile of r rows from rows of bytes and codes as they lie:
//
//	c[i*ldc + j] = float32(begin[j] + Σ a[i*lda + p]·b[p*panel + j])·(rowScale[i]·scale[j]) + bias[j]
//
// where a and b are fours and · is the sum of the products of their bytes. A sum has a latency of four or five: where there are few, every other
// step has its own.
func int8Bytes(g *gen, r int) {
	g.begin(fmt.Sprintf("int8bytes%d", r), "func(c *float32, ldc int, a *int32, lda int, b *uint8, steps int, begin *int32, rowScale, scale, bias *float32)",
		fmt.Sprintf("computes a tile of %d rows from bytes.", r))
	sums := [][][]vec{make([][]vec, r)}
	begin := g.arg("begin")
	for i := range sums[0] {
		sums[0][i] = []vec{g.move(operand.Mem{Base: begin}), g.move(operand.Mem{Base: begin, Disp: g.bytes})}
	}
	if r <= streamRows {
		sums = append(sums, g.sums(r, 2))
	}
	g.int8Loop(r, 1, 4, func(u int, b operand.Mem, rows []operand.Mem) {
		codes := []vec{g.move(b), g.move(b.Offset(g.bytes))}
		for i, row := range rows {
			x := g.vec()
			g.VPBROADCASTD(row, x)
			for j, v := range sums[u%len(sums)][i] {
				g.dot("VPDPBUSD", v, x, codes[j])
			}
		}
	})
	for _, more := range sums[1:] {
		for i, row := range more {
			for j, v := range row {
				g.VPADDD(v, sums[0][i][j], sums[0][i][j])
			}
		}
	}
	c, ldc := g.arg("c"), g.arg("ldc")
	g.SHLQ(operand.Imm(2), ldc)
	g.int8Scale(sums[0], g.arg("rowScale"), g.arg("scale"), g.arg("bias"))
	g.storeRows(sums[0], c, ldc, false)
}

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bf16Family makes products of bfloat16 by VDPBF16PS, which adds to a sum of float32 the products of a pair of k and another: of the odd k's
// first. Rows are pairs, and a panel lies [k/2][panel][2]; direct tiles make that of two stored rows, which lie [k][panel], in registers.
func bf16Family(g *gen) {
	pairHalves(g)
	pairFloats(g)
	for r := 1; r <= g.rows; r++ {
		g.bf16Tile(fmt.Sprintf("bf16x%d", r), r, "b *int32", "pairs", func(b operand.Mem) []vec {
			return []vec{g.move(b), g.move(b.Offset(g.bytes))}
		}, func(sums []vec) []vec { return sums })
	}
	for r := 1; r <= g.direct; r++ {
		g.bf16Tile(fmt.Sprintf("bf16direct%d", r), r, "b *uint16", "rows as they lie", g.interleaved, g.inOrder)
	}
}

// bf16Tile makes a tile of r rows over steps of two of k:
//
//	c[i*ldc + j] (+)= Σ a[i*lda + p]·b[p*panel + j]
//
// where a and b are pairs. pairs gives those of a step at b, and inOrder the sums in the order of columns.
func (g *gen) bf16Tile(name string, r int, b, of string, pairs func(b operand.Mem) []vec, inOrder func(sums []vec) []vec) {
	g.begin(name, "func(c *float32, ldc int, a *int32, lda int, "+b+", steps, acc int)", fmt.Sprintf("computes a tile of %d rows from %s.", r, of))
	sums := g.sums(r, 2)
	g.int8Loop(r, 1, 4, func(_ int, b operand.Mem, rows []operand.Mem) {
		w := pairs(b)
		for i, row := range rows {
			x := g.vec()
			g.VPBROADCASTD(row, x)
			for j, v := range sums[i] {
				g.dot(dotHalves, v, x, w[j])
			}
		}
	})
	for i := range sums {
		sums[i] = inOrder(sums[i])
	}
	g.storeStream(sums)
}

// interleaved makes pairs of the two rows at b. Unpacking works on each quarter of a vector by itself: the first vector has columns
// 0 to 3, 8 to 11, and so on, the second one the others.
func (g *gen) interleaved(b operand.Mem) []vec {
	even, odd := g.move(b), g.move(b.Offset(g.bytes))
	low, high := g.vec(), g.vec()
	g.VPUNPCKLWD(odd, even, low)
	g.VPUNPCKHWD(odd, even, high)
	return []vec{low, high}
}

// inOrder puts the quarters of what was interleaved, which it spends, in the order of columns.
func (g *gen) inOrder(v []vec) []vec {
	quarters := func(name string, first uint32) vec {
		var words []uint32
		for _, q := range []uint32{first, first + 1, first + 8, first + 9, first + 2, first + 3, first + 10, first + 11} {
			words = append(words, q, 0)
		}
		return g.move(g.words(name, words))
	}
	low := g.move(v[0])
	g.VPERMT2Q(v[1], quarters("lowquarters", 0), low)
	g.VPERMT2Q(v[1], quarters("highquarters", 4), v[0])
	return []vec{low, v[0]}
}

// pairHalves makes pairs of a panel's rows.
func pairHalves(g *gen) {
	g.begin("pairHalves", "func(dst []int32, src []uint16)", "makes pairs of every two rows of a panel.")
	dst, src, n := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("src").Base(), src)
	g.Load(g.Param("src").Len(), n)
	done, start := g.label("done"), g.label("loop")
	g.SUBQ(operand.U32(g.bytes), n) // halves of two rows
	g.JLT(operand.LabelRef(done))
	g.align()
	g.Label(start)
	for line := 0; line < 2*g.bytes; line += 64 {
		g.PREFETCHT0(operand.Mem{Base: src, Disp: aheadBytes + line})
	}
	for h, v := range g.inOrder(g.interleaved(operand.Mem{Base: src})) {
		g.VMOVUPS(v, operand.Mem{Base: dst, Disp: h * g.bytes})
	}
	g.ADDQ(operand.U32(2*g.bytes), src)
	g.ADDQ(operand.U32(2*g.bytes), dst)
	g.SUBQ(operand.U32(g.bytes), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

// pairFloats makes pairs of rows of floats, which it rounds.
func pairFloats(g *gen) {
	g.begin("pairFloats", "func(dst *int32, src *float32, stride, steps int)", "makes pairs of two rows a step, a panel wide and stride apart.")
	dst, src, stride, n := g.arg("dst"), g.arg("src"), g.arg("stride"), g.arg("steps")
	g.SHLQ(operand.Imm(2), stride)
	start := g.label("loop")
	g.align()
	g.Label(start)
	for h := range 2 {
		first := operand.Mem{Base: src, Disp: h * g.bytes}
		second := first
		second.Index, second.Scale = stride, 1
		low, high := g.half(g.move(first)), g.half(g.move(second))
		g.VPSLLD(operand.Imm(16), high, high)
		g.VMOVUPS(g.or(low, high), operand.Mem{Base: dst, Disp: h * g.bytes})
	}
	g.LEAQ(operand.Mem{Base: src, Index: stride, Scale: 2}, src)
	g.ADDQ(operand.U32(2*g.bytes), dst)
	g.DECQ(n)
	g.JGT(operand.LabelRef(start))
	g.end()
}

// dotHalves is unknown to Go's assembler too: encode writes it as bytes.
const dotHalves = "VDPBF16PS"

// encode replaces each VDPBF16PS on registers by its bytes, EVEX.512.F3.0F38.W0 52 /r, and instructions on tiles by theirs.
func encode(file *ir.File) {
	for _, f := range file.Functions() {
		var nodes []ir.Node
		for _, node := range f.Nodes {
			i, ok := node.(*ir.Instruction)
			if ok && tileCodes[i.Opcode].opcode != 0 {
				nodes = append(nodes, rawBytes(encodeTiles(i))...)
				continue
			}
			if !ok || i.Opcode != dotHalves {
				nodes = append(nodes, node)
				continue
			}
			var n [3]uint32 // the register of memory or codes, of rows, of sums
			for at, op := range i.Operands {
				n[at] = uint32(reg.ToPhysical(op.(reg.Register)).PhysicalIndex())
			}
			not := func(v, bit uint32) uint32 { return v>>bit&1 ^ 1 }
			prefix := 0x62 | 0x02<<8 | 0x06<<16 | 0x40<<24 | // map 0F38; W0, F3; 512 bits
				not(n[2], 3)<<15 | not(n[0], 4)<<14 | not(n[0], 3)<<13 | not(n[2], 4)<<12 |
				(^n[1]&15)<<19 | not(n[1], 4)<<27
			opcode := 0x52 | (0xc0|n[2]&7<<3|n[0]&7)<<8
			nodes = append(nodes, &ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(prefix)}},
				&ir.Instruction{Opcode: "WORD", Operands: []operand.Op{operand.U16(opcode)}})
		}
		f.Nodes = nodes
	}
}

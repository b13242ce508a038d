package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// outerRows is the height of the highest tile of gemmOuter: its masks and sums fill the registers of AVX2.
const outerRows = 5

// outerFamily makes the tiles of GemmOuter, whose two matrices are row-major as they lie in memory.
func outerFamily(g *gen) {
	for r := 1; r <= outerRows; r++ {
		outerTile(g, r)
	}
}

// outerTile makes a tile of r rows and a panel's columns:
//
//	c[i*ldc + j] (+)= Σ a[p*lda + i]·b[p*ldb + j]
//
// The sum of each element is one chain over p, begun at zero. Each turn asks for the same row's next columns.
func outerTile(g *gen, r int) {
	g.begin(fmt.Sprintf("outer%d", r), "func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols, acc int)",
		fmt.Sprintf("computes a tile of %d rows from k rows of a and b.", r))
	a, lda, b, ldb, k := g.arg("a"), g.arg("lda"), g.arg("b"), g.arg("ldb"), g.arg("k")
	g.SHLQ(operand.Imm(2), lda)
	g.SHLQ(operand.Imm(2), ldb)
	masks := g.panelMasks()
	sums := make([][]vec, r)
	for i := range sums {
		sums[i] = g.vecs(2)
		g.zero(sums[i][0])
		g.zero(sums[i][1])
	}
	g.align()
	loop := g.label("loop")
	g.Label(loop)
	b0, b1, x := g.vec(), g.vec(), g.vecs(2)
	for line := 0; line < 2*g.bytes; line += 64 {
		g.PREFETCHT0(operand.Mem{Base: b, Disp: 2*g.bytes + line})
	}
	g.loadMasked(operand.Mem{Base: b}, masks[0], b0)
	g.loadMasked(operand.Mem{Base: b, Disp: g.bytes}, masks[1], b1)
	for i := range r {
		g.VBROADCASTSS(operand.Mem{Base: a, Disp: 4 * i}, x[i%2])
		g.VFMADD231PS(b0, x[i%2], sums[i][0])
		g.VFMADD231PS(b1, x[i%2], sums[i][1])
	}
	g.ADDQ(lda, a)
	g.ADDQ(ldb, b)
	g.DECQ(k)
	g.JNE(operand.LabelRef(loop))
	c, ldc, acc := g.arg("c"), g.arg("ldc"), g.arg("acc")
	g.SHLQ(operand.Imm(2), ldc)
	g.storePart(sums, masks, c, ldc, acc)
}

// panelMasks makes the masks of the two vectors of a panel of which cols columns exist.
func (g *gen) panelMasks() []mask {
	cols, rest := g.arg("cols"), g.GP64()
	g.MOVQ(cols, rest)
	g.SUBQ(operand.Imm(uint64(g.lanes())), rest)
	return []mask{g.mask(cols), g.mask(rest)}
}

// storePart writes the sums, or adds them to c, in the columns of the masks, and returns.
func (g *gen) storePart(sums [][]vec, masks []mask, c, ldc, acc reg.GPVirtual) {
	store := g.label("store")
	g.TESTQ(acc, acc)
	g.JEQ(operand.LabelRef(store))
	for _, add := range []bool{true, false} {
		if !add {
			g.Label(store)
		}
		for i, row := range sums {
			for j, v := range row {
				m := operand.Mem{Base: c, Disp: g.bytes * j}
				if add {
					old := g.vec()
					g.loadMasked(m, masks[j], old)
					g.VADDPS(old, v, v)
				}
				g.storeMasked(v, masks[j], m)
			}
			if i < len(sums)-1 {
				g.ADDQ(ldc, c)
			}
		}
		g.end()
	}
}

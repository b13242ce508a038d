package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is the number of steps over k in one turn of a tile's loop.
const unroll = 4

// Tiles of at most streamRows rows wait for b rather than for the arithmetic: they ask for it aheadBytes ahead.
const (
	streamRows = 4
	aheadBytes = 1024
)

// gemmFamily makes the register tiles of Gemm: every height on one panel, and for the lowest heights, whose few
// chains of additions would wait for each other, also tiles over several panels.
func gemmFamily(g *gen) {
	for r := 1; r <= g.rows; r++ {
		gemmTile(g, r, 1)
	}
	for r, n := range g.span {
		if n > 1 {
			gemmTile(g, r, n)
		}
	}
	peakFMA(g)
}

// gemmTile makes a tile of r rows and n panels:
//
//	c[i*ldc + j] (+)= Σ a[i*lda + p]·b[p*panel + j]
//
// The sum of each element is one chain over p, begun at zero. A tile on one panel takes the number of columns that
// exist; wider ones are always whole.
func gemmTile(g *gen, r, n int) {
	name := fmt.Sprintf("gemm%dx%d", r, n)
	g.begin(name, "func(c *float32, ldc int, a *float32, lda int, b *float32, stride, k, cols, acc int, next *float32, ahead int)",
		fmt.Sprintf("computes a tile of %d rows and %d panels; stride is the distance of panels.", r, n))
	a, rows := g.rowAddresses(g.arg("a"), g.arg("lda"), r)
	b, panels := g.panelAddresses(g.arg("b"), n)
	var next, ahead reg.GPVirtual
	if r > streamRows {
		next, ahead = g.arg("next"), g.arg("ahead")
	}
	sums := make([][]reg.VecVirtual, r)
	for i := range sums {
		sums[i] = g.vecs(2 * n)
		for _, v := range sums[i] {
			g.zero(v)
		}
	}
	step := func(u int) {
		if n == 1 {
			g.stepOnePanel(sums, rows, b[0], u)
		} else {
			g.stepPanels(sums, rows, panels, u)
		}
	}

	if n == 1 {
		g.fetchTile(r)
	}
	k := g.arg("k")
	tail, rest, done := g.label("tail"), g.label("rest"), g.label("done")
	g.SUBQ(operand.Imm(unroll), k)
	g.JLT(operand.LabelRef(tail))
	g.align()
	loop := g.label("loop")
	g.Label(loop)
	if r <= streamRows {
		g.fetchAhead(panels)
	} else {
		g.PREFETCHT0(operand.Mem{Base: next})
		g.PREFETCHT0(operand.Mem{Base: next, Disp: 64})
		g.ADDQ(ahead, next)
	}
	for u := range unroll {
		step(u)
	}
	g.advance(a, 4*unroll)
	g.advance(b, 2*g.bytes*unroll)
	g.SUBQ(operand.Imm(unroll), k)
	g.JGE(operand.LabelRef(loop))
	g.Label(tail)
	g.ADDQ(operand.Imm(unroll), k)
	g.JEQ(operand.LabelRef(done))
	g.Label(rest)
	step(0)
	g.advance(a, 4)
	g.advance(b, 2*g.bytes)
	g.DECQ(k)
	g.JNE(operand.LabelRef(rest))
	g.Label(done)
	g.storeTile(sums, n)
}

// fetchTile asks for the lines of c, which the sums will be added to when they are done.
func (g *gen) fetchTile(r int) {
	c, ldc := g.arg("c"), g.arg("ldc")
	g.SHLQ(operand.Imm(2), ldc)
	for i := range r {
		for line := 0; line < 2*g.bytes; line += 64 {
			g.PREFETCHT0(operand.Mem{Base: c, Disp: line})
		}
		if i < r-1 {
			g.ADDQ(ldc, c)
		}
	}
}

// fetchAhead asks for the lines of b that a turn of the loop will read some turns later.
func (g *gen) fetchAhead(panels []operand.Mem) {
	for _, p := range panels {
		for line := 0; line < 2*g.bytes*unroll; line += 64 {
			g.PREFETCHT0(p.Offset(aheadBytes + line))
		}
	}
}

// rowAddresses gives the address of element 0 of each of r rows, made from as few registers as
// the addressing modes allow: base + {0,1,2}·lda for every third row.
func (g *gen) rowAddresses(a, lda reg.GPVirtual, r int) (bases []reg.GPVirtual, rows []operand.Mem) {
	g.SHLQ(operand.Imm(2), lda)
	for i := range r {
		if i%3 == 0 {
			base := a
			if i > 0 {
				base = g.GP64()
				g.LEAQ(operand.Mem{Base: bases[len(bases)-1], Index: lda, Scale: 2}, base)
				g.ADDQ(lda, base)
			}
			bases = append(bases, base)
		}
		m := operand.Mem{Base: bases[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = lda, uint8(i%3)
		}
		rows = append(rows, m)
	}
	return bases, rows
}

// panelAddresses gives the addresses of n panels; two registers serve four of them.
func (g *gen) panelAddresses(b reg.GPVirtual, n int) (bases []reg.GPVirtual, panels []operand.Mem) {
	bases, panels = []reg.GPVirtual{b}, []operand.Mem{{Base: b}}
	if n == 1 {
		return bases, panels
	}
	stride := g.arg("stride")
	g.SHLQ(operand.Imm(2), stride)
	panels = append(panels, operand.Mem{Base: b, Index: stride, Scale: 1}, operand.Mem{Base: b, Index: stride, Scale: 2})
	if n == 4 {
		last := g.GP64()
		g.LEAQ(operand.Mem{Base: b, Index: stride, Scale: 2}, last)
		g.ADDQ(stride, last)
		bases, panels = append(bases, last), append(panels, operand.Mem{Base: last})
	}
	return bases, panels[:n]
}

func (g *gen) advance(regs []reg.GPVirtual, bytes int) {
	for _, r := range regs {
		g.ADDQ(operand.U32(bytes), r)
	}
}

// stepOnePanel adds step u: two loads of b, a broadcast a row.
func (g *gen) stepOnePanel(sums [][]reg.VecVirtual, rows []operand.Mem, b reg.GPVirtual, u int) {
	b0, b1, x := g.vec(), g.vec(), g.vecs(2)
	g.VMOVUPS(operand.Mem{Base: b, Disp: 2 * g.bytes * u}, b0)
	g.VMOVUPS(operand.Mem{Base: b, Disp: 2*g.bytes*u + g.bytes}, b1)
	for i, row := range rows {
		g.VBROADCASTSS(row.Offset(4*u), x[i%2])
		g.VFMADD231PS(b0, x[i%2], sums[i][0])
		g.VFMADD231PS(b1, x[i%2], sums[i][1])
	}
}

// stepPanels adds step u for few rows and several panels.
func (g *gen) stepPanels(sums [][]reg.VecVirtual, rows, panels []operand.Mem, u int) {
	x := g.vecs(len(rows))
	for i, row := range rows {
		g.VBROADCASTSS(row.Offset(4*u), x[i])
	}
	for j, panel := range panels {
		for h := range 2 {
			m := panel.Offset(2*g.bytes*u + g.bytes*h)
			if len(rows) == 1 {
				g.VFMADD231PS(m, x[0], sums[0][2*j+h])
				continue
			}
			b := g.vec()
			g.VMOVUPS(m, b)
			for i := range rows {
				g.VFMADD231PS(b, x[i], sums[i][2*j+h])
			}
		}
	}
}

// storeTile writes the sums or adds them to c, and returns.
func (g *gen) storeTile(sums [][]reg.VecVirtual, n int) {
	c, ldc, acc := g.arg("c"), g.arg("ldc"), g.arg("acc")
	g.SHLQ(operand.Imm(2), ldc)
	part := g.label("part")
	if n == 1 {
		cols := g.arg("cols")
		g.CMPQ(cols, operand.Imm(uint64(2*g.lanes())))
		g.JLT(operand.LabelRef(part))
	}
	store := g.label("store")
	g.TESTQ(acc, acc)
	g.JEQ(operand.LabelRef(store))
	g.storeRows(sums, c, ldc, true)
	g.Label(store)
	g.storeRows(sums, c, ldc, false)
	if n > 1 {
		return
	}
	g.Label(part)
	g.storePart(sums, g.panelMasks(), c, ldc, acc)
}

func (g *gen) storeRows(sums [][]reg.VecVirtual, c, ldc reg.GPVirtual, acc bool) {
	for i, row := range sums {
		for j, v := range row {
			m := operand.Mem{Base: c, Disp: g.bytes * j}
			if acc {
				g.VADDPS(m, v, v)
			}
			g.VMOVUPS(v, m)
		}
		if i < len(sums)-1 {
			g.ADDQ(ldc, c)
		}
	}
	g.end()
}

// peakFMA makes a loop of nothing but independent multiplications and additions in registers.
func peakFMA(g *gen) {
	g.begin("peakFMA", "func(turns int)", fmt.Sprintf("runs turns times %d multiply-adds on whole registers.", peakChains))
	turns := g.arg("turns")
	x := g.vec()
	g.zero(x)
	chains := g.vecs(peakChains)
	for _, v := range chains {
		g.zero(v)
	}
	g.align()
	loop := g.label("loop")
	g.Label(loop)
	for _, v := range chains {
		g.VFMADD231PS(x, x, v)
	}
	g.DECQ(turns)
	g.JGT(operand.LabelRef(loop))
	g.end()
}

// peakChains is as in package kernel.
const peakChains = 12

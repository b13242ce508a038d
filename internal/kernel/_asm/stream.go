package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// streamFamily makes the tiles of few rows whose right side is dequantized in registers while it is multiplied.
func streamFamily(g *gen) {
	for rows, n := range g.abreast(8, 4, 4, 2) {
		g.streamHalves(rows+1, n)
	}
	for rows, n := range g.abreast(4, 2, 2, 1) {
		g.streamCodes("streamNF4", rows+1, n, g.bytes == 64, g.nf4Decoder, func() {})
	}
	for rows, n := range g.abreast(4, 2, 2, 1) {
		g.streamInt4(rows+1, n)
	}
	peakRead(g)
}

// abreast is how many vectors of columns go side by side, for each number of rows from 1 on: as many as there are registers
// for, and enough chains of additions that none waits for another. AVX-512 has twice the registers.
func (g *gen) abreast(avx2 ...int) []int {
	if g.bytes == 64 {
		return []int{4, 4, 4, 4}
	}
	return avx2
}

// peakRead makes a loop that does nothing but read: a line of each quarter of x a turn, because one stream alone does not keep memory busy.
func peakRead(g *gen) {
	g.begin("peakRead", "func(x []float32)", "reads x, in quarters of whole lines.")
	x, n, last := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("x").Base(), x)
	g.Load(g.Param("x").Len(), n)
	g.SHRQ(operand.Imm(6), n) // turns
	stride := g.GP64()
	g.MOVQ(n, stride)
	g.SHLQ(operand.Imm(6), stride)
	g.LEAQ(operand.Mem{Base: x, Index: stride, Scale: 2}, last)
	g.ADDQ(stride, last)
	quarters := []operand.Mem{{Base: x}, {Base: x, Index: stride, Scale: 1}, {Base: x, Index: stride, Scale: 2}, {Base: last}}
	seen := g.vecs(len(quarters))
	for _, v := range seen {
		g.zero(v)
	}
	done, loop := g.label("done"), g.label("loop")
	g.TESTQ(n, n)
	g.JEQ(operand.LabelRef(done))
	g.align()
	g.Label(loop)
	g.ahead(quarters, 64)
	for i, v := range seen {
		for at := 0; at < 64; at += g.bytes {
			g.VADDPS(quarters[i].Offset(at), v, v)
		}
	}
	g.advance([]reg.GPVirtual{x, last}, 64)
	g.DECQ(n)
	g.JNE(operand.LabelRef(loop))
	g.Label(done)
	g.end()
}

// sums are rows times n accumulators of zero.
func (g *gen) sums(rows, n int) [][]reg.VecVirtual {
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = g.vecs(n)
		for _, v := range sums[i] {
			g.zero(v)
		}
	}
	return sums
}

// streamHalves makes a tile of bfloat16: n vectors of columns, of panels that are two vectors wide and stride bytes apart.
func (g *gen) streamHalves(rows, n int) {
	g.begin(fmt.Sprintf("streamBF16x%d", rows), "func(c *float32, ldc int, a *float32, lda int, b *uint16, stride, k, acc int)",
		fmt.Sprintf("computes a tile of %d rows and %d columns.", rows, n*g.lanes()))
	a, left := g.rowAddresses(g.arg("a"), g.arg("lda"), rows)
	b, panels := g.bytePanels("b", n)
	sums := g.sums(rows, n)
	step := func(u int) {
		for j := range n {
			w := g.vec()
			g.VPMOVZXWD(panels[j/2].Offset(2*g.lanes()*(2*u+j%2)), w)
			g.VPSLLD(operand.Imm(16), w, w)
			g.addRows(sums, j, left, u, w)
		}
	}
	k := g.arg("k")
	tail, rest, done, loop := g.label("tail"), g.label("rest"), g.label("done"), g.label("loop")
	g.SUBQ(operand.Imm(unroll), k)
	g.JLT(operand.LabelRef(tail))
	g.align()
	g.Label(loop)
	g.ahead(panels, 4*g.lanes()*unroll)
	for u := range unroll {
		step(u)
	}
	g.advance(a, 4*unroll)
	g.advance(b, 4*g.lanes()*unroll)
	g.SUBQ(operand.Imm(unroll), k)
	g.JGE(operand.LabelRef(loop))
	g.Label(tail)
	g.ADDQ(operand.Imm(unroll), k)
	g.JEQ(operand.LabelRef(done))
	g.Label(rest)
	step(0)
	g.advance(a, 4)
	g.advance(b, 4*g.lanes())
	g.DECQ(k)
	g.JNE(operand.LabelRef(rest))
	g.Label(done)
	g.storeStream(sums)
}

// addRows adds w times step u of each row of the left side to vector j of the sums.
func (g *gen) addRows(sums [][]reg.VecVirtual, j int, left []operand.Mem, u int, w vec) {
	for i, row := range left {
		x := g.vec()
		g.VBROADCASTSS(row.Offset(4*u), x)
		g.VFMADD231PS(w, x, sums[i][j])
	}
}

// bytePanels gives the addresses of the panels, two vectors wide, of n vectors.
func (g *gen) bytePanels(name string, n int) (bases []reg.GPVirtual, panels []operand.Mem) {
	b := g.arg(name)
	bases, panels = []reg.GPVirtual{b}, []operand.Mem{{Base: b}}
	if n <= 2 {
		return bases, panels
	}
	stride := g.arg("stride")
	panels = append(panels, operand.Mem{Base: b, Index: stride, Scale: 1}, operand.Mem{Base: b, Index: stride, Scale: 2})
	if n > 6 {
		last := g.GP64()
		g.LEAQ(operand.Mem{Base: b, Index: stride, Scale: 2}, last)
		g.ADDQ(stride, last)
		bases, panels = append(bases, last), append(panels, operand.Mem{Base: last})
	}
	return bases, panels[:n/2]
}

// ahead asks for what a turn of the loop, of so many bytes a panel, will read some turns later.
func (g *gen) ahead(panels []operand.Mem, bytes int) {
	for _, p := range panels {
		for line := 0; line < bytes; line += 64 {
			g.PREFETCHT0(p.Offset(aheadBytes + line))
		}
	}
}

// streamInt4 makes a tile of int4. work takes, for each of n vectors, the zero points of a group under the numbers that codes are put under.
func (g *gen) streamInt4(rows, n int) {
	var zeros, work reg.GPVirtual
	at := func(j, place int) operand.Mem {
		return operand.Mem{Base: work, Disp: (j*affinePlaces + place) * g.bytes}
	}
	g.streamCodes("streamInt4", rows, n, true, func() decoder {
		zeros, work = g.arg("zeros"), g.arg("work")
		return g.int4Decoder(func(v vec, j, place int) { g.VSUBPS(at(j, place), v, v) })
	}, func() {
		for j := range n {
			zero := g.move(operand.Mem{Base: zeros, Disp: j * g.bytes})
			for place := range affinePlaces {
				g.VMOVUPS(g.add(zero, g.float(float64(affine(place)))), at(j, place))
			}
		}
		g.ADDQ(operand.U32(max(n, 2)*g.bytes), zeros)
	})
}

// streamCodes makes a tile of 4-bit codes: k steps in groups, each with n vectors of scales and of zero points. Where a tile is one
// vector wide, those of the panel's other vector are passed over. shared says that there are registers for four steps of the left side,
// if it has one row; begin loads what the decoder needs, group what it needs for a group.
func (g *gen) streamCodes(name string, rows, n int, shared bool, begin func() decoder, group func()) {
	g.begin(fmt.Sprintf("%sx%d", name, rows), "func(c *float32, ldc int, a *float32, lda int, q *uint8, stride, k, group int, scales, zeros, work *float32, acc int)",
		fmt.Sprintf("computes a tile of %d rows and %d columns.", rows, n*g.lanes()))
	a, left := g.rowAddresses(g.arg("a"), g.arg("lda"), rows)
	q, panels := g.bytePanels("q", n)
	scales, eights, k := g.arg("scales"), g.GP64(), g.arg("k")
	sums := g.sums(rows, n)
	decode := begin()
	groups, loop := g.label("groups"), g.label("loop")
	g.Label(groups)
	g.Load(g.Param("group"), eights)
	g.CMPQ(k, eights)
	g.CMOVQLT(k, eights)
	g.SUBQ(eights, k)
	group()
	g.align()
	g.Label(loop)
	g.ahead(panels, 8*g.lanes())
	for half := range 2 {
		var x []vec // of one row, if it is shared by the vectors
		for r := 4 * half; r < 4*half+4 && rows == 1 && shared; r++ {
			x = append(x, g.scalar(left[0].Offset(4*r)))
		}
		for j := range n {
			decode(panels[j/2].Offset(j%2*g.bytes), j, half, func(r int, v vec) {
				g.VMULPS(operand.Mem{Base: scales, Disp: j * g.bytes}, v, v)
				if x != nil {
					g.addProduct(sums[0][j], x[r%4], v)
					return
				}
				g.addRows(sums, j, left, r, v)
			})
		}
	}
	g.advance(a, 4*8)
	g.advance(q, 2*g.bytes)
	g.SUBQ(operand.Imm(8), eights)
	g.JGT(operand.LabelRef(loop))
	g.ADDQ(operand.U32(max(n, 2)*g.bytes), scales)
	g.TESTQ(k, k)
	g.JNE(operand.LabelRef(groups))
	g.storeStream(sums)
}

// storeStream writes whole vectors of sums or adds them to c, and returns.
func (g *gen) storeStream(sums [][]reg.VecVirtual) {
	c, ldc, acc := g.arg("c"), g.arg("ldc"), g.arg("acc")
	g.SHLQ(operand.Imm(2), ldc)
	store := g.label("store")
	g.TESTQ(acc, acc)
	g.JEQ(operand.LabelRef(store))
	g.storeRows(sums, c, ldc, true)
	g.Label(store)
	g.storeRows(sums, c, ldc, false)
}

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// int8Family makes the products of 8-bit codes. A step is four of k: a panel's codes lie [k/4][panel][4], four bytes a column,
// and what they are multiplied by is pairs of 16 bits, of k 0 and 2 and of k 1 and 3 of each step, which is how shifts take
// such a column apart.
func int8Family(g *gen) {
	absMax(g)
	int8Quantize(g)
	int8First(g)
	int8Turn(g)
	for r := 1; r <= g.rows; r++ {
		int8Tile(g, r)
	}
	for r := 1; r <= g.direct; r++ {
		int8Direct(g, r)
	}
	if g.bytes == 32 {
		int8Wide(g)
	}
}

// absMax compares bit patterns, in whose order NaN is above infinity.
func absMax(g *gen) {
	acc, turn := g.vecs(chains), 0
	g.loop(loop{
		name: "absMax", doc: "is absMaxGeneric.",
		slices: []string{"x"}, results: []string{"absmax"}, unroll: chains,
		before: func([]vec) {
			for _, v := range acc {
				g.zero(v)
			}
		},
		body: func(at func(string) operand.Mem, k *mask) {
			v := acc[turn%chains]
			g.VPMAXSD(g.and(g.load(at("x"), k), g.memory(0x7fffffff)), v, v)
			turn++
		},
		after: func() []vec { return []vec{g.total(acc, g.VPMAXSD)} },
	})
}

// int8Quantize rounds to whole numbers, which fit 16 bits, and puts those of a step in order.
func int8Quantize(g *gen) {
	g.quantizer("quantizeRow", g.bytes/2, func(v vec, to operand.Mem) {
		half := v.AsX()
		if g.bytes == 64 {
			wide := v.AsY()
			g.VPMOVDW(v, wide)
			g.VPSHUFLW(operand.Imm(0xd8), wide, wide)
			g.VPSHUFHW(operand.Imm(0xd8), wide, wide)
			g.VMOVDQU(wide, to)
			return
		}
		high := g.XMM()
		g.VEXTRACTI128(operand.Imm(1), v, high)
		g.VPACKSSDW(high, half, half)
		g.VPSHUFLW(operand.Imm(0xd8), half, half)
		g.VPSHUFHW(operand.Imm(0xd8), half, half)
		g.VMOVDQU(half, to)
	})
}

// quantizer makes a loop that rounds x times down to whole numbers, of which store makes so many bytes a vector.
func (g *gen) quantizer(name string, bytes int, store func(v vec, to operand.Mem)) {
	g.begin(name, "func(dst []int32, x []float32, down float32)", "is "+name+"Generic for whole vectors; it leaves the rest.")
	dst, x, n := g.GP64(), g.GP64(), g.GP64()
	g.Load(g.Param("dst").Base(), dst)
	g.Load(g.Param("x").Base(), x)
	g.Load(g.Param("x").Len(), n)
	down := g.parameter("down")
	done, start := g.label("done"), g.label("loop")
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JLT(operand.LabelRef(done))
	g.align()
	g.Label(start)
	v := g.mul(down, operand.Mem{Base: x})
	g.VCVTPS2DQ(v, v)
	store(v, operand.Mem{Base: dst})
	g.ADDQ(operand.U32(g.bytes), x)
	g.ADDQ(operand.U32(bytes), dst)
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

// apart gives the low and the high bytes of the 16-bit numbers of v, which it spends, as such numbers.
func (g *gen) apart(v vec) []vec {
	high := g.vec()
	g.VPSRAW(operand.Imm(8), v, high)
	g.VPSLLW(operand.Imm(8), v, v)
	g.VPSRAW(operand.Imm(8), v, v)
	return []vec{v, high}
}

// int8Turn transposes the codes of a panel's columns over the rows of others: a chunk of 16 bytes is four columns by four rows, so it
// is turned by one shuffle. A turn of the loop takes the codes of a square, panel by panel, at src, and goes on stride bytes.
func int8Turn(g *gen) {
	g.begin("turnInt8", "func(dst *int32, src *uint8, stride, panels int)", "widens the transposed codes of a panel's width of rows of each of some panels.")
	dst, src, stride, n := g.arg("dst"), g.arg("src"), g.arg("stride"), g.arg("panels")
	order, panel := g.YMM(), 2*g.lanes()
	g.VBROADCASTI128(g.words("turned", []uint32{0x0c080400, 0x0d090501, 0x0e0a0602, 0x0f0b0703}), order)
	g.align()
	start := g.label("loop")
	g.Label(start)
	for step := range panel / 4 {
		for group := 0; group < panel/4; group += 2 {
			v, high := g.YMM(), g.YMM()
			at := operand.Mem{Base: src, Disp: group*4*panel + 16*step}
			g.VBROADCASTI128(at, v)
			g.VINSERTI128(operand.Imm(1), at.Offset(4*panel), v, v)
			g.VPSHUFB(order, v, v)
			g.VPSRAW(operand.Imm(8), v, high)
			g.VPSLLW(operand.Imm(8), v, v)
			g.VPSRAW(operand.Imm(8), v, v)
			to := operand.Mem{Base: dst, Disp: step*8*panel + 16*group}
			g.VMOVDQU(v, to)
			g.VMOVDQU(high, to.Offset(4*panel))
		}
	}
	g.ADDQ(stride, src)
	g.ADDQ(operand.U32(2*panel*panel), dst)
	g.DECQ(n)
	g.JNE(operand.LabelRef(start))
	g.end()
}

const int8Arguments = "c *float32, ldc int, a *int32, lda int, %s, steps, acc int, rowScale, scale, bias *float32"

// int8Tile makes a tile of r rows and a whole panel from pairs that were widened before:
//
//	c[i*ldc + j] = float32(Σ a[i*lda + p]·b[p*panel + j])·(rowScale[i]·scale[j]) + bias[j]
//
// where a and b are pairs and · is the sum of the products of their halves. Without rowScale, c takes the sum itself, as
// 32 bits, which the next call begins with if acc is 1. If acc is 2, the result is added to c.
func int8Tile(g *gen, r int) {
	name := fmt.Sprintf("int8x%d", r)
	g.begin(name, "func("+fmt.Sprintf(int8Arguments, "b *int32")+")", fmt.Sprintf("computes a tile of %d rows from widened codes.", r))
	g.int8Product(r, 2, func(b operand.Mem, rows []operand.Mem, sums [][]vec) {
		for pair := range 2 {
			at := b.Offset(2 * g.bytes * pair)
			g.addPairs(sums, rows, pair, []vec{g.move(at), g.move(at.Offset(g.bytes))})
		}
	})
}

// int8Direct makes the same for codes as they lie.
func int8Direct(g *gen, r int) {
	name := fmt.Sprintf("int8direct%d", r)
	g.begin(name, "func("+fmt.Sprintf(int8Arguments, "b *uint8")+")", fmt.Sprintf("computes a tile of %d rows from codes as they lie.", r))
	g.int8Product(r, 1, func(b operand.Mem, rows []operand.Mem, sums [][]vec) {
		low, high := g.apart(g.move(b)), g.apart(g.move(b.Offset(g.bytes)))
		for pair := range 2 {
			g.addPairs(sums, rows, pair, []vec{low[pair], high[pair]})
		}
	})
}

// int8First makes the highest of them, which also writes the pairs that it makes, for the tiles after it: those of pair 0 of a step's columns, then
// those of pair 1. A loop that only widens waits for its stores; here they cost nothing.
func int8First(g *gen) {
	g.begin("int8first", "func("+fmt.Sprintf(int8Arguments, "b *uint8")+", pairs *int32)",
		fmt.Sprintf("computes a tile of %d rows from codes as they lie, and widens them.", g.direct))
	pairs := g.arg("pairs")
	g.int8Product(g.direct, 1, func(b operand.Mem, rows []operand.Mem, sums [][]vec) {
		low, high := g.apart(g.move(b)), g.apart(g.move(b.Offset(g.bytes)))
		for pair := range 2 {
			for h, v := range []vec{low[pair], high[pair]} {
				g.VMOVUPS(v, operand.Mem{Base: pairs, Disp: (2*pair + h) * g.bytes})
			}
			g.addPairs(sums, rows, pair, []vec{low[pair], high[pair]})
		}
		g.ADDQ(operand.U32(4*g.bytes), pairs)
	})
}

// addPairs adds to the sums the products of a pair of every row and of every column.
func (g *gen) addPairs(sums [][]vec, rows []operand.Mem, pair int, b []vec) {
	for i, row := range rows {
		x := g.vec()
		g.VPBROADCASTD(row.Offset(4*pair), x)
		if g.vnni {
			g.dot("VPDPWSSD", sums[i][0], x, b[0])
			g.dot("VPDPWSSD", sums[i][1], x, b[1])
			continue
		}
		product := g.vec()
		g.VPMADDWD(b[0], x, product)
		g.VPADDD(product, sums[i][0], sums[i][0])
		g.VPMADDWD(b[1], x, x)
		g.VPADDD(x, sums[i][1], sums[i][1])
	}
}

// int8Product makes a tile of pairs, whose b is width times two vectors a step.
func (g *gen) int8Product(r, width int, step func(b operand.Mem, rows []operand.Mem, sums [][]vec)) {
	sums := g.sums(r, 2)
	g.int8Loop(r, width, 8, func(_ int, b operand.Mem, rows []operand.Mem) { step(b, rows, sums) })
	g.int8Store(sums)
}

// int8Loop makes the loop of a tile over steps, of which one takes width times two vectors of b and so many bytes of a row.
func (g *gen) int8Loop(r, width, bytes int, step func(u int, b operand.Mem, rows []operand.Mem)) {
	g.fetchTile(r)
	a, rows := g.rowAddresses(g.arg("a"), g.arg("lda"), r)
	b, n := g.arg("b"), g.arg("steps")
	size := width * 2 * g.bytes
	turn := func(count int) {
		start, end := g.label("loop"), g.label("end")
		g.SUBQ(operand.Imm(uint64(count)), n)
		g.JLT(operand.LabelRef(end))
		g.align()
		g.Label(start)
		for u := range count {
			if r <= streamRows {
				for line := 0; line < size; line += 64 {
					g.PREFETCHT0(operand.Mem{Base: b, Disp: 4*aheadBytes + u*size + line})
				}
			}
			at := make([]operand.Mem, r)
			for i := range at {
				at[i] = rows[i].Offset(bytes * u)
			}
			step(u, operand.Mem{Base: b, Disp: u * size}, at)
		}
		g.advance(a, bytes*count)
		g.ADDQ(operand.U32(count*size), b)
		g.SUBQ(operand.Imm(uint64(count)), n)
		g.JGE(operand.LabelRef(start))
		g.Label(end)
		g.ADDQ(operand.Imm(uint64(count)), n)
	}
	turn(2)
	turn(1)
}

// int8Store makes the sums what acc and rowScale say, stores them and returns.
func (g *gen) int8Store(sums [][]vec) {
	c, ldc, acc := g.arg("c"), g.arg("ldc"), g.arg("acc")
	rowScale, scale, bias := g.arg("rowScale"), g.arg("scale"), g.arg("bias")
	g.SHLQ(operand.Imm(2), ldc)
	fresh, raw := g.label("fresh"), g.label("store")
	each := func(f func(v vec, m operand.Mem)) {
		at := g.GP64()
		g.MOVQ(c, at)
		for i, row := range sums {
			for j, v := range row {
				f(v, operand.Mem{Base: at, Disp: g.bytes * j})
			}
			if i < len(sums)-1 {
				g.ADDQ(ldc, at)
			}
		}
	}
	g.CMPQ(acc, operand.Imm(1))
	g.JNE(operand.LabelRef(fresh))
	each(func(v vec, m operand.Mem) { g.VPADDD(m, v, v) })
	g.Label(fresh)
	g.TESTQ(rowScale, rowScale)
	g.JEQ(operand.LabelRef(raw))
	g.int8Scale(sums, rowScale, scale, bias)
	g.CMPQ(acc, operand.Imm(2))
	g.JNE(operand.LabelRef(raw))
	each(func(v vec, m operand.Mem) {
		g.VADDPS(m, v, v)
		g.VMOVUPS(v, m)
	})
	g.end()
	g.Label(raw)
	each(func(v vec, m operand.Mem) { g.VMOVUPS(v, m) })
	g.end()
}

// int8Scale makes floats of the sums, times their scales and with the bias.
func (g *gen) int8Scale(sums [][]vec, rowScale, scale, bias gp) {
	for i, row := range sums {
		for j, v := range row {
			s := g.scalar(operand.Mem{Base: rowScale, Disp: 4 * i})
			g.VMULPS(operand.Mem{Base: scale, Disp: g.bytes * j}, s, s)
			g.VCVTDQ2PS(v, v)
			g.VMULPS(s, v, v)
			g.VADDPS(operand.Mem{Base: bias, Disp: g.bytes * j}, v, v)
		}
	}
}

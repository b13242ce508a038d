package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tilesFamily makes products by AMX, whose eight registers hold tiles of 16 rows of 64 bytes. An instruction adds to a tile of 16 × 16 sums the products of 16 rows
// of the left side, of 64 bytes each, and 64 bytes of 16 columns of the right one, which lie as words that a panel's columns share: pairs of bfloat16, fours of
// bytes. A block of C is two tiles, or one, high, and a panel, two tiles, wide; a shape, the memory of LDTILECFG, says how many rows they have.
func tilesFamily(g *gen) {
	for high := 1; high <= 2; high++ {
		tilesBF16(g, high)
		tilesInt8(g, high)
		tilesGradient(g, high)
	}
	turnBytes(g)
	quantizePlanes(g)
}

// The tiles: four of sums, two of the left side, two of the right one.
const (
	sumTile   = 0
	leftTile  = 4
	rightTile = 6
)

// blocks is what the kernels of blocks share: registers that go over C and the left side, and strides in bytes.
type blocks struct {
	g                 *gen
	high              int
	a, lda, b, stride gp
	count             gp // of the blocks that are left
	leftLower, panel  gp // inside of a block
}

// blocksOf begins a kernel of blocks: its tiles have the shape, and do are the instructions of a block, next those that go on to what stands below it.
func (g *gen) blocksOf(high int, do func(t *blocks), next func(t *blocks)) {
	t := &blocks{g: g, high: high}
	shape := g.arg("shape")
	g.tileOp("LDTILECFG", operand.Mem{Base: shape})
	t.a, t.lda, t.b, t.stride, t.count = g.arg("a"), g.arg("lda"), g.arg("b"), g.GP64(), g.arg("blocks")
	g.SHLQ(operand.Imm(2), t.lda)
	g.MOVQ(operand.U32(2*g.bytes), t.stride)
	t.leftLower, t.panel = g.GP64(), g.GP64()
	start := g.label("block")
	g.align()
	g.Label(start)
	do(t)
	next(t)
	for range high { // 16 rows on
		g.LEAQ(operand.Mem{Base: t.a, Index: t.lda, Scale: 8}, t.a)
		g.LEAQ(operand.Mem{Base: t.a, Index: t.lda, Scale: 8}, t.a)
	}
	g.DECQ(t.count)
	g.JGT(operand.LabelRef(start))
	g.tileOp("TILERELEASE")
	g.end()
}

// add adds to the sums the products of so many steps: rows of 64 bytes of the left side from at on, and tiles of the panel. The left side, which is read once, is
// loaded past the first cache: without that hint the loop is a third slower. A step's products stand between the loads of the next one, and beside them what
// is loaded after that is fetched: where another thread of the core takes its share of the first cache, the loop takes half as long again without that.
func (t *blocks) add(opcode string, at gp, steps string) {
	g := t.g
	left, n := g.GP64(), g.arg(steps)
	lefts := []gp{left, t.leftLower}[:t.high]
	g.MOVQ(at, left)
	if t.high == 2 {
		g.LEAQ(operand.Mem{Base: left, Index: t.lda, Scale: 8}, t.leftLower)
		g.LEAQ(operand.Mem{Base: t.leftLower, Index: t.lda, Scale: 8}, t.leftLower)
	}
	g.MOVQ(t.b, t.panel)
	loadLeft := func(h int) {
		g.tileOp("TILELOADDT1", operand.Imm(uint64(leftTile+h)), operand.Mem{Base: lefts[h], Index: t.lda, Scale: 1})
	}
	loadRight := func(j int) {
		g.tileOp("TILELOADD", operand.Imm(uint64(rightTile+j)), operand.Mem{Base: t.panel, Index: t.stride, Scale: 1, Disp: j * g.bytes})
	}
	multiply := func(h, j int) {
		g.tileOp(opcode, operand.Imm(uint64(sumTile+2*h+j)), operand.Imm(uint64(leftTile+h)), operand.Imm(uint64(rightTile+j)))
	}
	start, last := g.label("step"), g.label("last")
	loadLeft(0)
	loadRight(0)
	loadRight(1)
	if t.high == 2 {
		loadLeft(1)
	}
	g.DECQ(n)
	g.JEQ(operand.LabelRef(last))
	g.align()
	g.Label(start)
	for _, base := range lefts {
		g.ADDQ(operand.Imm(64), base)
	}
	g.ADDQ(operand.U32(32*g.bytes), t.panel)
	multiply(0, 0)
	t.fetchRight(0)
	multiply(0, 1)
	loadLeft(0)
	t.fetchRight(1)
	if t.high == 2 {
		multiply(1, 0)
	}
	loadRight(0)
	t.fetchLeft(lefts)
	if t.high == 2 {
		multiply(1, 1)
	}
	loadRight(1)
	if t.high == 2 {
		loadLeft(1)
	}
	g.DECQ(n)
	g.JGT(operand.LabelRef(start))
	g.Label(last)
	for h := range t.high {
		multiply(h, 0)
		multiply(h, 1)
	}
}

// fetchRight asks for half of the panel's next step.
func (t *blocks) fetchRight(half int) {
	for i := range 16 {
		t.g.PREFETCHT0(operand.Mem{Base: t.panel, Disp: 32*t.g.bytes + 64*(16*half+i)})
	}
}

// fetchLeft asks for the next step of those rows whose addresses need no register.
func (t *blocks) fetchLeft(lefts []gp) {
	for _, base := range lefts {
		t.g.PREFETCHT0(operand.Mem{Base: base, Disp: 64})
		for _, row := range []uint8{1, 2, 4, 8} {
			t.g.PREFETCHT0(operand.Mem{Base: base, Index: t.lda, Scale: row, Disp: 64})
		}
	}
}

// sums calls f with each tile of sums and where it stands in a matrix at base, rows stride bytes apart; at is spent.
func (t *blocks) sums(base, stride gp, f func(tile int, m operand.Mem)) {
	g, at := t.g, t.g.GP64()
	g.MOVQ(base, at)
	for h := range t.high {
		if h > 0 {
			g.LEAQ(operand.Mem{Base: at, Index: stride, Scale: 8}, at)
			g.LEAQ(operand.Mem{Base: at, Index: stride, Scale: 8}, at)
		}
		for j := range 2 {
			f(sumTile+2*h+j, operand.Mem{Base: at, Index: stride, Scale: 1, Disp: j * g.bytes})
		}
	}
}

func (t *blocks) zero(tile int, _ operand.Mem) { t.g.tileOp("TILEZERO", operand.Imm(uint64(tile))) }
func (t *blocks) load(tile int, m operand.Mem) {
	t.g.tileOp("TILELOADD", operand.Imm(uint64(tile)), m)
}
func (t *blocks) store(tile int, m operand.Mem) {
	t.g.tileOp("TILESTORED", operand.Imm(uint64(tile)), m)
}

// tilesBF16 makes the product of pairs of bfloat16.
func tilesBF16(g *gen, high int) {
	g.begin(fmt.Sprintf("bf16tiles%d", high), "func(shape *byte, c *float32, ldc int, a *int32, lda int, b *int32, steps, blocks, acc int, bias *float32)",
		fmt.Sprintf("computes blocks of %d tiles of rows from pairs; sums begin with a panel's bias, where there is one, or, if acc is 1, with C.", high))
	c, ldc := g.arg("c"), g.arg("ldc")
	g.SHLQ(operand.Imm(2), ldc)
	g.blocksOf(high, func(t *blocks) {
		fresh, begun, unbiased := g.label("fresh"), g.label("begun"), g.label("unbiased")
		bias, none := g.arg("bias"), g.GP64()
		g.TESTQ(bias, bias)
		g.JEQ(operand.LabelRef(unbiased))
		g.XORQ(none, none)
		t.sums(bias, none, t.load) // the same for each row
		g.JMP(operand.LabelRef(begun))
		g.Label(unbiased)
		acc := g.arg("acc")
		g.TESTQ(acc, acc)
		g.JEQ(operand.LabelRef(fresh))
		t.sums(c, ldc, t.load)
		g.JMP(operand.LabelRef(begun))
		g.Label(fresh)
		t.sums(c, ldc, t.zero)
		g.Label(begun)
		t.add("TDPBF16PS", t.a, "steps")
		t.sums(c, ldc, t.store)
	}, func(t *blocks) {
		for range 2 * high {
			g.LEAQ(operand.Mem{Base: c, Index: ldc, Scale: 8}, c)
		}
	})
}

// tilesInt8 makes the product of rows of bytes, each 128 higher than it is, and codes as they lie, as int8Bytes has it. room has a block's sums.
func tilesInt8(g *gen, high int) {
	g.begin(fmt.Sprintf("int8tiles%d", high),
		"func(shape *byte, c *float32, ldc int, a *int32, lda int, b *uint8, steps, blocks, rows int, begin *int32, rowScale, scale, bias *float32, room *int32)",
		fmt.Sprintf("computes blocks of %d tiles of rows from bytes.", high))
	c, ldc := g.arg("c"), g.arg("ldc")
	rowScale := g.arg("rowScale")
	g.SHLQ(operand.Imm(2), ldc)
	g.blocksOf(high, func(t *blocks) {
		begin, none := g.arg("begin"), g.GP64()
		g.XORQ(none, none)
		t.sums(begin, none, t.load)
		t.add("TDPBUSD", t.a, "steps")
		room := g.arg("room")
		t.sums(room, t.stride, t.store)
		scale, bias := g.arg("scale"), g.arg("bias")
		var scales, biases []vec
		for h := range 2 {
			scales = append(scales, g.move(operand.Mem{Base: scale, Disp: h * g.bytes}))
			biases = append(biases, g.move(operand.Mem{Base: bias, Disp: h * g.bytes}))
		}
		g.eachRow(room, c, ldc, rowScale, func(h int, sum, rowScale vec, _ operand.Mem) vec {
			return g.add(g.mul(sum, g.mul(rowScale, scales[h])), biases[h])
		})
	}, func(*blocks) {})
}

// tilesGradient makes the product of rows of 16 bits, whose low bytes lie before the high ones, and codes that turnBytes turned: first
// of the high bytes, which is then moved up by eight bits and begins that of the low ones. acc is 1 to add to C.
func tilesGradient(g *gen, high int) {
	g.begin(fmt.Sprintf("gradienttiles%d", high),
		"func(shape *byte, c *float32, ldc int, a *int32, lda int, plane int, b *uint8, steps, blocks, rows, acc int, rowScale *float32, room *int32)",
		fmt.Sprintf("computes blocks of %d tiles of rows from rows of two bytes; plane is how many words those of the high ones begin behind the low ones.", high))
	c, ldc := g.arg("c"), g.arg("ldc")
	rowScale := g.arg("rowScale")
	g.SHLQ(operand.Imm(2), ldc)
	g.blocksOf(high, func(t *blocks) {
		t.sums(c, ldc, t.zero)
		above := g.arg("plane")
		g.LEAQ(operand.Mem{Base: t.a, Index: above, Scale: 4}, above)
		t.add("TDPBSSD", above, "steps")
		room := g.arg("room")
		t.sums(room, t.stride, t.store)
		at, n, start := g.GP64(), g.GP64(), g.label("shift")
		g.MOVQ(room, at)
		g.Load(g.Param("rows"), n)
		g.align()
		g.Label(start)
		for h := range 2 {
			v := g.move(operand.Mem{Base: at, Disp: h * g.bytes})
			g.VPSLLD(operand.Imm(8), v, v)
			g.VMOVUPS(v, operand.Mem{Base: at, Disp: h * g.bytes})
		}
		g.ADDQ(operand.U32(2*g.bytes), at)
		g.DECQ(n)
		g.JGT(operand.LabelRef(start))
		t.sums(room, t.stride, t.load)
		t.add("TDPBUSD", t.a, "steps")
		t.sums(room, t.stride, t.store)
		fresh, done := g.label("fresh"), g.label("done")
		acc := g.arg("acc")
		g.TESTQ(acc, acc)
		g.JEQ(operand.LabelRef(fresh))
		g.eachRow(room, c, ldc, rowScale, func(_ int, sum, rowScale vec, at operand.Mem) vec { return g.add(g.mul(sum, rowScale), at) })
		g.JMP(operand.LabelRef(done))
		g.Label(fresh)
		g.eachRow(room, c, ldc, rowScale, func(_ int, sum, rowScale vec, _ operand.Mem) vec { return g.mul(sum, rowScale) })
		g.Label(done)
	}, func(*blocks) {})
}

// eachRow stores what f makes of a block's sums, as floats, and the rows' scales; c and rowScale end behind the block.
func (g *gen) eachRow(room, c, ldc, rowScale gp, f func(h int, sum, rowScale vec, at operand.Mem) vec) {
	from, n, start := g.GP64(), g.arg("rows"), g.label("row")
	g.MOVQ(room, from)
	g.align()
	g.Label(start)
	s := g.scalar(operand.Mem{Base: rowScale})
	for h := range 2 {
		v, at := g.vec(), operand.Mem{Base: c, Disp: h * g.bytes}
		g.VCVTDQ2PS(operand.Mem{Base: from, Disp: h * g.bytes}, v)
		g.VMOVUPS(f(h, v, s, at), at)
	}
	g.ADDQ(operand.U32(2*g.bytes), from)
	g.ADDQ(operand.Imm(4), rowScale)
	g.ADDQ(ldc, c)
	g.DECQ(n)
	g.JGT(operand.LabelRef(start))
}

// turnBytes makes fours of columns of a panel's rows of codes: a square of 4 × 4 codes is turned in its quarter of a vector, and quarters go to their rows.
func turnBytes(g *gen) {
	g.begin("turnBytes", "func(dst *int32, src *uint8)", "turns 32 rows of a panel of 32 columns: fours of columns, of 32 rows each.")
	dst, src := g.arg("dst"), g.arg("src")
	var order []uint32
	for i := range uint32(4) {
		order = append(order, i|(i+4)<<8|(i+8)<<16|(i+12)<<24)
	}
	order = append(append(append(append([]uint32{}, order...), order...), order...), order...)
	turn := g.move(g.words("turnbytes", order))
	for four := range 8 { // of rows
		for h := range 2 {
			v := g.move(operand.Mem{Base: src, Disp: (2*four + h) * g.bytes})
			g.VPSHUFB(turn, v, v)
			for q := range 4 { // of columns
				g.VEXTRACTI32X4(operand.Imm(uint64(q)), v, operand.Mem{Base: dst, Disp: (4*h+q)*2*g.bytes + four*16})
			}
		}
	}
	g.end()
}

// quantizePlanes makes whole numbers of 16 bits of floats, their low bytes apart from the high ones.
func quantizePlanes(g *gen) {
	g.begin("quantizePlanes", "func(low, high *int32, x []float32, down float32)", "is quantizePlanesGeneric for whole vectors; it leaves the rest.")
	low, high, x, n := g.arg("low"), g.arg("high"), g.GP64(), g.GP64()
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
	g.VPMOVDB(v, operand.Mem{Base: low})
	g.VPSRAD(operand.Imm(8), v, v)
	g.VPMOVDB(v, operand.Mem{Base: high})
	g.ADDQ(operand.U32(g.bytes), x)
	g.ADDQ(operand.U32(g.lanes()), low)
	g.ADDQ(operand.U32(g.lanes()), high)
	g.SUBQ(operand.U32(g.lanes()), n)
	g.JGE(operand.LabelRef(start))
	g.Label(done)
	g.end()
}

// peakTiles makes the loop that is the ceiling of products by AMX: four tiles of sums and nothing from memory.
func peakTiles(g *gen, name, opcode string) {
	g.begin(name, "func(shape *byte, turns int)", "adds products of tiles of zeros to four tiles of sums, turns times each.")
	shape, turns := g.arg("shape"), g.arg("turns")
	g.tileOp("LDTILECFG", operand.Mem{Base: shape})
	for t := range 8 {
		g.tileOp("TILEZERO", operand.Imm(uint64(t)))
	}
	start := g.label("loop")
	g.align()
	g.Label(start)
	for t := range uint64(4) {
		g.tileOp(opcode, operand.Imm(sumTile+t), operand.Imm(leftTile+t/2), operand.Imm(rightTile+t%2))
	}
	g.DECQ(turns)
	g.JGT(operand.LabelRef(start))
	g.tileOp("TILERELEASE")
	g.end()
}

// tileOp is an instruction of AMX, which neither avo nor Go's assembler knows: encode writes it as bytes. Tiles are numbers.
func (g *gen) tileOp(opcode string, operands ...operand.Op) {
	g.Instruction(&ir.Instruction{Opcode: opcode, Operands: operands, Inputs: append([]operand.Op{}, operands...)})
}

// A tileCode is the encoding of an instruction on tiles: VEX.128.0F38.W0, the prefix's two bits, the opcode.
type tileCode struct{ prefix, opcode byte }

var tileCodes = map[string]tileCode{
	"LDTILECFG": {0, 0x49}, "TILERELEASE": {0, 0x49}, "TILEZERO": {3, 0x49},
	"TILELOADD": {3, 0x4b}, "TILELOADDT1": {1, 0x4b}, "TILESTORED": {2, 0x4b},
	"TDPBF16PS": {2, 0x5c}, "TDPBUSD": {1, 0x5e}, "TDPBSSD": {3, 0x5e},
}

// encodeTiles gives the bytes of an instruction on tiles.
func encodeTiles(i *ir.Instruction) []byte {
	code := tileCodes[i.Opcode]
	tile := func(at int) byte { return byte(i.Operands[at].(operand.U8)) }
	second, modrm, more := byte(0xe2), byte(0xc0), []byte(nil) // map 0F38, with no register beyond the first eight; registers
	vvvv := byte(15)
	switch {
	case i.Opcode == "TILEZERO":
		modrm |= tile(0) << 3
	case strings.HasPrefix(i.Opcode, "TDP"):
		modrm |= tile(0)<<3 | tile(1)
		vvvv = ^tile(2) & 15
	case i.Opcode != "TILERELEASE":
		m, t := i.Operands[len(i.Operands)-1].(operand.Mem), byte(0)
		if len(i.Operands) == 2 {
			t = tile(0)
		}
		base, index := number(m.Base), byte(4) // no index
		if m.Index != nil {
			index = number(m.Index)
			second &^= index >> 3 << 6
		}
		second &^= base >> 3 << 5
		modrm = 0x80 | t<<3 | 4 // 32 bits of displacement, and what follows
		d := uint32(m.Disp)
		more = []byte{index&7<<3 | base&7, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)}
	}
	return append([]byte{0xc4, second, vvvv<<3 | code.prefix, code.opcode, modrm}, more...)
}

// number is a general register's in the processor's encoding.
func number(r reg.Register) byte { return byte(reg.ToPhysical(r).PhysicalIndex()) }

// rawBytes are directives that write b.
func rawBytes(b []byte) (nodes []ir.Node) {
	for _, v := range b {
		nodes = append(nodes, &ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{operand.U8(v)}})
	}
	return nodes
}

//go:build amd64 && !noasm

package kernel

import "unsafe"

// tileShape is the memory that LDTILECFG reads: how many bytes a row of each tile has, and how many rows.
type tileShape struct {
	palette, start uint8
	_              [14]byte
	bytes          [16]uint16
	rows           [16]uint8
}

// tileShapes are those of blocks of so many rows, up to 32: of sums, tiles 0 to 3, and of the left side, 4 and 5, the lower ones have what is beyond 16.
var tileShapes = func() (shapes [tileRows + 1]tileShape) {
	for rows := range shapes {
		s := &shapes[rows]
		s.palette = 1
		for i, n := range []int{min(rows, 16), min(rows, 16), rows - 16, rows - 16, min(rows, 16), rows - 16, 16, 16} {
			if n > 0 {
				s.bytes[i], s.rows[i] = 64, uint8(n)
			}
		}
	}
	return shapes
}()

// shapeOf is the shape of a block of so many rows.
func shapeOf(rows int) *byte { return (*byte)(unsafe.Pointer(&tileShapes[rows])) }

// eachBlock cuts m rows into blocks of whole tiles, as many as possible with one call of f, at most so many, and what is left.
func eachBlock(m, most int, f func(i, rows, blocks int)) {
	i := 0
	for whole := m / tileRows; whole > 0; {
		n := min(whole, most)
		f(i, tileRows, n)
		i, whole = i+n*tileRows, whole-n
	}
	if i < m {
		f(i, m-i, 1)
	}
}

// blocksAtOnce is how many blocks f of eachBlock may take: one, where a panel's columns do not all exist and a block stands beside C.
func (o *output) blocksAtOnce(m int) int {
	if o.cols < o.panel {
		return 1
	}
	return max(1, m)
}

// amx is avx512bf16 with products of bfloat16 and of 8-bit codes on tiles.
var amx = func() *Set {
	s := *avx512bf16
	s.Name = "amx"
	s.bf16, s.pairs, s.pairStep = amxPairs.multiply, &amxPairs.pairs, tileTerms/2
	s.int8, s.int8Gradient, s.quantizePlanes = amxInt8.multiply, amxInt8.gradient, quantizePlanesTiled
	s.peakTiles = &tilePeaks{
		int8: func(turns int) { peakInt8AMX(shapeOf(tileRows), turns) },
		bf16: func(turns int) { peakBF16AMX(shapeOf(tileRows), turns) },
	}
	return &s
}()

// tiledPairs are products of pairs on tiles.
type tiledPairs struct{ pairs }

var amxPairs = &tiledPairs{pairsAVX512BF16}

// multiply is bf16Tiled.
func (t *tiledPairs) multiply(p bf16Product) {
	if p.pairs == nil {
		p.pairs = t.own(p)
	}
	out, a := output{p.c, p.ldc, p.cols, t.panel, p.temp[BlockK/2*t.panel:]}, p.a[p.from/2:]
	var bias *float32
	if p.bias != nil {
		whole := p.temp[:t.panel]
		copy(whole, p.bias)
		bias = &whole[0]
	}
	steps := (p.n + tileTerms - 1) / tileTerms
	eachBlock(p.m, out.blocksAtOnce(p.m), func(i, rows, blocks int) {
		f := bf16tiles2AMX
		if rows <= 16 {
			f = bf16tiles1AMX
		}
		out.tile(i, rows, p.acc, func(c *float32, ldc int) {
			f(shapeOf(rows), c, ldc, &a[i*p.lda], p.lda, &p.pairs[0], steps, blocks, flag(p.acc), bias)
		})
	})
}

// tiledInt8 are products of codes on tiles, and, of few rows, of whole numbers in vectors.
type tiledInt8 struct{ byteTiles }

var amxInt8 = &tiledInt8{*vnniInt8}

// vectorRows is the most rows of a product of codes that are multiplied in vectors, to the same bits: a tile takes as long for one row as for 16.
const vectorRows = 4

// rooms are parts of temp: the sums of a block, and a block of C.
func (t *tiledInt8) rooms(temp []float32) (sums []int32, beside []float32) {
	n := tileRows * t.panel
	return Words(temp[:n]), temp[n : 2*n]
}

// multiply is int8Generic.
func (t *tiledInt8) multiply(p int8Product) {
	if p.m <= vectorRows || len(p.codes)%(tileBytes*t.panel) != 0 {
		t.byteTiles.multiply(p)
		return
	}
	_, _, wholeBias := t.temps(p.temp)
	sums, beside := t.rooms(p.temp)
	out, bias := output{p.c, p.ldc, p.cols, t.panel, beside}, p.wholeBias(wholeBias)
	eachBlock(p.m, out.blocksAtOnce(p.m), func(i, rows, blocks int) {
		f := int8tiles2AMX
		if rows <= 16 {
			f = int8tiles1AMX
		}
		out.tile(i, rows, false, func(c *float32, ldc int) {
			f(shapeOf(rows), c, ldc, &p.a[i*p.lda], p.lda, &p.codes[0], len(p.codes)/(tileBytes*t.panel), blocks, rows, &p.begin[0], &p.rowScale[i], &p.scale[0], bias, &sums[0])
		})
	})
}

// gradient is int8GradientGeneric: a number is 256 times its high byte, which has the sign, and its low one, so its products are those of the high bytes, moved up by
// eight bits, and those of the low ones. As those of bytes that are 128 too high, the sums are exact modulo 2³².
func (t *tiledInt8) gradient(p gradientProduct) {
	codes := Words(p.temp[2*tileRows*t.panel:])[:BlockK/4*t.panel]
	sums, beside := t.rooms(p.temp)
	out, plane := output{p.c, p.ldc, p.cols, t.panel, beside}, planeWords(p.b.n)
	for n := 0; n < p.b.n; n += BlockK {
		words := planeWords(min(BlockK, p.b.n-n))
		t.turnBytes(codes[:words*t.panel], p.b, p.k, n)
		add := p.add || n > 0
		eachBlock(p.m, out.blocksAtOnce(p.m), func(i, rows, blocks int) {
			f := gradienttiles2AMX
			if rows <= 16 {
				f = gradienttiles1AMX
			}
			out.tile(i, rows, add, func(c *float32, ldc int) {
				f(shapeOf(rows), c, ldc, &p.a[i*p.lda+n/4], p.lda, plane, (*uint8)(unsafe.Pointer(&codes[0])), words*4/tileBytes, blocks, rows, flag(add), &p.rowScale[i], &sums[0])
			})
		})
	}
}

// turnBytes writes fours of columns of b from n on, as words that its rows from k on share, a panel's width of them: all of dst, zeros where there are none.
func (t *tiledInt8) turnBytes(dst []int32, b *Quantized, k, n int) {
	each := t.panel / 4 * t.panel
	for ; len(dst) > 0; dst, n = dst[each:], n+t.panel {
		switch {
		case n >= b.n:
			clear(dst[:each])
		case k+t.panel > b.k:
			turnBytesGeneric(dst[:each], b, k, n)
		default:
			turnBytesAMX(&dst[0], &b.bytes(n / t.panel)[k*t.panel])
		}
	}
}

// turnBytesGeneric is turnBytesAMX; rows that do not exist are zeros, as the columns of the last panel are.
func turnBytesGeneric(dst []int32, b *Quantized, k, n int) {
	codes := b.bytes(n / b.panel)
	for i := range dst {
		var word uint32
		for j := range 4 {
			if row := k + i%b.panel; row < b.k {
				word |= uint32(codes[byteAt(row, b.panel, i/b.panel*4+j)]) << (8 * j)
			}
		}
		dst[i] = int32(word)
	}
}

// quantizePlanesTiled is quantizePlanesGeneric.
func quantizePlanesTiled(dst []int32, x []float32, down float32) {
	half, whole := len(dst)/2, len(x)/16*16
	if half == 0 {
		return
	}
	quantizePlanesAMX(&dst[0], &dst[half], x, down)
	var last [2 * tileBytes / 4]int32 // the step that has what is left
	from := whole / tileBytes * tileBytes
	if from/4 == half {
		return
	}
	quantizePlanesGeneric(last[:], x[from:], down)
	copy(dst[from/4:half], last[:tileBytes/4])
	copy(dst[half+from/4:], last[tileBytes/4:])
}

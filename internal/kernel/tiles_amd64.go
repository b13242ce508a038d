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
	s.bf16, s.pairBlock, s.pairStep = amxPairs.multiply, amxPairs.block, tileTerms/2
	s.peakTiles = &tilePeaks{
		int8: func(turns int) { peakInt8AMX(shapeOf(tileRows), turns) },
		bf16: func(turns int) { peakBF16AMX(shapeOf(tileRows), turns) },
	}
	return &s
}()

// tiledPairs are products of pairs on tiles.
type tiledPairs struct{ pairs }

var amxPairs = &tiledPairs{pairs{panel: 32, step: tileTerms / 2, pair: pairHalvesAVX512BF16}}

// multiply is bf16Tiled.
func (t *tiledPairs) multiply(p bf16Product) {
	room := BlockK / 2 * t.panel
	if p.pairs == nil {
		p.pairs = Words(p.temp[:room])
		t.block(p.pairs, p)
	}
	out, a := output{p.c, p.ldc, p.cols, t.panel, p.temp[room:]}, p.a[p.from/2:]
	steps := (p.n + tileTerms - 1) / tileTerms
	eachBlock(p.m, out.blocksAtOnce(p.m), func(i, rows, blocks int) {
		f := bf16tiles2AMX
		if rows <= 16 {
			f = bf16tiles1AMX
		}
		out.tile(i, rows, p.acc, func(c *float32, ldc int) {
			f(shapeOf(rows), c, ldc, &a[i*p.lda], p.lda, &p.pairs[0], steps, blocks, flag(p.acc))
		})
	})
}

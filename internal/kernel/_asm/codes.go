package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// Eight rows of a panel of 4-bit codes lie in a row of 32-bit words, one a column. Byte r of a word holds row r in its low
// half and row r+4 in its high one.

// nf4Levels are NF4's values, as package kernel has them.
var nf4Levels = []float64{
	-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
}

// nibble is where in a word row r's code is, counted in nibbles.
func nibble(r int) int { return r%4*2 + r/4 }

// A decoder makes vectors of float32 of vectors of words: rows 4·half to 4·half+3 of vector j of columns, whose words are at src.
// Their scales are still to be multiplied; use is called for one row after the other.
type decoder func(src operand.Mem, j, half int, use func(row int, v vec))

// nf4Decoder loads the tables.
func (g *gen) nf4Decoder() decoder {
	if g.bytes == 64 {
		table := g.move(g.levels())
		return func(src operand.Mem, _, half int, use func(row int, v vec)) {
			for r := 4 * half; r < 4*half+4; r++ {
				code := g.vec()
				g.VPSRLD(operand.U8(4*nibble(r)), src, code)
				g.VPERMPS(table, code, code)
				use(r, code)
			}
		}
	}
	tables := make([]vec, 4)
	for i := range tables {
		tables[i] = g.move(g.levelBytes(i))
	}
	return func(src operand.Mem, _, half int, use func(row int, v vec)) { g.nf4ByBytes(tables, src, half, use) }
}

// nf4ByBytes looks the bytes of the levels up, 32 codes at a time, and puts each four together: a shuffle of bytes
// costs a third of a permutation of words.
func (g *gen) nf4ByBytes(tables []vec, src operand.Mem, half int, use func(row int, v vec)) {
	codes := g.move(src)
	if half == 1 {
		g.VPSRLW(operand.Imm(4), codes, codes)
	}
	codes = g.and(codes, g.memory(0x0f0f0f0f))
	g.VPSHUFB(g.transposed4(), codes, codes) // four columns' bytes of one row side by side
	bytes := g.vecs(4)
	for i, b := range bytes {
		g.VPSHUFB(codes, tables[i], b)
	}
	halves := g.vecs(4)
	g.VPUNPCKLBW(bytes[1], bytes[0], halves[0])
	g.VPUNPCKHBW(bytes[1], bytes[0], halves[1])
	g.VPUNPCKLBW(bytes[3], bytes[2], halves[2])
	g.VPUNPCKHBW(bytes[3], bytes[2], halves[3])
	for i := range 2 {
		v, w := g.vec(), g.vec()
		g.VPUNPCKLWD(halves[2+i], halves[i], v)
		use(4*half+2*i, v)
		g.VPUNPCKHWD(halves[2+i], halves[i], w)
		use(4*half+2*i+1, w)
	}
}

// levels are NF4's levels in one vector.
func (g *gen) levels() operand.Mem {
	bits := make([]uint32, len(nf4Levels))
	for i, level := range nf4Levels {
		bits[i] = math.Float32bits(float32(level))
	}
	return g.words("nf4levels", bits)
}

// levelBytes is byte i of every level, for each half of a vector.
func (g *gen) levelBytes(i int) operand.Mem {
	words := make([]uint32, 8)
	for at, level := range nf4Levels {
		b := math.Float32bits(float32(level)) >> (8 * i) & 255
		words[at/4] |= b << (8 * (at % 4))
		words[4+at/4] |= b << (8 * (at % 4))
	}
	return g.words(fmt.Sprintf("nf4bytes%d", i), words)
}

// transposed4 is the shuffle that makes of four words of four bytes their first bytes, their second ones, and so on.
func (g *gen) transposed4() operand.Mem {
	words := make([]uint32, 8)
	for i := range 16 {
		from := uint32(i%4*4 + i/4)
		words[i/4] |= from << (8 * (i % 4))
		words[4+i/4] |= from << (8 * (i % 4))
	}
	return g.words("transposed4", words)
}

// int4Decoder gives code - zero. A code that is put under the number affine(place) makes that number and the code: less then
// subtracts the number and the zero points of vector j of columns, exactly.
func (g *gen) int4Decoder(less func(v vec, j, place int)) decoder {
	var masks, numbers []vec
	for place := range affinePlaces {
		masks = append(masks, g.move(g.memory(15<<(8*place))))
		numbers = append(numbers, g.move(g.memory(math.Float32bits(affine(place)))))
	}
	return func(src operand.Mem, j, half int, use func(row int, v vec)) {
		codes, shifted := g.move(src), g.vec()
		if half == 1 {
			g.VPSRLD(operand.Imm(4), codes, codes)
		}
		g.VPSRLD(operand.Imm(16), codes, shifted)
		for r := range 4 {
			word, place := []vec{codes, shifted}[r/affinePlaces], r%affinePlaces
			v := g.or(g.and(word, masks[place]), numbers[place])
			less(v, j, place)
			use(r+4*half, v)
		}
	}
}

// affinePlaces are how many bytes of a word have room for a code under a number.
const affinePlaces = 2

// affine is the number whose last places, from the low half of a byte on, are worth 1, 2, 4 and 8.
func affine(place int) float32 { return float32(math.Ldexp(1, 23-8*place)) }

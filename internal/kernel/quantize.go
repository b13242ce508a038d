package kernel

import (
	"math"

	"trimtab/tensor"
)

// Quantize fills panel p of c from the same panel of a packed float32 matrix, [k, Panel].
// Different panels may be given at once by different threads.
func (s *Set) Quantize(c *Quantized, p int, panel []float32) {
	panel = panel[:c.k*s.Panel]
	if c.form == BF16 {
		s.f32ToBF16(c.halves[p*len(panel):][:len(panel)], panel)
		return
	}
	if c.form == Int8 {
		s.quantizeInt8(c, p, panel)
		return
	}
	for j := range c.columns(p) {
		o := p*c.panel + j
		for k := 0; k < c.k; {
			group, end := c.span(k)
			i := o*c.groups + group
			switch column := (column{panel, s.Panel, j, k, end}); c.form {
			case NF4:
				c.scales.exact[i] = column.nf4(c.nibbles(p))
			case Int4:
				c.scales.exact[i], c.zeros[i] = column.int4(c.nibbles(p))
			}
			k = end
		}
	}
}

// quantizeInt8 makes codes as QuantizeRow does, of all columns row by row. A column that is not finite has a scale of NaN and codes of zero.
func (s *Set) quantizeInt8(c *Quantized, p int, panel []float32) {
	var most [maxPanel]uint32 // absolute values, by their bits: NaN is above infinity
	var down [maxPanel]float32
	columns, codes := c.columns(p), c.bytes(p)
	for k := range c.k {
		for j, x := range panel[k*s.Panel:][:columns] {
			most[j] = max(most[j], math.Float32bits(x)&0x7fffffff)
		}
	}
	for j := range columns {
		scale := wholeScale(math.Float32frombits(most[j]), 127)
		c.scales.exact[p*s.Panel+j] = scale
		if scale == scale {
			down[j] = 1 / scale
		}
	}
	for k := range c.k {
		row := codes[byteAt(k, s.Panel, 0):]
		for j, x := range panel[k*s.Panel:][:columns] {
			if down[j] > 0 {
				row[4*j] = uint8(wholeNumber(x, down[j]))
			}
		}
	}
	if c.begin != nil {
		s.beginInt8(c.begin[p*c.panel:][:c.panel], codes)
	}
}

// maxPanel is the widest panel of a tier.
const maxPanel = 32

// column is elements from to end of column j of a panel.
type column struct {
	panel        []float32
	width, j     int
	from, before int
}

func (c column) at(k int) float32 { return c.panel[k*c.width+c.j] }

// absMax is the greatest absolute value.
func (c column) absMax() float32 {
	var absmax float32
	for k := c.from; k < c.before; k++ {
		absmax = max(absmax, float32(math.Abs(float64(c.at(k)))))
	}
	return absmax
}

// inverse is 1/x, and 0 of 0: a column of zeros has codes of zero.
func inverse(x float32) float32 {
	if x == 0 {
		return 0
	}
	return 1 / x
}

func (c column) nf4(codes []uint8) (scale float32) {
	scale = c.absMax()
	down := inverse(scale)
	for k := c.from; k < c.before; k++ {
		putNibble(codes, k, c.width, c.j, nf4Code(c.at(k)*down))
	}
	return scale
}

func (c column) int4(codes []uint8) (scale float32, zero uint8) {
	var low, high float32 // zero is always among the values
	for k := c.from; k < c.before; k++ {
		low, high = min(low, c.at(k)), max(high, c.at(k))
	}
	scale = (high - low) / 15
	down := inverse(scale)
	z := math.RoundToEven(float64(-low * down))
	for k := c.from; k < c.before; k++ {
		q := math.RoundToEven(float64(c.at(k)*down)) + z
		putNibble(codes, k, c.width, c.j, uint8(max(0, min(15, q))))
	}
	return scale, uint8(z)
}

// putNibble writes the code of row k, column j of a panel.
func putNibble(codes []uint8, k, panel, j int, code uint8) {
	at, shift := nibbleAt(k, panel, j)
	codes[at] |= code << shift
}

// nf4Levels are NF4's values.
var nf4Levels = tensor.NF4Levels()

// nf4Code is the level nearest to x; what lies half way takes the lower one.
func nf4Code(x float32) uint8 {
	var code uint8
	for i := range nf4Middles { // by sign bits: no branch could be foreseen
		code += uint8(math.Float32bits(nf4Middles[i]-x) >> 31)
	}
	return code
}

// nf4Middles lie half way between neighbouring levels.
var nf4Middles = func() (middles [15]float32) {
	for i := range middles {
		middles[i] = (nf4Levels[i] + nf4Levels[i+1]) / 2
	}
	return middles
}()

// scales are those of a Quantized matrix: exact, or in 8 bits a scale with a float32 a block of them and one offset.
type scales struct {
	exact  []float32
	codes  []uint8
	blocks []float32
	offset float32
	levels *[256]float32 // of codes
}

const scaleBlock = tensor.ScaleBlock

func (s *scales) at(i int) float32 {
	if s.codes == nil {
		return s.exact[i]
	}
	return float32(s.levels[s.codes[i]]*s.blocks[i/scaleBlock]) + s.offset
}

// write writes n scales from i on, to elements of dst that are step apart, from 8 bits.
func (s *scales) write(dst []float32, step, i, n int) {
	levels := s.levels
	for n > 0 {
		block := s.blocks[i/scaleBlock]
		run := s.codes[i:min(i+n, (i/scaleBlock+1)*scaleBlock)]
		for at, code := range run {
			dst[at*step] = float32(levels[code]*block) + s.offset
		}
		i, n = i+len(run), n-len(run)
		if n > 0 {
			dst = dst[len(run)*step:]
		}
	}
}

func (s *scales) bytes() int { return 4*len(s.exact) + len(s.codes) + 4*len(s.blocks) }

// quantize takes the mean off the scales and holds the rest in bitsandbytes' dynamic 8-bit type, a largest absolute value a block.
func (s *scales) quantize() {
	n := len(s.exact)
	if n == 0 {
		return
	}
	var sum float64
	for _, x := range s.exact {
		sum += float64(x)
	}
	s.offset = float32(sum / float64(n))
	s.codes, s.blocks, s.levels = make([]uint8, n), make([]float32, (n+scaleBlock-1)/scaleBlock), &signed.levels
	for b := range s.blocks {
		from, to := b*scaleBlock, min((b+1)*scaleBlock, n)
		var absmax float32
		for _, x := range s.exact[from:to] {
			absmax = max(absmax, float32(math.Abs(float64(x-s.offset))))
		}
		s.blocks[b] = absmax
		down := inverse(absmax)
		for i := from; i < to; i++ {
			s.codes[i] = signed.code((s.exact[i] - s.offset) * down)
		}
	}
	s.exact = nil
}

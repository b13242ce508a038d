package kernel

import (
	"fmt"
	"math"

	"trimtab/tensor"
)

// Form is how a Quantized matrix holds its elements.
type Form uint8

// The forms. What a row is here is an output of a linear map: a column of the packed matrix.
const (
	// BF16 is bfloat16, rounded to nearest even.
	BF16 Form = iota + 1
	// Int8 is symmetric: whole numbers from -127 to 127 times a scale a row, its largest absolute value over 127.
	Int8
	// NF4 is QLoRA's: one of 16 quantiles of the normal distribution times the largest absolute value of a group of 64; those
	// are held in 8 bits themselves, in blocks of 256, as bitsandbytes does where rows are multiples of 64 long (Dettmers et al. 2023).
	NF4
	// Int4 is affine: (q - zero)·scale, q and zero from 0 to 15, a scale and a zero point a group of 128.
	Int4
)

// group is how many elements of a row share a scale; 0 is all of them.
func (f Form) group() int {
	switch f {
	case NF4:
		return tensor.NF4Group
	case Int4:
		return 128
	}
	return 0
}

// Quantized is a packed matrix B [k,n] in fewer bits: the elements lie as those of a packed float32 matrix do. Eight rows of a panel of
// 4-bit codes lie in one row of words of four bytes: byte r holds row r in its low half and row r+4 in its high one. Four rows of 8-bit codes
// lie side by side likewise, and zeros fill up the last word. Dequantize gives float32 back.
type Quantized struct {
	form   Form
	n, k   int
	panel  int // of the Set that made it
	groups int // a row's

	halves []uint16 // BF16
	codes  []uint8  // the others
	scales scales   // of row o's group g at o·groups+g; Int8's fill up the last panel
	zeros  []uint8  // Int4, likewise
	begin  []int32  // Int8, a column each, where the tier's beginInt8 makes it
}

// NewQuantized makes room for a packed matrix of k rows and n columns. Every panel must then be given to Quantize, and
// Finish be called, before it is read.
func (s *Set) NewQuantized(form Form, n, k int) *Quantized {
	c := &Quantized{form: form, n: n, k: k, panel: s.Panel, groups: 1}
	if g := form.group(); g > 0 {
		c.groups = (k + g - 1) / g
	}
	switch form {
	case BF16:
		c.halves = Make[uint16](s.PackedLen(n, k))
		return c
	case Int8:
		c.codes = Make[uint8](s.PackedLen(n, 2*Int8Words(k)))
		c.scales.exact = Make[float32](s.PackedLen(n, 1))
		if s.beginInt8 != nil {
			c.begin = Make[int32](s.PackedLen(n, 1))
		}
		return c
	case NF4, Int4:
		c.codes = Make[uint8](4 * s.PackedLen(n, (k+codesRows-1)/codesRows))
	default:
		panic(fmt.Sprintf("kernel: form %d", form))
	}
	c.scales.exact = make([]float32, n*c.groups)
	if form == Int4 {
		c.zeros = make([]uint8, n*c.groups)
	}
	return c
}

// Bytes is the memory of the elements, scales, zero points and sums of columns.
func (c *Quantized) Bytes() int {
	return 2*len(c.halves) + len(c.codes) + len(c.zeros) + 4*len(c.begin) + c.scales.bytes()
}

// Finish ends the making: NF4's scales take their 8 bits.
func (c *Quantized) Finish() {
	if c.form == NF4 {
		c.scales.quantize()
	}
}

// span is the group of element k of a row, and where it ends.
func (c *Quantized) span(k int) (group, end int) {
	g := c.form.group()
	if g == 0 {
		return 0, c.k
	}
	return k / g, min((k/g+1)*g, c.k)
}

// panels is how many panels there are.
func (c *Quantized) panels() int { return (c.n + c.panel - 1) / c.panel }

// columns is how many columns of panel p exist.
func (c *Quantized) columns(p int) int { return min(c.panel, c.n-p*c.panel) }

// Dequantize writes rows k0 to k1 of panel p, [k1-k0, Panel], as float32: the same bits in every tier. temp has room for two
// rows of a panel.
func (s *Set) Dequantize(dst []float32, c *Quantized, p, k0, k1 int, temp []float32) {
	if c.panel != s.Panel || k0 < 0 || k1 < k0 || k1 > c.k {
		panic(fmt.Sprintf("kernel: rows %d to %d of %d, in panels of %d instead of %d", k0, k1, c.k, c.panel, s.Panel))
	}
	dst = dst[:(k1-k0)*s.Panel]
	if c.form == BF16 {
		s.bf16ToF32(dst, c.halves[(p*c.k+k0)*s.Panel:][:len(dst)])
		return
	}
	scale, zero := temp[:s.Panel], temp[s.Panel:2*s.Panel]
	clear(temp[:2*s.Panel])
	for k := k0; k < k1; {
		group, end := c.span(k)
		end = min(end, k1)
		for j := range c.columns(p) {
			i := (p*c.panel+j)*c.groups + group
			scale[j] = c.scales.at(i)
			if c.form == Int4 {
				zero[j] = float32(c.zeros[i])
			}
		}
		block := dst[(k-k0)*s.Panel:][:(end-k)*s.Panel]
		switch c.form {
		case Int8:
			s.dequantizeBytes(block, c.bytes(p), k, scale)
		case NF4:
			s.dequantizeTable(block, c.nibbles(p), k, scale)
		case Int4:
			s.dequantizeNibbles(block, c.nibbles(p), k, scale, zero)
		}
		k = end
	}
}

// nibbles are the codes of panel p.
func (c *Quantized) nibbles(p int) []uint8 {
	n := (c.k + codesRows - 1) / codesRows * c.panel * 4
	return c.codes[p*n:][:n]
}

// bytes are the codes of panel p of Int8.
func (c *Quantized) bytes(p int) []uint8 {
	n := 2 * Int8Words(c.k) * c.panel
	return c.codes[p*n:][:n]
}

// byteAt is where the code of row k, column j of a panel of Int8 stands.
func byteAt(k, panel, j int) int { return (k/4*panel+j)*4 + k%4 }

// dequantizeBytesGeneric writes rows from k on of the panel q, each code times scale.
func dequantizeBytesGeneric(dst []float32, q []uint8, k int, scale []float32) {
	for ; len(dst) > 0; k++ {
		for j, s := range scale {
			dst[j] = float32(int8(q[byteAt(k, len(scale), j)])) * s
		}
		dst = dst[len(scale):]
	}
}

// codesRows is how many rows of 4-bit codes share a row of words.
const codesRows = 8

// nibbleAt is where the code of row k, column j of a panel is: a byte and the shift that brings it down.
func nibbleAt(k, panel, j int) (at int, shift uint) {
	return (k/codesRows*panel+j)*4 + k%4, uint(k%codesRows/4) * 4
}

// code is the 4-bit code of row k, column j of the panel q.
func code(q []uint8, k, panel, j int) uint8 {
	at, shift := nibbleAt(k, panel, j)
	return q[at] >> shift & 15
}

// dequantizeTableGeneric writes rows from k on of the panel q, each NF4's level times scale.
func dequantizeTableGeneric(dst []float32, q []uint8, k int, scale []float32) {
	for ; len(dst) > 0; k++ {
		for j, s := range scale {
			dst[j] = nf4Levels[code(q, k, len(scale), j)] * s
		}
		dst = dst[len(scale):]
	}
}

// dequantizeNibblesGeneric writes rows from k on of the panel q, each (code - zero)·scale.
func dequantizeNibblesGeneric(dst []float32, q []uint8, k int, scale, zero []float32) {
	for ; len(dst) > 0; k++ {
		for j, s := range scale {
			dst[j] = (float32(code(q, k, len(scale), j)) - zero[j]) * s
		}
		dst = dst[len(scale):]
	}
}

// RowOf writes column o of the packed matrix, a row [k] of the linear map's weight.
func (s *Set) RowOf(dst []float32, c *Quantized, o int) {
	p, j := o/c.panel, o%c.panel
	if c.form == BF16 {
		for k := range dst[:c.k] {
			dst[k] = math.Float32frombits(uint32(c.halves[(p*c.k+k)*c.panel+j]) << 16)
		}
		return
	}
	for k := range dst[:c.k] {
		group, _ := c.span(k)
		switch i := o*c.groups + group; c.form {
		case Int8:
			dst[k] = float32(int8(c.bytes(p)[byteAt(k, c.panel, j)])) * c.scales.at(i)
		case NF4:
			dst[k] = nf4Levels[code(c.nibbles(p), k, c.panel, j)] * c.scales.at(i)
		case Int4:
			dst[k] = (float32(code(c.nibbles(p), k, c.panel, j)) - float32(c.zeros[i])) * c.scales.at(i)
		}
	}
}

// RepackDequantized is RepackTransposed from a Quantized matrix. temp has room for k1-k0+2 rows of a panel.
func (s *Set) RepackDequantized(dst []float32, c *Quantized, temp []float32, n0, n1, k0, k1 int) {
	if n0 < 0 || n1 < n0 || n1 > c.n || k0 < 0 || k1 < k0 || k1 > c.k || n0%s.Panel != 0 || k0%s.Panel != 0 {
		panic(fmt.Sprintf("kernel: rows %d to %d, columns %d to %d of a matrix [%d,%d] in panels of %d", n0, n1, k0, k1, c.n, c.k, s.Panel))
	}
	rows := n1 - n0
	dst = s.packed(dst, k1-k0, rows)
	if last := (k1 - k0) / s.Panel * s.Panel; last < k1-k0 {
		clear(dst[last*rows:])
	}
	for p := n0; p < n1; p += s.Panel {
		s.Dequantize(temp, c, p/s.Panel, k0, k1, temp[(k1-k0)*s.Panel:])
		for q := k0; q < k1; q += s.Panel {
			to := dst[(q-k0)*rows+(p-n0)*s.Panel:]
			s.transpose(to, s.Panel, temp[(q-k0)*s.Panel:], s.Panel, min(s.Panel, k1-q), min(s.Panel, n1-p))
		}
	}
}

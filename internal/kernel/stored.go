package kernel

import (
	"slices"

	"trimtab/tensor"
)

// NewStored makes room for the matrix whose columns are q's rows, n of them with k elements each, a multiple of tensor.NF4Group, and takes q's
// scales. Every panel must then be given to PutStored, and Finish be called, before it is read.
func (s *Set) NewStored(q *tensor.NF4, n, k int) *Quantized {
	c := s.NewQuantized(NF4, n, k)
	c.scales = scales{codes: slices.Clone(q.Scales), blocks: slices.Clone(q.Blocks), offset: q.Offset, levels: &signed.levels}
	if levels := q.Levels; levels != signed.levels {
		c.scales.levels = &levels
	}
	return c
}

// PutStored fills panel p of c with q's codes. Different panels may be filled at once by different threads.
func (s *Set) PutStored(c *Quantized, p int, q *tensor.NF4) {
	codes := c.nibbles(p)
	for j := range c.columns(p) {
		row := q.Codes[(p*c.panel+j)*c.k/2:][:c.k/2]
		for i, two := range row {
			putNibble(codes, 2*i, c.panel, j, two>>4)
			putNibble(codes, 2*i+1, c.panel, j, two&15)
		}
	}
}

// StoreNF4 quantizes elements.
func StoreNF4(x []float32) *tensor.NF4 {
	codes := make([]uint8, (len(x)+1)/2)
	var s scales
	for at := 0; at < len(x); at += tensor.NF4Group {
		group := x[at:min(at+tensor.NF4Group, len(x))]
		scale := flat(group).absMax()
		down := inverse(scale)
		for i, v := range group {
			codes[(at+i)/2] |= nf4Code(v*down) << (4 * (1 - i%2))
		}
		s.exact = append(s.exact, scale)
	}
	s.quantize()
	return &tensor.NF4{Codes: codes, Scales: s.codes, Levels: *s.levels, Blocks: s.blocks, Offset: s.offset}
}

// StoreInt8 quantizes a row to codes from -127 to 127, as bytes, and returns its largest absolute value, which 127 stands for.
func StoreInt8(codes []uint8, row []float32) (absmax float32) {
	absmax = flat(row).absMax()
	scale := wholeScale(absmax, 127)
	for i, v := range row {
		codes[i] = uint8(wholeNumber(v, 1/scale))
	}
	return absmax
}

// flat is a row as a column.
func flat(row []float32) column { return column{row, 1, 0, 0, len(row)} }

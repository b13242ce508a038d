package kernel

import "slices"

// NF4Stored are elements in NF4 as bitsandbytes' files hold them: in groups of 64, whatever rows they make, with double-quantized scales.
type NF4Stored struct {
	// Codes are two a byte, the first in the high bits.
	Codes []uint8
	// Group g's scale is DynamicLevels[Scales[g]]·Blocks[g/256] + Offset.
	Scales []uint8
	Blocks []float32
	Offset float32
}

// The elements that share a scale, and the scales that share one.
const (
	NF4Group   = 64
	ScaleBlock = scaleBlock
)

// NF4Levels are the values of NF4's codes.
func NF4Levels() []float32 { return slices.Clone(nf4Levels[:]) }

// DynamicLevels are the values of the codes of NF4's scales.
func DynamicLevels() []float32 { return slices.Clone(signed.levels[:]) }

// StoreNF4 quantizes elements.
func StoreNF4(x []float32) *NF4Stored {
	codes := make([]uint8, (len(x)+1)/2)
	var s scales
	for at := 0; at < len(x); at += NF4Group {
		group := x[at:min(at+NF4Group, len(x))]
		scale := flat(group).absMax()
		down := inverse(scale)
		for i, v := range group {
			codes[(at+i)/2] |= nf4Code(v*down) << (4 * (1 - i%2))
		}
		s.exact = append(s.exact, scale)
	}
	s.quantize()
	return &NF4Stored{Codes: codes, Scales: s.codes, Blocks: s.blocks, Offset: s.offset}
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

package kernel

// MomentBlock is how many elements of a moment in 8 bits share a largest absolute value.
const MomentBlock = 256

// momentBlocks is how many blocks AdamW8 has in float32 at once.
const momentBlocks = 4

// AdamW8Temp is how many elements of scratch AdamW8 needs.
const AdamW8Temp = 2 * momentBlocks * MomentBlock

// Moment is a moment of AdamW in 8 bits: codes of the dynamic type, which stand for their levels times the largest absolute value of
// the block that they are in (Dettmers et al. 2022, bitsandbytes' AdamW8bit). Zeros are a moment of zeros.
type Moment struct {
	Codes  []uint8
	Absmax []float32 // ⌈len(Codes)/MomentBlock⌉
}

// Slice is elements [from, to) of a moment; from begins a block.
func (m Moment) Slice(from, to int) Moment {
	return Moment{Codes: m.Codes[from:to], Absmax: m.Absmax[from/MomentBlock:]}
}

// AdamW8 is AdamW on moments in 8 bits: they become float32 a few blocks at a time, take the step, and are quantized again after the
// parameters have used them. m is of the signed type, v of the unsigned one; their blocks begin at p[0]. Other conditions as AdamW's.
func (s *Set) AdamW8(p, g []float32, m, v Moment, step *AdamW, temp []float32) {
	n, blocks := len(p), (len(p)+MomentBlock-1)/MomentBlock
	g, m.Codes, v.Codes, m.Absmax, v.Absmax = g[:n], m.Codes[:n], v.Codes[:n], m.Absmax[:blocks], v.Absmax[:blocks]
	m32, v32 := temp[:AdamW8Temp/2], temp[AdamW8Temp/2:AdamW8Temp]
	for from := 0; from < n; from += momentBlocks * MomentBlock {
		to := min(from+momentBlocks*MomentBlock, n)
		for b := from; b < to; b += MomentBlock {
			end := min(b+MomentBlock, to)
			s.dequantizeSigned(m32[b-from:end-from], m.Codes[b:end], m.Absmax[b/MomentBlock])
			s.dequantizeUnsigned(v32[b-from:end-from], v.Codes[b:end], v.Absmax[b/MomentBlock])
		}
		s.adamw(p[from:to], g[from:to], m32[:to-from], v32[:to-from], step)
		for b := from; b < to; b += MomentBlock {
			end := min(b+MomentBlock, to)
			m.Absmax[b/MomentBlock] = s.requantize(m.Codes[b:end], m32[b-from:end-from], s.quantizeSigned)
			v.Absmax[b/MomentBlock] = s.requantize(v.Codes[b:end], v32[b-from:end-from], s.quantizeUnsigned)
		}
	}
}

// requantize quantizes a block and gives its largest absolute value, NaN if an element is.
func (s *Set) requantize(q []uint8, x []float32, quantize func(q []uint8, x []float32, inverse float32)) (absmax float32) {
	absmax = s.absMax(x)
	quantize(q, x, 1/max(absmax, 1e-38)) // a block of zeros has codes of zero
	return absmax
}

package tensor

import "math"

// F16ToF32 converts an IEEE 754 half, given by its bits; exact.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, mantissa := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0: // zero or subnormal: mantissa * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)*0x1p-24))
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
}

// F32ToF16 gives the bits of the IEEE 754 half nearest to f, ties to even. What is too large
// becomes an infinity; a NaN stays a NaN.
func F32ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x47800000: // 65536 and up
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: subnormal; adding 0.5 leaves the rounded mantissa in the last bits
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1 // the carry may run into the exponent, up to infinity
	return sign | uint16((b-(127-15)<<23)>>13)
}

// BF16ToF32 converts a bfloat16, given by its bits; exact.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 gives the bits of the bfloat16 nearest to f, ties to even; a NaN stays a NaN.
func F32ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// small describes a floating-point format of at most eight bits.
type small struct {
	exponent, mantissa, bias int
	ieee                     bool // the largest exponent means infinity or NaN
	allOnesNaN               bool // all bits but the sign set means NaN
	negativeZeroNaN          bool // the bits of negative zero mean NaN
}

var smallFormats = map[DType]small{
	F4:         {exponent: 2, mantissa: 1, bias: 1},
	F6E2M3:     {exponent: 2, mantissa: 3, bias: 1},
	F6E3M2:     {exponent: 3, mantissa: 2, bias: 3},
	F8E5M2:     {exponent: 5, mantissa: 2, bias: 15, ieee: true},
	F8E4M3:     {exponent: 4, mantissa: 3, bias: 7, allOnesNaN: true},
	F8E5M2FNUZ: {exponent: 5, mantissa: 2, bias: 16, negativeZeroNaN: true},
	F8E4M3FNUZ: {exponent: 4, mantissa: 3, bias: 8, negativeZeroNaN: true},
}

// float32 gives the value of the format's bits.
func (f small) float32(bits uint8) float32 {
	signBit := uint8(1) << (f.exponent + f.mantissa)
	magnitude := bits & (signBit - 1)
	e, m := int(magnitude>>f.mantissa), int(magnitude)&(1<<f.mantissa-1)
	last := e == 1<<f.exponent-1
	nan := f.ieee && last && m != 0 || f.allOnesNaN && magnitude == signBit-1 || f.negativeZeroNaN && bits == signBit
	var v float64
	switch {
	case nan:
		v = math.NaN()
	case f.ieee && last:
		v = math.Inf(1)
	case e == 0:
		v = math.Ldexp(float64(m), 1-f.bias-f.mantissa)
	default:
		v = math.Ldexp(float64(m+1<<f.mantissa), e-f.bias-f.mantissa)
	}
	if bits&signBit != 0 {
		v = math.Copysign(v, -1)
	}
	return float32(v)
}

// table lists the values of a format's 2^bits codes.
func (f small) table() []float32 {
	t := make([]float32, 1<<(1+f.exponent+f.mantissa))
	for i := range t {
		t[i] = f.float32(uint8(i))
	}
	return t
}

// e8m0 is the scale format of OCP MX: 2^(bits-127), 255 for NaN.
func e8m0(bits uint8) float32 {
	if bits == 255 {
		return float32(math.NaN())
	}
	return float32(math.Ldexp(1, int(bits)-127))
}

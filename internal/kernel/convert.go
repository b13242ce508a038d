package kernel

import "math"

// F16ToF32 converts IEEE half precision, exactly; a signalling NaN becomes quiet. src is at least as long as dst.
func (s *Set) F16ToF32(dst []float32, src []uint16) { s.f16ToF32(dst, src[:len(dst)]) }

// BF16ToF32 converts bfloat16, exactly. src is at least as long as dst.
func (s *Set) BF16ToF32(dst []float32, src []uint16) { s.bf16ToF32(dst, src[:len(dst)]) }

// F32ToF16 converts to IEEE half precision, to nearest even; what is too large becomes infinite, NaN stays NaN.
func (s *Set) F32ToF16(dst []uint16, src []float32) { s.f32ToF16(dst, src[:len(dst)]) }

// F32ToBF16 converts to bfloat16, to nearest even; NaN stays NaN.
func (s *Set) F32ToBF16(dst []uint16, src []float32) { s.f32ToBF16(dst, src[:len(dst)]) }

func f16ToF32Generic(dst []float32, src []uint16) {
	for i := range dst {
		dst[i] = f16ToF32(src[i])
	}
}

func f16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exp == 0x1f && frac == 0:
		return math.Float32frombits(sign | 0x7f800000)
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7fc00000 | frac<<13)
	case exp == 0:
		f := float32(frac) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

func f32ToF16Generic(dst []uint16, src []float32) {
	for i := range dst {
		dst[i] = f32ToF16(src[i])
	}
}

func f32ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign, abs := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN: quiet, the upper bits of its payload
		return sign | 0x7e00 | uint16(abs>>13&0x3ff)
	case abs >= 0x47800000: // 2^16 and more
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: multiples of 2^-24, rounded by the float unit
		f := math.Float32frombits(abs) + 0.5
		return sign | uint16(math.Float32bits(f)-math.Float32bits(0.5))
	}
	abs += 0xfff + abs>>13&1
	return sign | uint16((abs-112<<23)>>13)
}

func bf16ToF32Generic(dst []float32, src []uint16) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(src[i]) << 16)
	}
}

func f32ToBF16Generic(dst []uint16, src []float32) {
	for i := range dst {
		b := math.Float32bits(src[i])
		if b&0x7fffffff > 0x7f800000 {
			dst[i] = uint16(b>>16) | 0x40
			continue
		}
		dst[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
	}
}

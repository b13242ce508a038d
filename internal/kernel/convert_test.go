package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// halfValue is the value of a finite half, from its definition.
func halfValue(h uint16) float64 {
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	v := frac * 0x1p-24
	if exp > 0 {
		v = math.Ldexp(1+frac/1024, exp-15)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return v
}

func TestHalves(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	eachTier(t, func(t *testing.T, s *Set) {
		wide, back := make([]float32, len(all)), make([]uint16, len(all))
		s.F16ToF32(wide, all)
		s.F32ToF16(back, wide)
		for i, h := range all {
			switch {
			case h&0x7c00 != 0x7c00:
				if float64(wide[i]) != halfValue(h) || math.Signbit(float64(wide[i])) != (h&0x8000 != 0) || back[i] != h {
					t.Fatalf("half %#04x is %v and back %#04x", h, wide[i], back[i])
				}
			case h&0x3ff == 0:
				if !math.IsInf(float64(wide[i]), int(int16(h))>>15|1) || back[i] != h {
					t.Fatalf("half %#04x is %v and back %#04x", h, wide[i], back[i])
				}
			case wide[i] == wide[i] || back[i] != h|0x200:
				t.Fatalf("half %#04x is %v and back %#04x", h, wide[i], back[i])
			}
		}
	})
}

// TestRoundingToHalves rounds what lies between neighbours: below, at and above the middle.
func TestRoundingToHalves(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		var x []float32
		var want []uint16
		for h := range uint16(0x7c00) {
			middle := float32((halfValue(h) + math.Abs(halfValue(h+1))) / 2)
			if h == 0x7bff {
				middle = 65520
			}
			for _, sign := range []uint16{0, 0x8000} {
				f := 1 - 2*float32(sign>>15)
				x = append(x, f*math.Nextafter32(middle, 0), f*middle, f*math.Nextafter32(middle, 1e9))
				want = append(want, h|sign, h+h&1|sign, h+1|sign)
			}
		}
		got := make([]uint16, len(x))
		s.F32ToF16(got, x)
		for i := range x {
			if got[i] != want[i] {
				t.Fatalf("%v becomes %#04x, want %#04x", x[i], got[i], want[i])
			}
		}
	})
}

func TestBrainFloats(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	eachTier(t, func(t *testing.T, s *Set) {
		wide, back := make([]float32, len(all)), make([]uint16, len(all))
		s.BF16ToF32(wide, all)
		s.F32ToBF16(back, wide)
		for i, h := range all {
			nan := h&0x7f80 == 0x7f80 && h&0x7f != 0
			if math.Float32bits(wide[i]) != uint32(h)<<16 || !nan && back[i] != h || nan && back[i] != h|0x40 {
				t.Fatalf("brain float %#04x is %v and back %#04x", h, wide[i], back[i])
			}
		}
		for h := range uint16(0x7f80) {
			low := uint32(h) << 16
			x := []float32{math.Float32frombits(low | 0x7fff), math.Float32frombits(low | 0x8000), math.Float32frombits(low | 0x8001)}
			got := make([]uint16, 3)
			s.F32ToBF16(got, x)
			if got[0] != h || got[1] != h+h&1 || got[2] != h+1 {
				t.Fatalf("%v become %#04x", x, got)
			}
		}
	})
}

// TestConversionsOfAllLengths tries all alignments of either side too, with strange numbers among the others.
func TestConversionsOfAllLengths(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(23, 24))
		for n := range 150 {
			x := sprinkled(r, n)
			f, b := make([]uint16, n), make([]uint16, n)
			f32ToF16Generic(f, x)
			f32ToBF16Generic(b, x)
			for _, c := range []struct {
				want   []uint16
				narrow func(dst []uint16, src []float32)
				widen  func(dst []float32, src []uint16)
				plain  func(dst []float32, src []uint16)
			}{{f, s.F32ToF16, s.F16ToF32, f16ToF32Generic}, {b, s.F32ToBF16, s.BF16ToF32, bf16ToF32Generic}} {
				o := &operands{t: t, r: r}
				narrow, check := guardedCodes[uint16](t, n, r.IntN(32))
				c.narrow(narrow, o.input(x))
				check()
				if !slices.Equal(narrow, c.want) {
					t.Fatalf("%d elements: %#04x, want %#04x", n, narrow, c.want)
				}
				wide, want := o.output(randoms(r, n)), make([]float32, n)
				c.widen(wide, narrow)
				c.plain(want, c.want)
				o.done()
				check()
				near.Bits(t, "widened", wide, want)
			}
		}
	})
}

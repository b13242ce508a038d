package tensor

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestDTypeNames(t *testing.T) {
	for d := Invalid + 1; d < dtypeCount; d++ {
		got, err := ParseDType(d.String())
		if err != nil || got != d {
			t.Errorf("ParseDType(%q) = %v, %v", d.String(), got, err)
		}
		if d.Bits() == 0 {
			t.Errorf("%v has no size", d)
		}
	}
	for _, name := range []string{"", "f32", "invalid", "F31"} {
		if _, err := ParseDType(name); !errors.Is(err, ErrDType) {
			t.Errorf("ParseDType(%q): %v", name, err)
		}
	}
	if s := DType(200).String(); s != "DType(200)" {
		t.Error(s)
	}
}

func TestShape(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		n     int
		text  string
	}{
		{nil, 1, "[]"}, {Shape{2, 3}, 6, "[2, 3]"}, {Shape{0, 5}, 0, "[0, 5]"}, {Shape{math.MaxInt, 0}, 0, "[9223372036854775807, 0]"},
	} {
		n, err := c.shape.Elements()
		if err != nil || n != c.n || c.shape.String() != c.text {
			t.Errorf("%v: %d, %v", c.shape, n, err)
		}
	}
	for _, s := range []Shape{{-1}, {0, -2}, {math.MaxInt, 2}, {0, math.MaxInt, 2}, {1 << 32, 1 << 32}} {
		if _, err := s.Elements(); !errors.Is(err, ErrShape) {
			t.Errorf("%v: %v", s, err)
		}
	}
	if _, err := (Shape{math.MaxInt / 2}).Bytes(F64); !errors.Is(err, ErrShape) {
		t.Error(err)
	}
	if _, err := (Shape{3}).Bytes(F4); !errors.Is(err, ErrShape) {
		t.Error(err)
	}
	if n, err := (Shape{4}).Bytes(F6E2M3); err != nil || n != 3 {
		t.Error(n, err)
	}
	if !(Shape{}).Equal(nil) || (Shape{1}).Equal(Shape{1, 1}) {
		t.Error("Equal")
	}
}

// value computes a format's value from its definition, in float64.
func value(bits, exponent, mantissa, bias int) float64 {
	e, m := bits>>mantissa&(1<<exponent-1), bits&(1<<mantissa-1)
	v := math.Ldexp(float64(m), 1-bias-mantissa)
	if e > 0 {
		v = math.Ldexp(1+float64(m)/float64(int(1)<<mantissa), e-bias)
	}
	if bits>>(exponent+mantissa) != 0 {
		return -v
	}
	return v
}

func TestHalves(t *testing.T) {
	for b := range 1 << 16 {
		h := uint16(b)
		if b>>10&31 != 31 {
			if got, want := float64(F16ToF32(h)), value(b, 5, 10, 15); got != want {
				t.Fatalf("F16 %04x: %v, want %v", b, got, want)
			}
		}
		for _, f := range []struct {
			back uint16
			v    float32
		}{{F32ToF16(F16ToF32(h)), F16ToF32(h)}, {F32ToBF16(BF16ToF32(h)), BF16ToF32(h)}} {
			if f.back != h && f.v == f.v {
				t.Fatalf("%04x came back as %04x", h, f.back)
			}
		}
	}
	if v := F16ToF32(F32ToF16(float32(math.NaN()))); v == v {
		t.Error("a NaN got lost")
	}
	if v := BF16ToF32(F32ToBF16(math.Float32frombits(0x7f800001))); v == v {
		t.Error("a NaN got lost")
	}
}

// TestHalvesRound checks that conversions choose the nearer neighbour, and the even one of a tie.
func TestHalvesRound(t *testing.T) {
	for h := range uint16(0x7bff) { // every positive finite half and its successor
		low, high := F16ToF32(h), F16ToF32(h+1)
		middle := (low + high) / 2 // exact in float32
		even := h + h&1
		for _, c := range []struct {
			f    float32
			want uint16
		}{{middle, even}, {math.Nextafter32(middle, low), h}, {math.Nextafter32(middle, high), h + 1}} {
			if got := F32ToF16(c.f); got != c.want {
				t.Fatalf("F32ToF16(%v) = %04x, want %04x", c.f, got, c.want)
			}
			if got := F32ToF16(-c.f); got != c.want|0x8000 {
				t.Fatalf("F32ToF16(%v) = %04x", -c.f, got)
			}
		}
	}
	for f, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00, 1e-30: 0, 0x1p-25: 0, 0x1.000002p-25: 1} {
		if got := F32ToF16(f); got != want {
			t.Errorf("F32ToF16(%v) = %04x, want %04x", f, got, want)
		}
	}
	for bits, want := range map[uint32]uint16{0x3f808000: 0x3f80, 0x3f818000: 0x3f82, 0x3f808001: 0x3f81, 0x7f7fffff: 0x7f80} {
		if got := F32ToBF16(math.Float32frombits(bits)); got != want {
			t.Errorf("F32ToBF16(%08x) = %04x, want %04x", bits, got, want)
		}
	}
}

func TestSmallFloats(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		d    DType
		data []byte
		want []float64
	}{
		// Extremes and specials as the OCP 8-bit and MX specifications list them.
		{F8E4M3, []byte{0x7e, 0x7f, 0x01, 0x08, 0xfe, 0x80, 0x38}, []float64{448, nan, 0x1p-9, 0x1p-6, -448, 0, 1}},
		{F8E5M2, []byte{0x7b, 0x7c, 0x7d, 0x01, 0x04, 0xfc, 0x3c}, []float64{57344, inf, nan, 0x1p-16, 0x1p-14, -inf, 1}},
		{F8E4M3FNUZ, []byte{0x7f, 0x80, 0x01, 0x40}, []float64{240, nan, 0x1p-10, 1}},
		{F8E5M2FNUZ, []byte{0x7f, 0x80, 0x01, 0x40}, []float64{57344, nan, 0x1p-17, 1}},
		{F8E8M0, []byte{0, 127, 254, 255}, []float64{0x1p-127, 1, 0x1p127, nan}},
		{F4, []byte{0x10, 0x32, 0x54, 0x76, 0x98, 0xfe}, []float64{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -4, -6}},
		{F6E2M3, []byte{0x1f, 0x80, 0xfc}, []float64{7.5, 0, 1, -7.5}}, // codes 1f, 00, 08, 3f from the lowest bit up
		{F6E3M2, []byte{0x1f, 0, 0}, []float64{28, 0, 0, 0}},
	} {
		got, err := (&Tensor{DType: c.d, Shape: Shape{len(c.want)}, Data: c.data}).Float32s()
		if err != nil {
			t.Errorf("%v: %v", c.d, err)
			continue
		}
		for i, want := range c.want {
			if float64(got[i]) != want && !(math.IsNaN(want) && got[i] != got[i]) {
				t.Errorf("%v[%d] = %v, want %v", c.d, i, got[i], want)
			}
		}
	}
}

func TestFloat32s(t *testing.T) {
	v := []float32{1, -2, 3.5, 0.25, 1024, -0.125}
	x := FromFloat32s(Shape{2, 3}, v)
	got, err := x.Float32s()
	if err != nil || &got[0] != &v[0] {
		t.Error("an aligned F32 tensor is not viewed", err)
	}
	shifted := &Tensor{DType: F32, Shape: Shape{2, 3}, Data: append(make([]byte, 1, 32), x.Data...)[1:]}
	if got, err := shifted.Float32s(); err != nil || !slices.Equal(got, v) {
		t.Error("unaligned:", got, err)
	}
	doubles, halves := &Tensor{DType: F64, Shape: Shape{6}}, &Tensor{DType: F16, Shape: Shape{6}}
	brains := &Tensor{DType: BF16, Shape: Shape{6}}
	for _, f := range v {
		b := math.Float64bits(float64(f))
		for i := range 8 {
			doubles.Data = append(doubles.Data, byte(b>>(8*i)))
		}
		halves.Data = append(halves.Data, byte(F32ToF16(f)), byte(F32ToF16(f)>>8))
		brains.Data = append(brains.Data, byte(F32ToBF16(f)), byte(F32ToBF16(f)>>8))
	}
	for _, x := range []*Tensor{doubles, halves, brains} {
		dst := make([]float32, 6)
		more, err := x.AppendFloat32s([]float32{7})
		if err2 := x.CopyFloat32s(dst); err != nil || err2 != nil || !slices.Equal(dst, v) || !slices.Equal(more[1:], v) || more[0] != 7 {
			t.Errorf("%v: %v %v %v", x.DType, dst, more, err)
		}
		if err := x.CopyFloat32s(dst[:5]); !errors.Is(err, ErrShape) {
			t.Error(err)
		}
	}
	if _, err := FromInt64s(Shape{1}, []int64{1}).Float32s(); !errors.Is(err, ErrDType) || !strings.Contains(err.Error(), "I64") {
		t.Error(err)
	}
	x.Data = x.Data[1:]
	if _, err := x.Float32s(); !errors.Is(err, ErrShape) {
		t.Error(err)
	}
}

func TestInt64s(t *testing.T) {
	v := []int64{1, -2, 1 << 40}
	if got, err := FromInt64s(Shape{3}, v).Int64s(); err != nil || &got[0] != &v[0] {
		t.Error("an aligned I64 tensor is not viewed", err)
	}
	for _, c := range []struct {
		d    DType
		data []byte
		want int64
	}{
		{I8, []byte{0xfe}, -2}, {U8, []byte{0xfe}, 254}, {I16, []byte{0xfe, 0xff}, -2}, {U16, []byte{0xfe, 0xff}, 65534},
		{I32, []byte{0xfe, 0xff, 0xff, 0xff}, -2}, {U32, []byte{0xfe, 0xff, 0xff, 0xff}, 4294967294},
		{U64, []byte{1, 2, 0, 0, 0, 0, 0, 0}, 513},
	} {
		got, err := (&Tensor{DType: c.d, Data: c.data}).Int64s()
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%v: %v, %v", c.d, got, err)
		}
	}
	if got, err := FromInt32s(Shape{2}, []int32{-7, 8}).Int64s(); err != nil || !slices.Equal(got, []int64{-7, 8}) {
		t.Error(got, err)
	}
	huge := &Tensor{DType: U64, Data: []byte{0, 0, 0, 0, 0, 0, 0, 0x80}}
	if _, err := huge.Int64s(); !errors.Is(err, ErrDType) {
		t.Error(err)
	}
	for _, d := range []DType{F32, Bool, Invalid} {
		if _, err := (&Tensor{DType: d, Data: make([]byte, 4)}).Int64s(); !errors.Is(err, ErrDType) {
			t.Error(err)
		}
	}
}

package tensor

import (
	"errors"
	"fmt"
	"strings"
)

// DType is the type of a tensor's elements. The order of the constants is the order in
// which the safetensors library ranks types, from the least aligned to the most.
type DType uint8

// The element types that a safetensors file can hold. F4, F6E2M3 and F6E3M2 take less than a
// byte an element; everything else is a whole number of bytes.
const (
	Invalid DType = iota
	Bool          // a byte, 0 or 1
	F4            // 4 bits: sign, 2 exponent, 1 mantissa (OCP MX)
	F6E2M3        // 6 bits (OCP MX)
	F6E3M2        // 6 bits (OCP MX)
	U8
	I8
	F8E5M2     // 8 bits, infinities and NaN as in IEEE 754 (OCP)
	F8E4M3     // 8 bits, no infinities, NaN where all bits but the sign are set (OCP)
	F8E8M0     // 8 bits: a power of two, a scale (OCP MX)
	F8E4M3FNUZ // 8 bits, bias 8, no negative zero, no infinities
	F8E5M2FNUZ // 8 bits, bias 16, no negative zero, no infinities
	I16
	U16
	F16
	BF16
	I32
	U32
	F32
	C64 // two F32: real, imaginary
	F64
	I64
	U64
	dtypeCount
)

var dtypes = [dtypeCount]struct {
	name string
	bits int
}{
	Invalid: {"invalid", 0},
	Bool:    {"BOOL", 8}, F4: {"F4", 4}, F6E2M3: {"F6_E2M3", 6}, F6E3M2: {"F6_E3M2", 6},
	U8: {"U8", 8}, I8: {"I8", 8},
	F8E5M2: {"F8_E5M2", 8}, F8E4M3: {"F8_E4M3", 8}, F8E8M0: {"F8_E8M0", 8},
	F8E4M3FNUZ: {"F8_E4M3FNUZ", 8}, F8E5M2FNUZ: {"F8_E5M2FNUZ", 8},
	I16: {"I16", 16}, U16: {"U16", 16}, F16: {"F16", 16}, BF16: {"BF16", 16},
	I32: {"I32", 32}, U32: {"U32", 32}, F32: {"F32", 32},
	C64: {"C64", 64}, F64: {"F64", 64}, I64: {"I64", 64}, U64: {"U64", 64},
}

// ErrDType is wrapped by errors about an element type that is unknown or does not fit.
var ErrDType = errors.New("wrong element type")

// String is the type's name as safetensors writes it: "F32", "BF16", "F8_E4M3", "BOOL".
func (d DType) String() string {
	if d >= dtypeCount {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// ParseDType is the inverse of [DType.String]; an unknown name is an error that wraps [ErrDType].
func ParseDType(name string) (DType, error) {
	for d := Invalid + 1; d < dtypeCount; d++ {
		if dtypes[d].name == name {
			return d, nil
		}
	}
	known := make([]string, 0, dtypeCount)
	for d := Invalid + 1; d < dtypeCount; d++ {
		known = append(known, dtypes[d].name)
	}
	return Invalid, fmt.Errorf("%w: %q is not one of %s", ErrDType, name, strings.Join(known, ", "))
}

// Bits is the size of an element in bits; 0 for an invalid type.
func (d DType) Bits() int {
	if d >= dtypeCount {
		return 0
	}
	return dtypes[d].bits
}

// Size is the size of an element in bytes; 0 for the types that take less than a byte
// (see [DType.Bits]) and for an invalid type.
func (d DType) Size() int { return d.Bits() / 8 }

// IsFloat reports whether the type is a real floating-point type (scales and packed types too).
func (d DType) IsFloat() bool {
	switch d {
	case F64, F32, F16, BF16, F8E4M3, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ, F8E8M0, F6E2M3, F6E3M2, F4:
		return true
	}
	return false
}

// IsInteger reports whether the type holds integers, signed or not. Bool is not one.
func (d DType) IsInteger() bool {
	switch d {
	case I64, I32, I16, I8, U64, U32, U16, U8:
		return true
	}
	return false
}

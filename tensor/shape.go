package tensor

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Shape is a tensor's size along each axis, outermost first. The empty shape is a scalar's.
type Shape []int

// ErrShape is wrapped by errors about a shape that is impossible or not the one expected.
var ErrShape = errors.New("wrong shape")

// Elements is the number of elements, 1 for the empty shape. A negative size and a product
// that does not fit an int (leaving zeros out) are errors that wrap [ErrShape].
func (s Shape) Elements() (int, error) {
	n, zero := uint64(1), false
	for _, size := range s {
		if size < 0 {
			return 0, fmt.Errorf("%w: %v has a negative size", ErrShape, s)
		}
		if size == 0 {
			zero = true
			continue
		}
		high, low := bits.Mul64(n, uint64(size))
		if high != 0 || low > math.MaxInt {
			return 0, fmt.Errorf("%w: %v has more elements than can be counted", ErrShape, s)
		}
		n = low
	}
	if zero {
		return 0, nil
	}
	return int(n), nil
}

// Bytes is the number of bytes that elements of type d in this shape take. Types of less
// than a byte must fill whole bytes. Errors wrap [ErrShape] or [ErrDType].
func (s Shape) Bytes(d DType) (int, error) {
	n, err := s.Elements()
	if err != nil {
		return 0, err
	}
	if d.Bits() == 0 {
		return 0, fmt.Errorf("%w: %v has no size", ErrDType, d)
	}
	high, low := bits.Mul64(uint64(n), uint64(d.Bits()))
	if high != 0 || low > math.MaxInt {
		return 0, fmt.Errorf("%w: %v of %v has more bytes than can be counted", ErrShape, s, d)
	}
	if low%8 != 0 {
		return 0, fmt.Errorf("%w: %v of %v does not fill whole bytes", ErrShape, s, d)
	}
	return int(low / 8), nil
}

// Equal reports whether both shapes have the same axes. A nil shape equals an empty one.
func (s Shape) Equal(o Shape) bool { return slices.Equal(s, o) }

// String is the shape as safetensors headers show it: "[2, 3]", "[]".
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, size := range s {
		parts[i] = strconv.Itoa(size)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

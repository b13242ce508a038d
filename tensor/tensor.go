package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Tensor is an array in host memory: row-major, little endian.
type Tensor struct {
	DType DType
	Shape Shape
	Data  []byte // may be a view of a mapped file: read only
	// Release lets go of the memory behind a view of a mapped file; whoever reads Data again has it read from the
	// file again. Nil where Data is no such view.
	Release func()
	// Decode writes the elements, in row-major order, to dst, which has their number: of a floating-point tensor that a file holds in
	// another form, a quantized weight. Data is then nil. Nil where Data are the elements.
	Decode func(dst []float32)
	// NF4 are the codes that Decode decodes, where they are of that form and groups end with rows. Nil where they are not.
	NF4 *NF4
}

// FromFloat32s makes an F32 tensor that views v. It panics if v does not have the shape's
// number of elements: that is the caller's mistake, not data's.
func FromFloat32s(shape Shape, v []float32) *Tensor {
	mustHold(shape, len(v))
	return &Tensor{DType: F32, Shape: shape, Data: bytesOf(v)}
}

// FromInt64s makes an I64 tensor that views v; see [FromFloat32s].
func FromInt64s(shape Shape, v []int64) *Tensor {
	mustHold(shape, len(v))
	return &Tensor{DType: I64, Shape: shape, Data: bytesOf(v)}
}

// FromInt32s makes an I32 tensor that views v; see [FromFloat32s].
func FromInt32s(shape Shape, v []int32) *Tensor {
	mustHold(shape, len(v))
	return &Tensor{DType: I32, Shape: shape, Data: bytesOf(v)}
}

func mustHold(shape Shape, n int) {
	if want, err := shape.Elements(); err != nil || want != n {
		panic(fmt.Sprintf("tensor: %d values for shape %v", n, shape))
	}
}

// Elements is the number of elements, and an error where the shape is impossible or Data does
// not have the size that type and shape ask for.
func (t *Tensor) Elements() (int, error) {
	bytes, err := t.Shape.Bytes(t.DType)
	if err != nil {
		return 0, err
	}
	if t.Decode != nil {
		return t.Shape.Elements()
	}
	if bytes != len(t.Data) {
		return 0, fmt.Errorf("%w: %v of %v needs %d bytes, there are %d", ErrShape, t.Shape, t.DType, bytes, len(t.Data))
	}
	return t.Shape.Elements()
}

// Float32s gives the elements of a floating-point tensor in row-major order: a view of Data
// (read only, if Data is) where the tensor is F32 and aligned, else a converted copy. Other
// types are an error that names the type and wraps [ErrDType].
func (t *Tensor) Float32s() ([]float32, error) {
	n, err := t.floats()
	if err != nil {
		return nil, err
	}
	if t.DType == F32 && t.Decode == nil {
		if v, ok := view[float32](t.Data); ok {
			return v, nil
		}
	}
	dst := make([]float32, n)
	t.convert(dst)
	return dst, nil
}

// AppendFloat32s appends the elements of a floating-point tensor to dst; errors as [Tensor.Float32s].
func (t *Tensor) AppendFloat32s(dst []float32) ([]float32, error) {
	n, err := t.floats()
	if err != nil {
		return dst, err
	}
	at := len(dst)
	dst = append(dst, make([]float32, n)...)
	t.convert(dst[at:])
	return dst, nil
}

// CopyFloat32s writes the elements of a floating-point tensor to dst, which must have exactly
// that many; errors as [Tensor.Float32s].
func (t *Tensor) CopyFloat32s(dst []float32) error {
	n, err := t.floats()
	if err != nil {
		return err
	}
	if n != len(dst) {
		return fmt.Errorf("%w: %v has %d elements, the destination %d", ErrShape, t.Shape, n, len(dst))
	}
	t.convert(dst)
	return nil
}

// CopyPart writes the elements of a floating-point tensor from number from on to dst; errors as [Tensor.Float32s]. One that is decoded has no parts.
func (t *Tensor) CopyPart(dst []float32, from int) error {
	n, err := t.floats()
	if err != nil {
		return err
	}
	if t.Decode != nil || from < 0 || from+len(dst) > n {
		return fmt.Errorf("%w: %v has no part of %d elements from %d on", ErrShape, t.Shape, len(dst), from)
	}
	size := t.DType.Size()
	part := Tensor{DType: t.DType, Data: t.Data[from*size : (from+len(dst))*size]}
	part.convert(dst)
	return nil
}

// floats checks that the tensor is sound and real, and counts its elements.
func (t *Tensor) floats() (int, error) {
	if !t.DType.IsFloat() {
		return 0, fmt.Errorf("%w: found %v, expected a floating-point type", ErrDType, t.DType)
	}
	return t.Elements()
}

// convert writes the elements of a sound floating-point tensor to dst, which has their number.
func (t *Tensor) convert(dst []float32) {
	if t.Decode != nil {
		t.Decode(dst)
		return
	}
	switch t.DType {
	case F32:
		if v, ok := view[float32](t.Data); ok {
			copy(dst, v)
			return
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:])))
		}
	case F16:
		for i := range dst {
			dst[i] = F16ToF32(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = BF16ToF32(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	case F8E8M0:
		for i := range dst {
			dst[i] = e8m0(t.Data[i])
		}
	default:
		t.convertSmall(dst)
	}
}

// convertSmall converts formats of at most eight bits. Those of fewer are packed without gaps,
// the first element in the lowest bits.
func (t *Tensor) convertSmall(dst []float32) {
	table := smallFormats[t.DType].table()
	width := t.DType.Bits()
	for i := range dst {
		at := i * width
		code := uint(t.Data[at/8]) >> (at % 8)
		if at%8+width > 8 {
			code |= uint(t.Data[at/8+1]) << (8 - at%8)
		}
		dst[i] = table[code&(1<<width-1)]
	}
}

// Int64s gives the elements of an integer tensor in row-major order: a view of Data where the
// tensor is I64 and aligned, else a converted copy. Other types, and a U64 that an int64
// cannot hold, are errors that wrap [ErrDType].
func (t *Tensor) Int64s() ([]int64, error) {
	if !t.DType.IsInteger() {
		return nil, fmt.Errorf("%w: found %v, expected an integer type", ErrDType, t.DType)
	}
	n, err := t.Elements()
	if err != nil {
		return nil, err
	}
	if t.DType == I64 {
		if v, ok := view[int64](t.Data); ok {
			return v, nil
		}
	}
	dst := make([]int64, n)
	for i := range dst {
		dst[i] = t.integer(i)
		if t.DType == U64 && dst[i] < 0 {
			return nil, fmt.Errorf("%w: element %d, %d, does not fit a signed integer", ErrDType, i, uint64(dst[i]))
		}
	}
	return dst, nil
}

// integer reads element i of an integer tensor.
func (t *Tensor) integer(i int) int64 {
	switch t.DType {
	case I8:
		return int64(int8(t.Data[i]))
	case U8:
		return int64(t.Data[i])
	case I16:
		return int64(int16(binary.LittleEndian.Uint16(t.Data[2*i:])))
	case U16:
		return int64(binary.LittleEndian.Uint16(t.Data[2*i:]))
	case I32:
		return int64(int32(binary.LittleEndian.Uint32(t.Data[4*i:])))
	case U32:
		return int64(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return int64(binary.LittleEndian.Uint64(t.Data[8*i:])) // I64, U64
}

package tensor

import "encoding/binary"

// As is the tensor, of a floating type, converted to F32, F16 or BF16, rounded to the
// nearest even. It is the tensor itself where it has that type; other types panic.
func (t *Tensor) As(d DType) *Tensor {
	if t.DType == d && t.Decode == nil {
		return t
	}
	v, err := t.Float32s()
	if err != nil {
		panic(err)
	}
	switch d {
	case F32:
		return FromFloat32s(t.Shape, v)
	case F16:
		return halves(d, t.Shape, v, F32ToF16)
	case BF16:
		return halves(d, t.Shape, v, F32ToBF16)
	}
	panic("tensor: conversion to " + d.String())
}

// halves is a tensor of two bytes an element.
func halves(d DType, shape Shape, v []float32, half func(float32) uint16) *Tensor {
	out := &Tensor{DType: d, Shape: shape, Data: make([]byte, 2*len(v))}
	for i, f := range v {
		binary.LittleEndian.PutUint16(out.Data[2*i:], half(f))
	}
	return out
}

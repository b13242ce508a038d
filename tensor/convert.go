package tensor

import "encoding/binary"

// As is the tensor, of a floating type, converted to F32 or F16, rounded to the
// nearest even. It is the tensor itself where it has that type; other types panic.
func (t *Tensor) As(d DType) *Tensor {
	if t.DType == d {
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
		out := &Tensor{DType: F16, Shape: t.Shape, Data: make([]byte, 2*len(v))}
		for i, f := range v {
			binary.LittleEndian.PutUint16(out.Data[2*i:], F32ToF16(f))
		}
		return out
	}
	panic("tensor: conversion to " + d.String())
}

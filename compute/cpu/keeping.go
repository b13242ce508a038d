package cpu

import (
	"fmt"
	"unsafe"

	"trimtab/compute"
)

// keeping are the arguments of ToBF16 and FromBF16, for their chunks.
type keeping struct {
	m      compute.Mat
	halves []uint16
}

// halvesOf is the memory of to as the elements of m in half of the size.
func halvesOf(to []float32, m compute.Mat) []uint16 {
	n := m.Rows * m.Cols
	if len(to) != compute.BF16Len(n) || !m.Compact() {
		panic(fmt.Sprintf("cpu: %d elements for half a matrix [%d, %d], rows %d apart", len(to), m.Rows, m.Cols, m.Stride))
	}
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*uint16)(unsafe.Pointer(&to[0])), n)
}

// ToBF16 is to = x as bfloat16.
func (d *Device) ToBF16(to []float32, x compute.Mat) {
	d.keep = keeping{x, halvesOf(to, x)}
	d.run((len(d.keep.halves)+chunkLen-1)/chunkLen, func(d *Device, _ *worker, i int) {
		from, to := i*chunkLen, min((i+1)*chunkLen, len(d.keep.halves))
		d.k.F32ToBF16(d.keep.halves[from:to], d.keep.m.Data[from:to])
	})
	d.keep = keeping{}
}

// FromBF16 is y = what ToBF16 wrote.
func (d *Device) FromBF16(y compute.Mat, from []float32) {
	d.keep = keeping{y, halvesOf(from, y)}
	d.run((len(d.keep.halves)+chunkLen-1)/chunkLen, func(d *Device, _ *worker, i int) {
		from, to := i*chunkLen, min((i+1)*chunkLen, len(d.keep.halves))
		d.k.BF16ToF32(d.keep.m.Data[from:to], d.keep.halves[from:to])
	})
	d.keep = keeping{}
}

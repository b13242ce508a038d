package cpu

import "trimtab/compute"

// weight is a frozen matrix [out, in], as it lies.
type weight struct{ m compute.Mat }

func (w *weight) Out() int                     { return w.m.Rows }
func (w *weight) In() int                      { return w.m.Cols }
func (w *weight) Bytes() int                   { return 4 * w.m.Rows * w.m.Cols }
func (w *weight) Precision() compute.Precision { return compute.F32 }

// Pack copies w [out, in].
func (d *Device) Pack(w compute.Mat, p compute.Precision) compute.Weight {
	c := compute.NewMat(w.Rows, w.Cols, d.Alloc(w.Rows*w.Cols))
	for i := range w.Rows {
		copy(c.Row(i), w.Row(i))
	}
	return &weight{c}
}

// PackTransposed copies w [in, out].
func (d *Device) PackTransposed(w compute.Mat, p compute.Precision) compute.Weight {
	c := compute.NewMat(w.Cols, w.Rows, d.Alloc(w.Rows*w.Cols))
	for i := range w.Rows {
		for j, v := range w.Row(i) {
			c.Data[j*c.Stride+i] = v
		}
	}
	return &weight{c}
}

// Rows holds w [out, in] as it lies.
func (d *Device) Rows(w compute.Mat) compute.Weight { return &weight{w} }

// Unpack writes w's elements to dst [out, in].
func (d *Device) Unpack(dst compute.Mat, w compute.Weight) {
	m := w.(*weight).m
	like("Unpack", m, dst)
	for i := range m.Rows {
		copy(dst.Row(i), m.Row(i))
	}
}

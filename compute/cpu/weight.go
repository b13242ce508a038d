package cpu

import (
	"fmt"

	"trimtab/compute"
)

// weight is a frozen matrix [out, in]: in panels, once for both directions, or as
// it lies.
type weight struct {
	out, in int
	panel   int         // the width of a panel; 0 if as it lies
	panels  []float32   // the transpose, [in, out], as kernel's Gemm reads it
	m       compute.Mat // the matrix as it lies
}

func (w *weight) Out() int { return w.out }
func (w *weight) In() int  { return w.in }

// Bytes is the memory that the weight occupies; a view's is its matrix's.
func (w *weight) Bytes() int {
	if w.panel > 0 {
		return 4 * len(w.panels)
	}
	return 4 * w.out * w.in
}

func (w *weight) Precision() compute.Precision { return compute.F32 }

// row writes row o to dst.
func (w *weight) row(dst []float32, o int) {
	if w.panel == 0 {
		copy(dst, w.m.Row(o))
		return
	}
	p := w.panels[o/w.panel*w.panel*w.in+o%w.panel:]
	for i := range dst {
		dst[i] = p[i*w.panel]
	}
}

// own is w as this device made it.
func (d *Device) own(w compute.Weight) *weight {
	m, ok := w.(*weight)
	if !ok || m.panel != 0 && m.panel != d.k.Panel {
		panic(fmt.Sprintf("cpu: a weight of another device (%T)", w))
	}
	return m
}

// Pack holds w [out, in] in panels.
func (d *Device) Pack(w compute.Mat, p compute.Precision) compute.Weight {
	return d.pack(w, w.Rows, w.Cols, func(d *Device, _ *worker, i int) {
		k, w := d.k, d.packing.w
		from := i * k.Panel
		n := min(k.Panel, w.out-from)
		k.PackRows(w.panels[from*w.in:], w.m.Data[from*w.m.Stride:], w.m.Stride, n, w.in)
	}, p)
}

// PackTransposed holds w [in, out] in panels, as the weight [out, in].
func (d *Device) PackTransposed(w compute.Mat, p compute.Precision) compute.Weight {
	return d.pack(w, w.Cols, w.Rows, func(d *Device, _ *worker, i int) {
		k, w := d.k, d.packing.w
		from := i * k.Panel
		n := min(k.Panel, w.out-from)
		k.PackCols(w.panels[from*w.in:], w.m.Data[from:], w.m.Stride, w.in, n)
	}, p)
}

// pack makes a weight of m, of which f packs panel i.
func (d *Device) pack(m compute.Mat, out, in int, f chunk, p compute.Precision) compute.Weight {
	if p != compute.F32 {
		panic(fmt.Sprintf("cpu: precision %d", p))
	}
	w := &weight{out: out, in: in, panel: d.k.Panel, m: m, panels: aligned(d.k.PackedLen(out, in))}
	if in > 0 {
		d.packing.w = w
		d.run((out+d.k.Panel-1)/d.k.Panel, f)
		d.packing.w = nil
	}
	w.m = compute.Mat{}
	return w
}

// Rows holds w [out, in] as it lies.
func (d *Device) Rows(w compute.Mat) compute.Weight {
	return &weight{out: w.Rows, in: w.Cols, m: w}
}

// Unpack writes w's elements to dst [out, in].
func (d *Device) Unpack(dst compute.Mat, w compute.Weight) {
	m := d.own(w)
	shaped("Unpack", dst, m.out, m.in)
	d.packing = packing{w: m, to: dst}
	d.run((m.out+d.k.Panel-1)/d.k.Panel, func(d *Device, _ *worker, i int) {
		w, dst := d.packing.w, d.packing.to
		from := i * d.k.Panel
		to := min(from+d.k.Panel, w.out)
		if w.panel > 0 && w.in > 0 {
			d.k.Unpack(dst.Data[from*dst.Stride:], dst.Stride, w.panels[from*w.in:], to-from, w.in)
			return
		}
		for o := from; o < to; o++ {
			copy(dst.Row(o), w.m.Row(o))
		}
	})
	d.packing = packing{}
}

// packing are the arguments of packing and unpacking, for their chunks.
type packing struct {
	w  *weight
	to compute.Mat
}

package cpu

import (
	"fmt"

	"trimtab/compute"
	"trimtab/internal/kernel"
	"trimtab/tensor"
)

// weight is a frozen matrix [out, in]: in panels, once for both directions, or as
// it lies.
type weight struct {
	out, in   int
	precision compute.Precision
	panel     int               // the width of a panel; 0 if as it lies
	panels    []float32         // the transpose, [in, out], as kernel's Gemm reads it
	quantized *kernel.Quantized // that, in fewer bits
	m         compute.Mat       // the matrix as it lies
}

func (w *weight) Out() int { return w.out }
func (w *weight) In() int  { return w.in }

// Bytes is the memory that the weight occupies; a view's is its matrix's.
func (w *weight) Bytes() int {
	switch {
	case w.quantized != nil:
		return w.quantized.Bytes()
	case w.panel > 0:
		return 4 * len(w.panels)
	}
	return 4 * w.out * w.in
}

func (w *weight) Precision() compute.Precision { return w.precision }

// row writes row o to dst.
func (d *Device) row(dst []float32, w *weight, o int) {
	switch {
	case w.in == 0:
		return
	case w.panel == 0:
		copy(dst, w.m.Row(o))
		return
	case w.quantized != nil:
		d.k.RowOf(dst, w.quantized, o)
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

// forms are the kernels' names of the precisions below float32.
var forms = map[compute.Precision]kernel.Form{
	compute.BF16: kernel.BF16, compute.Int8: kernel.Int8, compute.LLMInt8: kernel.Int8, compute.NF4: kernel.NF4, compute.Int4: kernel.Int4,
}

// Pack holds w in panels.
func (d *Device) Pack(w compute.Source, p compute.Precision) compute.Weight {
	out, in := w.OutIn()
	switch w := w.(type) {
	case compute.Mat:
		return d.pack(packing{from: w}, out, in, p)
	case compute.Transposed:
		return d.pack(packing{from: compute.Mat(w), transposed: true}, out, in, p)
	case compute.Made:
		return d.pack(packing{fill: w.Fill}, out, in, p)
	case compute.StoredNF4:
		if p == compute.NF4 {
			return d.pack(packing{stored: w.NF4}, out, in, p)
		}
	}
	panic(fmt.Sprintf("cpu: a weight from a %T in %v", w, p))
}

func (d *Device) pack(p packing, out, in int, held compute.Precision) compute.Weight {
	w := &weight{out: out, in: in, precision: held, panel: d.k.Panel}
	form, ok := forms[held]
	switch {
	case held == compute.F32:
		w.panels = kernel.Make[float32](d.k.PackedLen(out, in))
	case p.stored != nil:
		w.quantized = d.k.NewStored(p.stored, out, in)
	case ok:
		w.quantized = d.k.NewQuantized(form, out, in)
	default:
		panic("cpu: " + held.String())
	}
	if in > 0 {
		p.w = w
		d.packing = p
		d.run((out+d.k.Panel-1)/d.k.Panel, (*Device).packPanel)
		d.packing = packing{}
	}
	if w.quantized != nil {
		w.quantized.Finish()
	}
	return w
}

// packPanel packs panel i of the weight, through float32 where it is held in fewer bits.
func (d *Device) packPanel(thread *worker, i int) {
	p, k := &d.packing, d.k
	if p.stored != nil {
		k.PutStored(p.w.quantized, i, p.stored)
		return
	}
	from := i * k.Panel
	n := min(k.Panel, p.w.out-from)
	var panel []float32
	if p.w.quantized != nil {
		panel = thread.floats(workerTemp, p.w.in*k.Panel)
	} else {
		panel = p.w.panels[from*p.w.in:]
	}
	switch {
	case p.fill != nil:
		rows := thread.floats(workerTemp2, n*p.w.in)
		p.fill(rows, from*p.w.in)
		k.PackRows(panel, rows, p.w.in, n, p.w.in)
	case p.transposed:
		k.PackCols(panel, p.from.Data[from:], p.from.Stride, p.w.in, n)
	default:
		k.PackRows(panel, p.from.Data[from*p.from.Stride:], p.from.Stride, n, p.w.in)
	}
	if p.w.quantized != nil {
		k.Quantize(p.w.quantized, i, panel)
	}
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
	d.run((m.out+d.k.Panel-1)/d.k.Panel, (*Device).unpackPanel)
	d.packing = packing{}
}

// unpackPanel writes the rows of panel i.
func (d *Device) unpackPanel(thread *worker, i int) {
	w, dst := d.packing.w, d.packing.to
	from := i * d.k.Panel
	to := min(from+d.k.Panel, w.out)
	switch {
	case w.in == 0:
	case w.panel == 0:
		for o := from; o < to; o++ {
			copy(dst.Row(o), w.m.Row(o))
		}
	case w.quantized != nil:
		panel := thread.floats(workerTemp, (w.in+2)*d.k.Panel)
		d.k.Dequantize(panel, w.quantized, i, 0, w.in, panel[w.in*d.k.Panel:])
		d.k.Unpack(dst.Data[from*dst.Stride:], dst.Stride, panel, to-from, w.in)
	default:
		d.k.Unpack(dst.Data[from*dst.Stride:], dst.Stride, w.panels[from*w.in:], to-from, w.in)
	}
}

// packing are the arguments of packing and unpacking, for their chunks.
type packing struct {
	w          *weight
	from       compute.Mat
	transposed bool                           // from is [in, out]
	fill       func(dst []float32, first int) // instead of from
	stored     *tensor.NF4                    // likewise
	to         compute.Mat
}

package cpu

import "trimtab/compute"

// A product aᵀ·b of which one side is narrow, as the gradients of low-rank matrices
// are, reads both operands as they lie, once: packing the wide one costs more than it.

const (
	// outerRows is the most rows, or columns, of such a product.
	outerRows = 16
	// outerCols is how many columns of the wide operand a thread takes at once.
	outerCols = 128
)

// multiplyOuter computes p, c (+)= alpha·aᵀ·b for a narrow a, or for a narrow b as
// (bᵀ·a)ᵀ, which its tiles put down turned.
func (d *Device) multiplyOuter(p product) {
	p.turned = p.c.Rows > p.c.Cols
	p.left, p.wide = p.a, p.b
	if p.turned {
		p.left, p.wide = p.b, p.a
	}
	d.product = p
	d.run((p.wide.Cols+outerCols-1)/outerCols, (*Device).outerChunk)
	d.product = product{}
}

func (d *Device) outerChunk(w *worker, i int) {
	p := &d.product
	from := i * outerCols
	to, m := min(from+outerCols, p.wide.Cols), p.left.Cols
	t := compute.NewMat(m, to-from, w.floats(workerTemp, m*(to-from)))
	clear(t.Data)
	if p.k > 0 {
		d.k.GemmOuter(t.Data, t.Stride, p.left.Data, p.left.Stride, p.wide.Data[from:], p.wide.Stride, m, to-from, p.k, false)
	}
	if p.turned {
		for j := range t.Cols {
			row := p.c.Row(from + j)
			for r := range row {
				put(&row[r], p.alpha*t.Data[r*t.Stride+j], p.add)
			}
		}
		return
	}
	for r := range m {
		row := part(p.c, r, from, to)
		if p.add {
			d.k.Axpy(row, t.Row(r), p.alpha)
		} else {
			d.k.Scale(row, t.Row(r), p.alpha)
		}
	}
}

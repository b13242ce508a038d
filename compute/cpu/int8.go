package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// lineWords is a line of the first cache: rows that are a power of two apart would share few of them.
const lineWords = 16

// codesLen bounds the words of quantized rows that are held at once.
const codesLen = 1 << 20

// integer says whether w's product is computed in whole numbers.
func (w *weight) integer() bool { return w.precision == compute.Int8 && w.in <= kernel.MaxInt8 }

// quantizedRows are rows of a left operand, quantized, rows stride words apart, each with its scale.
type quantizedRows struct {
	words  []int32
	stride int
	scales []float32
}

// multiplyInt8 is y = x·wᵀ + bias in whole numbers, for as many rows at a time as scratch has room for.
func (d *Device) multiplyInt8(y, x compute.Mat, w *weight, bias []float32) {
	if y.Rows == 0 || y.Cols == 0 {
		return
	}
	stride := kernel.Int8Words(w.in) + lineWords
	most := max(tileRows, codesLen/stride)
	step := even(y.Rows, (y.Rows+most-1)/most, d.k.Tile)
	for from := 0; from < y.Rows; from += step {
		to := min(from+step, y.Rows)
		p := product{c: y.RowRange(from, to), a: x.RowRange(from, to), quantized: w.quantized, k: w.in, n1: y.Cols, k1: w.in, bias: bias}
		p.codes = quantizedRows{kernel.Words(d.floats(sharedLeft, (to-from)*stride)), stride, d.floats(sharedScales, to-from)}
		d.product = p
		d.tile()
		each := rowStep(w.in)
		d.run((to-from+each-1)/each, (*Device).quantizeChunk)
		d.run((to-from+d.product.rowStep-1)/d.product.rowStep*d.product.colTiles, (*Device).int8Chunk)
	}
	d.product = product{}
}

// quantizeChunk quantizes some rows.
func (d *Device) quantizeChunk(_ *worker, i int) {
	p := &d.product
	step := rowStep(p.k)
	for r := i * step; r < min((i+1)*step, p.a.Rows); r++ {
		p.codes.scales[r] = d.k.QuantizeRow(p.codes.words[r*p.codes.stride:], p.a.Row(r))
	}
}

// int8Chunk computes one tile.
func (d *Device) int8Chunk(w *worker, i int) {
	p := &d.product
	r0, c0 := i/p.colTiles*p.rowStep, i%p.colTiles*p.colStep
	r1, c1 := min(r0+p.rowStep, p.c.Rows), min(c0+p.colStep, p.c.Cols)
	d.k.MultiplyInt8(p.c.Data[r0*p.c.Stride+c0:], p.c.Stride, p.codes.words[r0*p.codes.stride:], p.codes.stride, p.codes.scales[r0:],
		p.quantized, p.bias, r1-r0, c0, c1, w.floats(workerTemp, d.k.Int8Temp()))
}

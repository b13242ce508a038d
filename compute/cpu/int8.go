package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// lineWords is a line of the first cache: rows that are a power of two apart would share few of them.
const lineWords = 16

// codesLen bounds the words of quantized rows that are held at once.
const codesLen = 1 << 20

// whole says whether w's gradient is computed in whole numbers, in blocks.
func (w *weight) whole() bool { return forms[w.precision] == kernel.Int8 }

// integer says whether w's product is, too.
func (w *weight) integer() bool { return w.whole() && w.in <= kernel.MaxInt8 }

// quantizedRows are rows of a left operand, quantized, rows stride words apart, each with its scale.
type quantizedRows struct {
	words  []int32
	stride int
	scales []float32
}

// linearInt8 is y = x·wᵀ + bias in whole numbers, but for the outliers of x where w keeps them.
func (d *Device) linearInt8(y, x compute.Mat, w *weight, bias []float32) {
	p := product{c: y, a: x, source: fromPanels, quantized: w.quantized, k: w.in, bias: bias, outliers: w.precision == compute.LLMInt8}
	words := kernel.Int8Words(w.in)
	if p.outliers {
		words = kernel.MixedWords(w.in)
	}
	d.multiplyInt8(p, words)
}

// linearBackwardInt8 is dx (+)= dy·w in whole numbers.
func (d *Device) linearBackwardInt8(dx, dy compute.Mat, w *weight, add bool) {
	p := product{c: dx, a: dy, source: fromPanelsTransposed, quantized: w.quantized, k: w.out, add: add}
	d.multiplyInt8(p, d.k.GradientWords(w.quantized))
}

// multiplyInt8 computes p in whole numbers.
func (d *Device) multiplyInt8(p product, words int) {
	d.multiplyRounded(p, words, (*Device).quantizeChunk, (*Device).int8Chunk)
}

// multiplyRounded computes p, whose left rows take so many words, for as many rows at a time as scratch has room for: round makes
// the words of some of them, and multiply computes a tile.
func (d *Device) multiplyRounded(p product, words int, round, multiply chunk) {
	c, a := p.c, p.a
	if c.Rows == 0 || c.Cols == 0 {
		return
	}
	p.codes.stride = words + lineWords
	most := max(tileRows, codesLen/p.codes.stride)
	step := even(c.Rows, (c.Rows+most-1)/most, d.rowUnit())
	p.n1, p.k1 = c.Cols, p.k
	for from := 0; from < c.Rows; from += step {
		to := min(from+step, c.Rows)
		p.c, p.a = c.RowRange(from, to), a.RowRange(from, to)
		p.codes.words, p.codes.scales = kernel.Words(d.floats(sharedLeft, (to-from)*p.codes.stride)), d.floats(sharedScales, to-from)
		d.product = p
		d.tile()
		each := rowStep(p.k)
		d.run((to-from+each-1)/each, round)
		d.run((to-from+d.product.rowStep-1)/d.product.rowStep*d.product.colTiles, multiply)
	}
	d.product = product{}
}

// quantizeChunk quantizes some rows.
func (d *Device) quantizeChunk(w *worker, i int) {
	p := &d.product
	step := rowStep(p.k)
	for r := i * step; r < min((i+1)*step, p.a.Rows); r++ {
		words, row := p.codes.words[r*p.codes.stride:], p.a.Row(r)
		switch {
		case p.source == fromPanelsTransposed:
			p.codes.scales[r] = d.k.QuantizeGradient(words, row, p.quantized, w.floats(workerTemp, p.k))
		case p.outliers:
			p.codes.scales[r] = d.k.QuantizeMixed(words, row, w.floats(workerTemp, p.k))
		default:
			p.codes.scales[r] = d.k.QuantizeRow(words, row)
		}
	}
}

// int8Chunk computes one tile.
func (d *Device) int8Chunk(w *worker, i int) {
	p := &d.product
	r0, c0 := i/p.colTiles*p.rowStep, i%p.colTiles*p.colStep
	r1, c1 := min(r0+p.rowStep, p.c.Rows), min(c0+p.colStep, p.c.Cols)
	c, words, scales := p.c.Data[r0*p.c.Stride+c0:], p.codes.words[r0*p.codes.stride:], p.codes.scales[r0:]
	temp := w.floats(workerTemp, d.k.Int8Temp())
	if p.source == fromPanelsTransposed {
		d.k.MultiplyInt8Transposed(c, p.c.Stride, words, p.codes.stride, scales, p.quantized, r1-r0, c0, c1, p.add, temp)
		return
	}
	d.k.MultiplyInt8(c, p.c.Stride, words, p.codes.stride, scales, p.quantized, p.bias, r1-r0, c0, c1, temp)
	if p.outliers {
		d.k.AddOutliers(c, p.c.Stride, p.a.Data[r0*p.a.Stride:], p.a.Stride, words, p.codes.stride, p.quantized, r1-r0, c0, c1)
	}
}

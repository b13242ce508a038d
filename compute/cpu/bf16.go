package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// inBF16 says whether w's product and its gradient are computed in bfloat16: this processor's kernels do so.
func (d *Device) inBF16(w *weight) bool {
	return d.Multiplies(w.precision) == compute.BF16
}

// linearBF16 is y = x·wᵀ + bias in bfloat16.
func (d *Device) linearBF16(y, x compute.Mat, w *weight, bias []float32) {
	p := product{c: y, a: x, source: fromPanels, quantized: w.quantized, k: w.in, bias: bias}
	d.multiplyRounded(p, kernel.PairWords(w.in), (*Device).roundChunk, (*Device).bf16Chunk)
}

// linearBackwardBF16 is dx (+)= dy·w in bfloat16.
func (d *Device) linearBackwardBF16(dx, dy compute.Mat, w *weight, add bool) {
	p := product{c: dx, a: dy, source: fromPanelsTransposed, quantized: w.quantized, k: w.out, add: add}
	d.multiplyRounded(p, kernel.PairWords(w.out), (*Device).roundChunk, (*Device).bf16Chunk)
}

// roundChunk rounds some rows.
func (d *Device) roundChunk(_ *worker, i int) {
	p := &d.product
	step := rowStep(p.k)
	for r := i * step; r < min((i+1)*step, p.a.Rows); r++ {
		d.k.PairRow(p.codes.words[r*p.codes.stride:], p.a.Row(r)[:p.k])
	}
}

// bf16Chunk computes one tile.
func (d *Device) bf16Chunk(w *worker, i int) {
	p := &d.product
	r0, c0 := i/p.colTiles*p.rowStep, i%p.colTiles*p.colStep
	r1, c1 := min(r0+p.rowStep, p.c.Rows), min(c0+p.colStep, p.c.Cols)
	c, words := p.c.Data[r0*p.c.Stride+c0:], p.codes.words[r0*p.codes.stride:]
	add := d.biased(r0, r1, c0, c1, p.add)
	multiply := d.k.MultiplyBF16
	if p.source == fromPanelsTransposed {
		multiply = d.k.MultiplyBF16Transposed
	}
	multiply(c, p.c.Stride, words, p.codes.stride, p.quantized, r1-r0, c0, c1, add, w.floats(workerTemp, d.k.BF16Temp()))
}

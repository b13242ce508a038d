package cpu

import (
	"fmt"

	"trimtab/compute"
	"trimtab/internal/kernel"
)

// inBF16 says whether w's product with so many rows, or its gradient, is computed in bfloat16: this processor's kernels do so, and of 4-bit weights for
// so many rows that making pairs pays.
func (d *Device) inBF16(w *weight, rows int) bool {
	return d.Multiplies(w.precision) == compute.BF16 && (w.precision == compute.BF16 || rows > ownPairs && min(w.in, w.out) > 0)
}

// linearBF16 is y = x·wᵀ + bias in bfloat16.
func (d *Device) linearBF16(y, x compute.Mat, w *weight, bias []float32) {
	d.multiplyBF16(product{c: y, a: x, source: fromPanels, quantized: w.quantized, k: w.in, bias: bias})
}

// linearBackwardBF16 is dx (+)= dy·w in bfloat16.
func (d *Device) linearBackwardBF16(dx, dy compute.Mat, w *weight, add bool) {
	d.multiplyBF16(product{c: dx, a: dy, source: fromPanelsTransposed, quantized: w.quantized, k: w.out, add: add})
}

const (
	// ownPairs is the most rows whose tiles make pairs of the weight for themselves.
	ownPairs = 16
	// pairedRows and pairedCols are the most rows and columns that a thread takes at once of a product with pairs that all share: for a block
	// of terms, rows, pairs and C stay in the second cache.
	pairedRows, pairedCols = 256, 256
	// pairedTerms is the most terms that are summed between two makings of pairs, turnedTerms that where the rows are turned for all threads, too.
	pairedTerms, turnedTerms = 4 * kernel.BlockK, 2 * kernel.BlockK
	// pairsLen bounds the words of pairs that are made at once, roundedLen those of rows that a thread rounds for itself.
	pairsLen, roundedLen = 1 << 21, 1 << 18
)

// leastRounded is the least rows, columns and terms of a product of matrices that is rounded.
const leastRounded = 32

// Autocast has MatMul multiply in p: in float32 or, where the kernels multiply it, in bfloat16.
func (d *Device) Autocast(p compute.Precision) error {
	if p != compute.F32 && (p != compute.BF16 || !d.k.MultipliesBF16()) {
		return fmt.Errorf("%s does not multiply matrices in %v", d.Name(), p)
	}
	d.rounds = p == compute.BF16
	return nil
}

// multiplyBF16 computes p, with a frozen weight, in bfloat16.
func (d *Device) multiplyBF16(p product) {
	if p.c.Rows <= ownPairs || p.k == 0 {
		d.multiplyRounded(p, d.k.PairWords(p.k), (*Device).roundChunk, (*Device).bf16Chunk)
		return
	}
	d.multiplyPaired(p)
}

// multiplyPaired computes p, whose k is above 0, in bfloat16, with pairs of its right side that all threads share: a block of terms after the other.
func (d *Device) multiplyPaired(p product) {
	if p.c.Rows == 0 || p.c.Cols == 0 {
		return
	}
	d.product = p
	most := pairedTerms
	if p.transposeA {
		most = turnedTerms
	}
	for k0 := 0; k0 < p.k; k0 += most {
		d.addTerms(k0, min(k0+most, p.k))
	}
	d.product = product{}
}

// addTerms adds the products of terms k0 to k1.
func (d *Device) addTerms(k0, k1 int) {
	p := &d.product
	p.k0, p.k1 = k0, k1
	p.codes.stride = d.k.PairWords(k1-k0) + lineWords
	d.roundLeft()
	cols := max(1, pairsLen/d.k.PairsLen(d.k.Panel, k1-k0)) * d.k.Panel
	for n0 := 0; n0 < p.c.Cols; n0 += cols {
		d.multiplyPairs(n0, min(n0+cols, p.c.Cols))
	}
}

// roundLeft rounds the rows for all threads, where they are few or have to be turned; of others, each thread rounds those that it multiplies, while they are in its cache.
func (d *Device) roundLeft() {
	p := &d.product
	p.codes.words = nil
	if !p.transposeA && p.c.Rows*p.codes.stride > roundedLen {
		return
	}
	p.codes.words = kernel.Words(d.floats(sharedLeft, p.c.Rows*p.codes.stride))
	if p.transposeA {
		d.run((p.c.Rows+packCols-1)/packCols, (*Device).turnChunk)
		return
	}
	each := rowStep(p.k1 - p.k0)
	d.run((p.c.Rows+each-1)/each, (*Device).roundChunk)
}

// multiplyPairs computes columns n0 to n1.
func (d *Device) multiplyPairs(n0, n1 int) {
	p := &d.product
	p.n0, p.n1 = n0, n1
	p.right = d.floats(sharedPanels, d.k.PairsLen(n1-n0, p.k1-p.k0))
	d.run((n1-n0+packCols-1)/packCols, (*Device).pairChunk)
	most := min(pairedRows, max(1, roundedLen/p.codes.stride/ownPairs)*ownPairs)
	parts := even((p.c.Rows+most-1)/most, 1, d.Threads())
	p.rowStep, p.colStep = even(p.c.Rows, parts, d.rowUnit()), n1-n0
	if p.codes.words != nil {
		p.colStep = even(n1-n0, (4*d.Threads()+parts-1)/parts, d.k.Panel)
	}
	p.colTiles = (n1 - n0 + p.colStep - 1) / p.colStep
	d.run((p.c.Rows+p.rowStep-1)/p.rowStep*p.colTiles, (*Device).pairsChunk)
}

// pairChunk makes pairs of some columns.
func (d *Device) pairChunk(w *worker, i int) {
	p := &d.product
	from := p.n0 + i*packCols
	to, k := min(from+packCols, p.n1), p.k1-p.k0
	dst, temp := kernel.Words(p.right[d.k.PairsLen(from-p.n0, k):]), w.floats(workerTemp, d.k.PairTemp())
	switch p.source {
	case fromRows:
		d.k.PairCols(dst, p.b.Data[p.k0*p.b.Stride+from:], p.b.Stride, k, to-from, temp)
	case fromTransposed:
		d.k.PairRows(dst, p.b.Data[from*p.b.Stride+p.k0:], p.b.Stride, to-from, k, temp)
	default:
		d.k.PairPanels(dst, p.quantized, from, to, p.k0, p.k1, p.source == fromPanelsTransposed, temp)
	}
}

// roundChunk rounds some rows.
func (d *Device) roundChunk(_ *worker, i int) {
	p := &d.product
	step := rowStep(p.k1 - p.k0)
	for r := i * step; r < min((i+1)*step, p.a.Rows); r++ {
		d.k.PairRow(p.codes.words[r*p.codes.stride:], p.a.Row(r)[p.k0:p.k1])
	}
}

// turnChunk rounds some columns of a transposed left side.
func (d *Device) turnChunk(w *worker, i int) {
	p := &d.product
	from := i * packCols
	to := min(from+packCols, p.c.Rows)
	d.k.PairTransposedA(p.codes.words[from*p.codes.stride:], p.codes.stride, p.a.Data[p.k0*p.a.Stride+from:], p.a.Stride, p.k1-p.k0, to-from, w.floats(workerTemp, d.k.PairTemp()))
}

// bf16Chunk computes one tile of few rows.
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

// pairsChunk computes one tile with pairs that all share.
func (d *Device) pairsChunk(w *worker, i int) {
	p := &d.product
	r0, c0 := i/p.colTiles*p.rowStep, p.n0+i%p.colTiles*p.colStep
	r1, c1 := min(r0+p.rowStep, p.c.Rows), min(c0+p.colStep, p.n1)
	words, k := p.codes.words, p.k1-p.k0
	if words == nil {
		words = kernel.Words(w.floats(workerRounded, (r1-r0)*p.codes.stride))
		for r := r0; r < r1; r++ {
			d.k.PairRow(words[(r-r0)*p.codes.stride:], p.a.Row(r)[p.k0:p.k1])
		}
	} else {
		words = words[r0*p.codes.stride:]
	}
	temp := w.floats(workerTemp, d.k.BF16Temp())
	for ; c0 < c1; c0 += pairedCols {
		to := min(c0+pairedCols, c1)
		var bias []float32
		if p.bias != nil {
			bias = p.bias[c0:to]
		}
		d.k.MultiplyPairs(p.c.Data[r0*p.c.Stride+c0:], p.c.Stride, words, p.codes.stride, kernel.Words(p.right[d.k.PairsLen(c0-p.n0, k):]), bias, r1-r0, to-c0, k,
			p.add || p.k0 > 0, temp)
	}
}

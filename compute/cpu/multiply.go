package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// source says where a product's right operand B [k, n] comes from.
type source uint8

const (
	fromPanels           source = iota // packed as it is needed; quantized panels are dequantized first
	fromPanelsTransposed               // packed as the weight [k, n], that is as its transpose [n, k]
	fromRows                           // a matrix [k, n]
	fromTransposed                     // a matrix [n, k]
)

// product is c (+)= alpha·a·B + bias, with a [m, k], or [k, m] if transposeA.
type product struct {
	c, a       compute.Mat
	transposeA bool
	source     source
	panels     []float32
	quantized  *kernel.Quantized // the panels, in fewer bits
	b          compute.Mat
	k          int
	alpha      float32
	bias       []float32
	add        bool
	outliers   bool // of a stay float32, in a product in whole numbers

	// The block that is computed now: columns [n0, n1), products [k0, k1), with
	// the packed operands for it.
	n0, n1, k0, k1 int
	left           compute.Mat
	right          []float32
	codes          quantizedRows // a, for a product in whole numbers
	// Of an outer product: the wide operand, and whether the result is turned.
	wide   compute.Mat
	turned bool
	// The tiles that it is cut into for threads.
	rowStep, colStep, colTiles int
}

const (
	// panelBlock bounds the elements of B that are packed at once.
	panelBlock = 1 << 20
	// productBlock is the most products that are summed between two packings of B.
	productBlock = 3072
	// leftBlock is that, if A is packed too.
	leftBlock = 768
	// fewRows is how many rows are computed one by one, without packing B.
	fewRows = 4
)

// multiply computes p on all threads.
func (d *Device) multiply(p product) {
	if p.c.Rows == 0 || p.c.Cols == 0 {
		return
	}
	d.product = p
	switch {
	case p.source == fromPanels && p.quantized != nil && p.c.Rows <= tileRows:
		d.cutPanels()
		d.run((p.c.Cols+d.product.colStep-1)/d.product.colStep, (*Device).quantizedChunk)
	case p.source == fromPanels && p.quantized == nil:
		d.block(0, p.c.Cols, 0, p.k, false)
	case p.source == fromPanelsTransposed && p.quantized == nil && p.c.Rows <= turnedRows:
		d.product.colStep = min(even(p.c.Cols, tilesPerThread*d.Threads(), d.k.Panel), turnedCols)
		d.run((p.c.Cols+d.product.colStep-1)/d.product.colStep, (*Device).turnedChunk)
	case p.c.Rows <= fewRows && !p.transposeA && p.source == fromTransposed:
		d.stream(d.cut(p.c.Cols, p.k*p.c.Rows, 1), (*Device).dotChunk)
	case p.c.Rows <= fewRows && !p.transposeA && p.source == fromRows:
		d.stream(d.cut(p.c.Cols, p.k*p.c.Rows, 16), (*Device).axpyChunk)
	default:
		d.blocks()
	}
	d.product = product{}
}

// blocks goes through B block by block, packing each for all threads.
func (d *Device) blocks() {
	p := &d.product
	most := productBlock
	if p.transposeA {
		most = leftBlock
	}
	kb := max(1, min(p.k, most))
	nb := max(1, panelBlock/kb/d.k.Panel) * d.k.Panel
	for k0 := 0; k0 == 0 || k0 < p.k; k0 += kb {
		k1 := min(k0+kb, p.k)
		if p.transposeA {
			d.packLeft(k0, k1)
		}
		for n0 := 0; n0 < p.c.Cols; n0 += nb {
			d.block(n0, min(n0+nb, p.c.Cols), k0, k1, true)
		}
	}
}

// block computes columns [n0, n1) of the sums over [k0, k1).
func (d *Device) block(n0, n1, k0, k1 int, pack bool) {
	p := &d.product
	p.n0, p.n1, p.k0, p.k1 = n0, n1, k0, k1
	if !p.transposeA {
		p.left = p.a
		if k1-k0 < p.k {
			p.left = p.a.ColRange(k0, k1)
		}
	}
	p.right = p.panels
	if pack {
		p.right = d.floats(sharedPanels, d.k.PackedLen(n1-n0, k1-k0))
		d.run((n1-n0+packCols-1)/packCols, (*Device).packChunk)
	}
	d.tileBlock()
	d.run((p.c.Rows+p.rowStep-1)/p.rowStep*p.colTiles, (*Device).multiplyChunk)
}

// packCols is how many columns of B a thread packs at once.
const packCols = 64

// packChunk packs columns of the block of B, times alpha.
func (d *Device) packChunk(w *worker, i int) {
	p := &d.product
	from := p.n0 + i*packCols
	to, k := min(from+packCols, p.n1), p.k1-p.k0
	dst := p.right[(from-p.n0)*k:][:d.k.PackedLen(to-from, k)]
	if k == 0 {
		return
	}
	switch p.source {
	case fromPanels:
		temp := w.floats(workerTemp, 2*d.k.Panel)
		for q := from; q < to; q += d.k.Panel {
			d.k.Dequantize(dst[(q-from)*k:], p.quantized, q/d.k.Panel, p.k0, p.k1, temp)
		}
	case fromPanelsTransposed:
		if p.quantized != nil {
			d.k.RepackDequantized(dst, p.quantized, w.floats(workerTemp, (packCols+2)*d.k.Panel), p.k0, p.k1, from, to)
			break
		}
		d.k.RepackTransposed(dst, p.panels, p.k, p.c.Cols, p.k0, p.k1, from, to)
	case fromRows:
		d.k.PackCols(dst, p.b.Data[p.k0*p.b.Stride+from:], p.b.Stride, k, to-from)
	case fromTransposed:
		d.k.PackRows(dst, p.b.Data[from*p.b.Stride+p.k0:], p.b.Stride, to-from, k)
	}
	if p.alpha != 1 {
		d.k.Scale(dst, dst, p.alpha)
	}
}

// packLeft makes p.left of rows [k0, k1) of the transposed left operand.
func (d *Device) packLeft(k0, k1 int) {
	p := &d.product
	p.k0, p.k1 = k0, k1
	p.left = compute.NewMat(p.c.Rows, k1-k0, d.floats(sharedLeft, p.c.Rows*(k1-k0)))
	if k1 == k0 {
		return
	}
	d.run((p.c.Rows+packCols-1)/packCols, func(d *Device, _ *worker, i int) {
		p := &d.product
		from := i * packCols
		to, k := min(from+packCols, p.c.Rows), p.k1-p.k0
		d.k.PackTransposedA(p.left.Data[from*k:], p.a.Data[p.k0*p.a.Stride+from:], p.a.Stride, k, to-from)
	})
}

const (
	// tileRows is about how many rows a thread takes at once: their part of A for one
	// block of products stays in the second cache.
	tileRows = 96
	// tileWork is the most multiply-adds that a thread takes at once, unless they are
	// of one panel: many columns use a block of A often.
	tileWork = 64 << 20
	// tilesPerThread is how many tiles there are at least for each thread, if that
	// leaves them leastWork: so many that one who comes late does not matter.
	tilesPerThread = 12
	leastWork      = 1 << 17
	// abreast is how many panels few rows go down side by side, where a tile has so many.
	abreast = 4
)

// tile cuts the block of c into tiles for threads. An element's bits do not depend
// on it, as kernel's Gemm promises.
func (d *Device) tile() {
	p := &d.product
	rows, cols, k := p.c.Rows, p.n1-p.n0, p.k1-p.k0
	most := tileRows
	if d.k.RowsOnTiles() > 0 { // the work on a panel's codes is soon done: it should be for many rows
		most = max(most, min(pairedRows, roundedLen/p.codes.stride))
	}
	parts := (rows + most - 1) / most
	p.rowStep = rows
	if parts > 1 {
		p.rowStep = even(rows, parts, d.rowUnit())
	}
	work := min(tileWork, max(leastWork, rows*cols*k/(tilesPerThread*d.Threads())))
	unit := d.k.Panel
	if rows <= fewRows {
		unit *= abreast
	}
	p.colStep = even(cols, (cols*p.rowStep*k+work-1)/work, unit)
	p.colTiles = (cols + p.colStep - 1) / p.colStep
}

const (
	// blockRows is about how many rows a thread of a float32 product takes at once: a block of them stays in the second cache
	// while it goes through blockCols columns or more, so that it is brought there once for many of them.
	blockRows, blockCols = 72, 256
	// stayLen is how many elements of rows stay there from one tile to the next one, however narrow.
	stayLen = 48 << 10
)

// tileBlock cuts the block of c of a float32 product.
func (d *Device) tileBlock() {
	p := &d.product
	rows, cols, k := p.c.Rows, p.n1-p.n0, p.k1-p.k0
	parts, width, unit := (rows+blockRows-1)/blockRows, blockCols, d.k.Panel
	p.rowStep = even(rows, parts, d.k.Tile)
	if rows*k <= stayLen {
		width = blockCols / 4
	}
	if rows <= fewRows {
		unit *= abreast
	}
	most := tilesPerThread * d.Threads()
	n := max(1, min((cols+width-1)/width, (most+parts-1)/parts, rows*cols*k/leastWork))
	for n > 1 && n*parts < most && n*parts%d.Threads() != 0 {
		n++ // as many for each
	}
	p.colStep = even(cols, n, unit)
	p.colTiles = (cols + p.colStep - 1) / p.colStep
}

// rowUnit is the height of a tile of a product in fewer bits.
func (d *Device) rowUnit() int {
	if n := d.k.RowsOnTiles(); n > 0 {
		return n
	}
	return d.k.Tile
}

// even is the length, a multiple of unit, of n cut into about so many parts.
func even(n, parts, unit int) int {
	parts = max(1, parts)
	return ((n+parts-1)/parts + unit - 1) / unit * unit
}

// multiplyChunk computes one tile.
func (d *Device) multiplyChunk(_ *worker, i int) {
	p := &d.product
	r0, c0 := i/p.colTiles*p.rowStep, p.n0+i%p.colTiles*p.colStep
	r1, c1 := min(r0+p.rowStep, p.c.Rows), min(c0+p.colStep, p.n1)
	k := p.k1 - p.k0
	add := p.add || p.k0 > 0
	add = d.biased(r0, r1, c0, c1, add)
	c, a := p.c.Data[r0*p.c.Stride+c0:], p.left.Data[r0*p.left.Stride:]
	d.k.Gemm(c, p.c.Stride, a, p.left.Stride, p.right[(c0-p.n0)*k:], r1-r0, c1-c0, k, add)
}

const (
	// turnedRows is the most rows of a product with a transposed float32 weight of which each thread packs what it multiplies: more pay for packing
	// it for all, which brings it to other cores' caches.
	turnedRows = 256
	// turnedCols is the most columns of it that a thread packs at once: BlockK rows of them stay in its second cache.
	turnedCols = 64
)

// turnedChunk computes some columns of a product of few rows with a transposed float32 weight.
func (d *Device) turnedChunk(w *worker, i int) {
	p := &d.product
	c0 := i * p.colStep
	c1 := min(c0+p.colStep, p.c.Cols)
	for k0 := 0; k0 == 0 || k0 < p.k; k0 += kernel.BlockK {
		k1 := min(k0+kernel.BlockK, p.k)
		right := w.floats(workerRight, d.k.PackedLen(c1-c0, k1-k0))
		d.k.RepackTransposed(right, p.panels, p.k, p.c.Cols, k0, k1, c0, c1)
		d.k.Gemm(p.c.Data[c0:], p.c.Stride, p.a.Data[k0:], p.a.Stride, right, p.c.Rows, c1-c0, k1-k0, p.add || k0 > 0)
	}
}

// biased puts the bias into a tile of c before its first products, and says whether those are then added.
func (d *Device) biased(r0, r1, c0, c1 int, add bool) bool {
	p := &d.product
	if p.bias == nil || p.k0 > 0 {
		return add
	}
	for r := r0; r < r1; r++ {
		copy(part(p.c, r, c0, c1), p.bias[c0:c1])
	}
	return true
}

// quantizedStep is the most panels of a quantized weight that a thread takes at once: so few that the others do not wait long for the last.
const quantizedStep = 8

// cutPanels cuts the columns of a quantized product into whole panels for threads, a multiple of four where there are many.
func (d *Device) cutPanels() {
	p := &d.product
	panels := (p.c.Cols + d.k.Panel - 1) / d.k.Panel
	p.colStep = max(1, min(quantizedStep, panels/(4*d.Threads())/4*4)) * d.k.Panel
}

// quantizedChunk computes columns of few rows of a product with a quantized weight.
func (d *Device) quantizedChunk(w *worker, i int) {
	p := &d.product
	from := i * p.colStep
	to := min(from+p.colStep, p.c.Cols)
	add := d.biased(0, p.c.Rows, from, to, p.add)
	d.k.GemmQuantized(p.c.Data[from:], p.c.Stride, p.a.Data, p.a.Stride, p.quantized, from/d.k.Panel, (to+d.k.Panel-1)/d.k.Panel, p.c.Rows, add,
		w.floats(workerTemp, d.k.TempGemmQuantized(p.quantized)))
}

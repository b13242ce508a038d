package cpu

import (
	"math"

	"trimtab/compute"
)

// norming are the arguments of a normalization, for its chunks.
type norming struct {
	y, x, dy          compute.Mat
	gamma, beta       []float32
	mean, rstd        []float32
	dgamma, dbeta     []float32
	gammaSum, betaSum []float32 // partial sums of dgamma and dbeta, a row a block
	eps               float32
	add               bool
	rowsPerChunk      int
	tableB, tableA    compute.Mat
	scale             float32
	w                 *weight
	norms             []float32
}

// byRows runs f, which gets its rows from d.span, for all rows of a matrix.
func (d *Device) byRows(rows, cols int, f chunk) {
	d.norm.rowsPerChunk = rowStep(cols)
	d.run((rows+d.norm.rowsPerChunk-1)/d.norm.rowsPerChunk, f)
	d.norm = norming{}
}

// span is the rows of chunk i.
func (n *norming) span(i int) (from, to int) {
	return i * n.rowsPerChunk, min((i+1)*n.rowsPerChunk, n.x.Rows)
}

// LayerNorm is y = (x-mean)/√(var+eps)∘gamma + beta.
func (d *Device) LayerNorm(y, x compute.Mat, gamma, beta []float32, eps float32, mean, rstd []float32) {
	like("LayerNorm", x, y)
	long("LayerNorm", gamma, x.Cols)
	long("LayerNorm", beta, x.Cols)
	long("LayerNorm", mean, x.Rows)
	long("LayerNorm", rstd, x.Rows)
	d.norm = norming{y: y, x: x, gamma: gamma, beta: beta, eps: eps, mean: mean, rstd: rstd}
	d.byRows(x.Rows, x.Cols, func(d *Device, w *worker, i int) {
		n := &d.norm
		from, to := n.span(i)
		for r := from; r < to; r++ {
			mean, rstd := d.k.LayerNorm(n.y.Row(r), n.x.Row(r), n.gamma, n.beta, n.eps)
			keep(n.mean, r, mean)
			keep(n.rstd, r, rstd)
		}
	})
}

// keep sets v[i], if v is there.
func keep(v []float32, i int, x float32) {
	if v != nil {
		v[i] = x
	}
}

// RMSNorm is y = x/√(mean(x²)+eps)∘gamma.
func (d *Device) RMSNorm(y, x compute.Mat, gamma []float32, eps float32, rstd []float32) {
	like("RMSNorm", x, y)
	long("RMSNorm", gamma, x.Cols)
	long("RMSNorm", rstd, x.Rows)
	d.norm = norming{y: y, x: x, gamma: gamma, eps: eps, rstd: rstd}
	d.byRows(x.Rows, x.Cols, func(d *Device, w *worker, i int) {
		n := &d.norm
		from, to := n.span(i)
		for r := from; r < to; r++ {
			keep(n.rstd, r, d.k.RMSNorm(n.y.Row(r), n.x.Row(r), n.gamma, n.eps))
		}
	})
}

// LayerNormBackward is LayerNorm's.
func (d *Device) LayerNormBackward(dx compute.Mat, dgamma, dbeta []float32, dy, x compute.Mat, gamma, mean, rstd []float32, add bool) {
	long("LayerNormBackward", mean, x.Rows)
	d.normBackward(norming{y: dx, x: x, dy: dy, gamma: gamma, mean: mean, rstd: rstd, dgamma: dgamma, dbeta: dbeta, add: add})
}

// RMSNormBackward is RMSNorm's.
func (d *Device) RMSNormBackward(dx compute.Mat, dgamma []float32, dy, x compute.Mat, gamma, rstd []float32, add bool) {
	d.normBackward(norming{y: dx, x: x, dy: dy, gamma: gamma, rstd: rstd, dgamma: dgamma, add: add})
}

func (d *Device) normBackward(n norming) {
	const op = "norm's backward"
	like(op, n.x, n.dy)
	if n.y.Exists() {
		like(op, n.x, n.y)
	}
	long(op, n.gamma, n.x.Cols)
	long(op, n.rstd, n.x.Rows)
	long(op, n.dgamma, n.x.Cols)
	long(op, n.dbeta, n.x.Cols)
	cols, blocks := n.x.Cols, (n.x.Rows+rowBlock-1)/rowBlock
	sums := d.floats(sharedPartial, 2*blocks*cols)
	n.gammaSum, n.betaSum = sums[:blocks*cols], sums[blocks*cols:]
	d.norm = n
	d.run(blocks, (*Device).normBackwardChunk)
	for i := range blocks {
		if n.dgamma != nil {
			d.k.Add(n.dgamma, n.dgamma, n.gammaSum[i*cols:])
		}
		if n.dbeta != nil {
			d.k.Add(n.dbeta, n.dbeta, n.betaSum[i*cols:])
		}
	}
	d.norm = norming{}
}

func (d *Device) normBackwardChunk(w *worker, i int) {
	n := &d.norm
	cols := n.x.Cols
	dgamma := n.partialSum(n.dgamma, n.gammaSum, i)
	dbeta := n.partialSum(n.dbeta, n.betaSum, i)
	for r := i * rowBlock; r < min((i+1)*rowBlock, n.x.Rows); r++ {
		to := w.floats(workerTemp, cols)
		if n.y.Exists() && !n.add {
			to = n.y.Row(r)
		}
		if n.mean != nil {
			d.k.LayerNormBackward(to, dgamma, dbeta, n.x.Row(r), n.dy.Row(r), n.gamma, n.mean[r], n.rstd[r])
		} else {
			d.k.RMSNormBackward(to, dgamma, n.x.Row(r), n.dy.Row(r), n.gamma, n.rstd[r])
		}
		if n.y.Exists() && n.add {
			d.k.Add(n.y.Row(r), n.y.Row(r), to)
		}
	}
}

// partialSum is block i's row of sums, zeroed, or nil if total is not asked for.
func (n *norming) partialSum(total, sums []float32, i int) []float32 {
	if total == nil {
		return nil
	}
	s := sums[i*n.x.Cols : (i+1)*n.x.Cols]
	clear(s)
	return s
}

// LogSoftmax is y = x - log Σ exp(x).
func (d *Device) LogSoftmax(y, x compute.Mat) {
	like("LogSoftmax", x, y)
	d.norm = norming{y: y, x: x}
	d.byRows(x.Rows, x.Cols, func(d *Device, w *worker, i int) {
		n := &d.norm
		from, to := n.span(i)
		for r := from; r < to; r++ {
			lse := d.k.LogSumExp(n.x.Row(r), 1)
			d.k.Normalize(n.y.Row(r), n.x.Row(r), nil, nil, lse, 1)
		}
	})
}

// LogSoftmaxBackward is dx (+)= dy - exp(y)·Σ dy.
func (d *Device) LogSoftmaxBackward(dx, dy, y compute.Mat, add bool) {
	like("LogSoftmaxBackward", y, dx, dy)
	d.norm = norming{y: dx, dy: dy, x: y, add: add}
	d.byRows(y.Rows, y.Cols, func(d *Device, w *worker, i int) {
		n := &d.norm
		from, to := n.span(i)
		for r := from; r < to; r++ {
			dx, dy, p := n.y.Row(r), n.dy.Row(r), w.floats(workerTemp, n.x.Cols)
			sum := d.k.Sum(dy)
			d.k.Exp(p, n.x.Row(r))
			give(d.k, dx, dy, n.add)
			d.k.Axpy(dx, p, -sum)
		}
	})
}

// RowNorms is norms[o] = ‖w[o] + scale·(b·a)[o]‖₂.
func (d *Device) RowNorms(norms []float32, w compute.Weight, b, a compute.Mat, scale float32) {
	m := d.own(w)
	long("RowNorms", norms, m.out)
	if b.Exists() {
		shaped("RowNorms", b, m.out, b.Cols)
		shaped("RowNorms", a, b.Cols, m.in)
	}
	d.norm = norming{x: compute.Mat{Rows: m.out, Cols: m.in}, tableB: b, tableA: a, scale: scale, w: m, norms: norms}
	d.byRows(m.out, m.in*(1+b.Cols), func(d *Device, w *worker, i int) {
		n := &d.norm
		from, to := n.span(i)
		row := w.floats(workerTemp, n.x.Cols)
		for o := from; o < to; o++ {
			d.row(row, n.w, o)
			for r := range n.tableB.Cols {
				d.k.Axpy(row, n.tableA.Row(r), n.scale*n.tableB.Row(o)[r])
			}
			n.norms[o] = float32(math.Sqrt(float64(d.k.SumSquares(row))))
		}
	})
}

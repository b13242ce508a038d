package cpu

import "trimtab/compute"

// Linear is y = x·wᵀ + bias.
func (d *Device) Linear(y, x compute.Mat, w compute.Weight, bias []float32) {
	m := d.own(w)
	shaped("Linear", x, x.Rows, m.in)
	shaped("Linear", y, x.Rows, m.out)
	long("Linear", bias, m.out)
	if m.integer() {
		d.linearInt8(y, x, m, bias)
		return
	}
	if d.inBF16(m, x.Rows) {
		d.linearBF16(y, x, m, bias)
		return
	}
	if m.panel > 0 {
		d.multiply(product{alpha: 1, c: y, a: x, source: fromPanels, panels: m.panels, quantized: m.quantized, k: m.in, bias: bias})
		return
	}
	d.multiply(product{alpha: 1, c: y, a: x, source: fromTransposed, b: m.m, k: m.in, bias: bias})
}

// LinearBackward is dx (+)= dy·w.
func (d *Device) LinearBackward(dx, dy compute.Mat, w compute.Weight, add bool) {
	m := d.own(w)
	shaped("LinearBackward", dx, dy.Rows, m.in)
	shaped("LinearBackward", dy, dy.Rows, m.out)
	if m.whole() {
		d.linearBackwardInt8(dx, dy, m, add)
		return
	}
	if d.inBF16(m, dy.Rows) {
		d.linearBackwardBF16(dx, dy, m, add)
		return
	}
	if m.panel > 0 {
		d.multiply(product{alpha: 1, c: dx, a: dy, source: fromPanelsTransposed, panels: m.panels, quantized: m.quantized, k: m.out, add: add})
		return
	}
	d.multiply(product{alpha: 1, c: dx, a: dy, source: fromRows, b: m.m, k: m.out, add: add})
}

// gatherLen is how many elements of gathered rows are held at once.
const gatherLen = 1 << 19

// gathered calls f for blocks of the wanted rows of w, copied side by side; from is
// the block's first place in rows.
func (d *Device) gathered(w *weight, rows []int32, f func(block compute.Mat, from int)) {
	step := max(1, gatherLen/max(1, w.in))
	for from := 0; from < len(rows); from += step {
		n := min(step, len(rows)-from)
		block := compute.NewMat(n, w.in, d.floats(sharedRows, n*w.in))
		d.move = moving{y: block, w: w, ids: rows[from : from+n], step: rowStep(16 * w.in)}
		d.run((n+d.move.step-1)/d.move.step, func(d *Device, _ *worker, i int) {
			m := &d.move
			from, to := m.part(i, len(m.ids))
			for r := from; r < to; r++ {
				d.row(m.y.Row(r), m.w, int(m.ids[r]))
			}
		})
		d.move = moving{}
		f(block, from)
	}
}

// LinearRows is y[i,j] = x[i]·w[rows[j]] + bias[rows[j]].
func (d *Device) LinearRows(y, x compute.Mat, w compute.Weight, bias []float32, rows []int32) {
	m := d.own(w)
	shaped("LinearRows", x, x.Rows, m.in)
	shaped("LinearRows", y, x.Rows, len(rows))
	long("LinearRows", bias, m.out)
	var wanted []float32
	if bias != nil {
		wanted = d.floats(sharedBias, len(rows))
		for j, o := range rows {
			wanted[j] = bias[o]
		}
	}
	d.gathered(m, rows, func(block compute.Mat, from int) {
		p := product{alpha: 1, c: y.ColRange(from, from+block.Rows), a: x, source: fromTransposed, b: block, k: m.in}
		if wanted != nil {
			p.bias = wanted[from : from+block.Rows]
		}
		d.multiply(p)
	})
}

// LinearRowsBackward is dx (+)= Σⱼ dy[i,j]·w[rows[j]].
func (d *Device) LinearRowsBackward(dx, dy compute.Mat, w compute.Weight, rows []int32, add bool) {
	m := d.own(w)
	shaped("LinearRowsBackward", dx, dy.Rows, m.in)
	shaped("LinearRowsBackward", dy, dy.Rows, len(rows))
	if len(rows) == 0 {
		d.multiply(product{alpha: 1, c: dx, a: dy, source: fromRows, add: add})
		return
	}
	d.gathered(m, rows, func(block compute.Mat, from int) {
		d.multiply(product{alpha: 1, c: dx, a: dy.ColRange(from, from+block.Rows), source: fromRows, b: block, k: block.Rows, add: add || from > 0})
	})
}

// leftRows bounds the rows of c for which a transposed left operand is packed at once.
const leftRows = 4096

// MatMul is c (+)= alpha·op(a)·op(b).
func (d *Device) MatMul(c, a, b compute.Mat, ta, tb bool, alpha float32, add bool) {
	k := a.Cols
	if ta {
		k = a.Rows
		shaped("MatMul", c, a.Cols, c.Cols)
	} else {
		shaped("MatMul", c, a.Rows, c.Cols)
	}
	p := product{c: c, a: a, b: b, k: k, alpha: alpha, add: add, transposeA: ta, source: fromRows}
	if tb {
		p.source = fromTransposed
		shaped("MatMul", b, c.Cols, k)
	} else {
		shaped("MatMul", b, k, c.Cols)
	}
	rounds := d.rounds && alpha == 1 && min(c.Rows, c.Cols, k) >= leastRounded
	multiply := (*Device).multiply
	if rounds {
		multiply = (*Device).multiplyPaired
	}
	switch {
	case !ta:
		multiply(d, p)
	case c.Rows == 0 || c.Cols == 0:
	case !rounds && !tb && min(c.Rows, c.Cols) <= outerRows:
		d.multiplyOuter(p)
	default:
		for i := 0; i < c.Rows; i += leftRows {
			part := p
			j := min(i+leftRows, c.Rows)
			part.c, part.a = c.RowRange(i, j), a.ColRange(i, j)
			multiply(d, part)
		}
	}
}

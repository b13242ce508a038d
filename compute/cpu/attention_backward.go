package cpu

import "trimtab/compute"

const (
	// gradKeyBlock is the most keys whose scores and their gradients are in memory at once.
	gradKeyBlock = 256
	gradStride   = gradKeyBlock + 16
)

// AttendBackward writes or adds dq, dk and dv. Probabilities are computed again from
// lse. A task has all queries of a segment and a key head, so that sums over
// queries have one owner and one order.
func (d *Device) AttendBackward(dq, dk, dv, dout, out, q, k, v compute.Mat, lse []float32, a *compute.Attention, addQ, addK, addV bool) {
	d.attend = attention{Attention: a, out: out, lse: lse, q: q, k: k, v: v,
		dq: dq, dk: dk, dv: dv, dout: dout, addQ: addQ, addK: addK, addV: addV, tasks: d.attend.tasks[:0]}
	at := &d.attend
	at.check("AttendBackward")
	like("AttendBackward", q, dout)
	own := disjoint(a.Key)
	d.prepare(dq, q, addQ, covered(a.Query, q.Rows))
	d.prepare(dk, k, addK, own && covered(a.Key, k.Rows))
	d.prepare(dv, v, addV, own && covered(a.Key, k.Rows))
	if own {
		for s := range a.Query {
			for h := range a.KVHeads {
				at.tasks = append(at.tasks, attentionTask{segment: s, head: h})
			}
		}
		d.run(len(at.tasks), (*Device).attendBackwardChunk)
	} else {
		at.addK, at.addV = true, true
		d.run(a.KVHeads, func(d *Device, w *worker, h int) {
			for s := range d.attend.Query {
				d.attendBackward(w, s, h)
			}
		})
	}
	d.attend = attention{tasks: at.tasks}
}

// disjoint says whether the spans, in their order, do not overlap.
func disjoint(spans []compute.Span) bool {
	var end int32
	for _, s := range spans {
		if s.Len > 0 && s.Start < end {
			return false
		}
		end = max(end, s.End())
	}
	return true
}

// covered says whether the spans, in their order, are all rows.
func covered(spans []compute.Span, rows int) bool {
	next := 0
	for _, s := range spans {
		if int(s.Start) != next {
			return false
		}
		next = int(s.End())
	}
	return next == rows
}

// prepare checks a gradient of m, and zeroes it unless it is added to or its tasks,
// which zero what is theirs, cover it.
func (d *Device) prepare(g, m compute.Mat, add, covered bool) {
	if !g.Exists() {
		return
	}
	like("AttendBackward", m, g)
	if !add && !covered {
		d.zero(g)
	}
}

// zero clears m.
func (d *Device) zero(m compute.Mat) {
	d.overRows(moving{y: m}, m.Rows, m.Cols, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.y.Rows)
		for r := from; r < to; r++ {
			clear(m.y.Row(r))
		}
	})
}

func (d *Device) attendBackwardChunk(w *worker, i int) {
	t := d.attend.tasks[i]
	d.attendBackward(w, t.segment, t.head)
}

// attendBackward adds one segment's gradients through one key head.
func (d *Device) attendBackward(w *worker, segment, head int) {
	a := &d.attend
	query, keys := a.Query[segment], a.Key[segment]
	first, rows := int(query.Start), int(query.Len)
	if a.dk.Exists() && !a.addK {
		a.clear(a.dk, int(keys.Start), int(keys.Len), head)
	}
	if a.dv.Exists() && !a.addV {
		a.clear(a.dv, int(keys.Start), int(keys.Len), head)
	}
	for g := 0; g < a.group() && a.dq.Exists() && !a.addQ; g++ {
		a.clear(a.dq, first, rows, head*a.group()+g)
	}
	reach := a.reach(first, first+rows, int(keys.Len))
	for k0 := 0; k0 < reach; k0 += gradKeyBlock {
		b := keyRange{start: int(keys.Start), from: k0, to: min(k0+gradKeyBlock, reach), all: int(keys.Len)}
		d.packGradKeys(w, head, b)
		for g := range a.group() {
			for r := 0; r < rows; r += queryBlock {
				d.attendGradBlock(w, first+r, min(queryBlock, rows-r), head*a.group()+g, b)
			}
		}
	}
}

// packGradKeys packs a block of keys, both ways, and of values, transposed.
func (d *Device) packGradKeys(w *worker, head int, b keyRange) {
	a := &d.attend
	n := b.to - b.from
	k, v := a.slice(a.k, b.start+b.from, head), a.slice(a.v, b.start+b.from, head)
	d.k.PackRows(w.floats(workerKeys, d.k.PackedLen(n, a.HeadDim)), k, a.k.Stride, n, a.HeadDim)
	d.k.PackRows(w.floats(workerValues, d.k.PackedLen(n, a.HeadDim)), v, a.v.Stride, n, a.HeadDim)
	if a.dq.Exists() {
		d.k.PackCols(w.floats(workerKeyRows, d.k.PackedLen(a.HeadDim, n)), k, a.k.Stride, n, a.HeadDim)
	}
}

// attendGradBlock adds what n query rows from row i on and a block of keys give to
// the gradients of both.
func (d *Device) attendGradBlock(w *worker, i, n, head int, b keyRange) {
	a := &d.attend
	keys := min(b.to, a.reach(i, i+n, b.all)) - b.from
	if keys <= 0 {
		return
	}
	kv, dim := head/a.group(), a.HeadDim
	p, dp := w.floats(workerScores, queryBlock*gradStride), w.floats(workerGrads, queryBlock*gradStride)
	q, dout := a.slice(a.q, i, head), a.slice(a.dout, i, head)
	d.k.Gemm(p, gradStride, q, a.q.Stride, w.scratch[workerKeys], n, keys, dim, false)
	d.k.Gemm(dp, gradStride, dout, a.dout.Stride, w.scratch[workerValues], n, keys, dim, false)
	for r := range n {
		d.softmaxGrad(p[r*gradStride:][:keys], dp[r*gradStride:][:keys], i+r, head, b)
	}
	if a.dv.Exists() {
		d.addTransposed(w, a.slice(a.dv, b.start+b.from, kv), a.dv.Stride, p, dout, a.dout.Stride, n, keys)
	}
	if a.dk.Exists() {
		d.addTransposed(w, a.slice(a.dk, b.start+b.from, kv), a.dk.Stride, dp, q, a.q.Stride, n, keys)
	}
	if a.dq.Exists() {
		d.gemmHead(a.slice(a.dq, i, head), a.dq.Stride, dp, gradStride, w.scratch[workerKeyRows], n, dim, keys, b.to-b.from, true)
	}
}

// softmaxGrad turns a row of scores into probabilities (with dropout) and a row of
// their gradients into those of the scores.
func (d *Device) softmaxGrad(p, dp []float32, i, head int, b keyRange) {
	a := &d.attend
	own := min(max(a.seen(i, b.all)-b.from, 0), len(p))
	clear(p[own:])
	clear(dp[own:])
	if p, dp = p[:own], dp[:own]; own == 0 {
		return
	}
	d.k.ExpShift(p, p, a.Scale, a.lse[i*a.Heads+head])
	if a.Dropout.P > 0 {
		dropout(d.k, dp, dp, &a.Dropout, a.place(i, head, b.from))
	}
	dot := d.k.Dot(a.slice(a.dout, i, head)[:a.HeadDim], a.slice(a.out, i, head)[:a.HeadDim])
	d.k.Normalize(dp, dp, p, nil, dot, a.Scale) // (dp - dot)·scale·p
	if a.Dropout.P > 0 {
		dropout(d.k, p, p, &a.Dropout, a.place(i, head, b.from))
	}
}

// addTransposed is c [keys, dim] += xᵀ·y for x [n, keys], rows gradStride apart, and y [n, dim].
func (d *Device) addTransposed(w *worker, c []float32, ldc int, x, y []float32, ldy, n, keys int) {
	dim := d.attend.HeadDim
	left := w.floats(workerLeft, keys*n)
	d.k.PackTransposedA(left, x, gradStride, n, keys)
	right := w.floats(workerRight, d.k.PackedLen(dim, n))
	d.k.PackCols(right, y, ldy, n, dim)
	d.k.Gemm(c, ldc, left, n, right, keys, dim, n, true)
}

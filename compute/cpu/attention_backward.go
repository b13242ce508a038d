package cpu

import "trimtab/compute"

const (
	// gradKeyBlock is the most keys whose scores and their gradients are in memory at once.
	gradKeyBlock = 512
	gradStride   = gradKeyBlock + 16
	// gradWork bounds the scores of a block of queries, so that they and their gradients
	// stay in the second cache.
	gradWork = queryBlock * 256
)

// AttendBackward writes or adds dq, dk and dv, and adds to dbias. Probabilities are computed again from
// lse. A task has all queries of a segment and a key head, so that sums over
// queries have one owner and one order; or of all segments, where they add to the same keys or to a bias.
func (d *Device) AttendBackward(dq, dk, dv, dbias, dout, q, k, v compute.Mat, lse []float32, a *compute.Attention, addQ, addK, addV bool) {
	d.attend = attention{Attention: a, out: dout, lse: lse, q: q, k: k, v: v,
		dq: dq, dk: dk, dv: dv, dbias: dbias, dout: dout, addQ: addQ, addK: addK, addV: addV, tasks: d.attend.tasks[:0]}
	at := &d.attend
	at.check("AttendBackward")
	own := disjoint(a.Key)
	d.prepare(dq, q, addQ, covered(a.Query, q.Rows))
	d.prepare(dk, k, addK, own && covered(a.Key, k.Rows))
	d.prepare(dv, v, addV, own && covered(a.Key, k.Rows))
	if dbias.Exists() {
		like("AttendBackward", a.Bias, dbias)
	}
	if !own {
		at.addK, at.addV = true, true
	}
	if own && !dbias.Exists() {
		for s := range a.Query {
			for h := range a.KVHeads {
				at.tasks = append(at.tasks, attentionTask{segment: s, head: h})
			}
		}
		d.run(len(at.tasks), (*Device).attendBackwardChunk)
	} else {
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
	written := a.clearUnseen(query, keys, head)
	var dots []float32 // of each query row, if its keys are several blocks
	if a.reach(first, first+rows, int(keys.Len))-a.begin(first, first+rows) > gradKeyBlock {
		dots = w.floats(workerDots, a.group()*rows)
		clear(dots)
		d.gradBlocks(w, segment, head, func(i, n, g int, b keyRange) {
			d.addDots(w, dots[g*rows+i-first:], i, n, head*a.group()+g, b)
		})
	}
	d.gradBlocks(w, segment, head, func(i, n, g int, b keyRange) {
		var own []float32
		if dots != nil {
			own = dots[g*rows+i-first:]
		}
		d.attendGradBlock(w, own, i, n, head*a.group()+g, b, written)
		written = max(written, b.to)
	})
}

// clearUnseen zeroes what of a segment's gradients, through one key head, no block writes before others add to it, unless all do. The first blocks to
// see them write those of keys [written, keys.Len), and the first block of keys those of queries if written is 0.
func (a *attention) clearUnseen(query, keys compute.Span, head int) (written int) {
	first, rows, unseen := int(query.Start), int(query.Len), 0
	if a.Window > 0 { // a block may leave keys out that a later one sees
		written = int(keys.Len)
	} else if rows > 0 {
		unseen = a.reach(first, first+rows, int(keys.Len))
	}
	if a.dk.Exists() && !a.addK {
		a.clear(a.dk, int(keys.Start)+unseen, int(keys.Len)-unseen, head)
	}
	if a.dv.Exists() && !a.addV {
		a.clear(a.dv, int(keys.Start)+unseen, int(keys.Len)-unseen, head)
	}
	for i := first; i < first+rows && a.dq.Exists() && !a.addQ; i++ {
		if a.Window > 0 || a.seen(i, int(keys.Len)) == 0 {
			for g := range a.group() {
				a.clear(a.dq, i, 1, head*a.group()+g)
			}
		}
	}
	return written
}

// gradBlocks calls f for all blocks of keys and, for each, blocks of n query rows from
// row i on, of the head that is number g of those that read the key head, with the part of
// the block that they see, if there is any. The keys are packed.
func (d *Device) gradBlocks(w *worker, segment, head int, f func(i, n, g int, b keyRange)) {
	a := &d.attend
	query, keys := a.Query[segment], a.Key[segment]
	first, end := int(query.Start), int(query.End())
	reach := a.reach(first, end, int(keys.Len))
	for k0 := a.begin(first, end); k0 < reach; k0 += gradKeyBlock {
		b := block(keys, k0, min(k0+gradKeyBlock, reach))
		d.packGradKeys(w, head, b)
		step := min(queryBlock, gradWork/b.keys())
		for g := range a.group() {
			for i := first; i < end; i += step {
				n := min(step, end-i)
				if part := d.within(i, n, b); part.keys() > 0 {
					f(i, n, g, part)
				}
			}
		}
	}
}

// packGradKeys packs a block of keys, both ways, and of values, transposed.
func (d *Device) packGradKeys(w *worker, head int, b keyRange) {
	a := &d.attend
	n := b.keys()
	k, v := a.slice(a.k, b.start+b.from, head), a.slice(a.v, b.start+b.from, head)
	d.k.PackRows(w.floats(workerKeys, d.k.PackedLen(n, a.HeadDim)), k, a.k.Stride, n, a.HeadDim)
	d.k.PackRows(w.floats(workerValues, d.k.PackedLen(n, a.HeadDim)), v, a.v.Stride, n, a.HeadDim)
	if a.dq.Exists() {
		d.k.PackCols(w.floats(workerKeyRows, d.k.PackedLen(a.HeadDim, n)), k, a.k.Stride, n, a.HeadDim)
	}
}

// attendGradBlock adds what n query rows from row i on and a block of keys give to
// the gradients of both, or writes those of keys from written on. dots are the rows' Σ p·dp over all keys, nil if the block is all.
func (d *Device) attendGradBlock(w *worker, dots []float32, i, n, head int, b keyRange, written int) {
	a := &d.attend
	p, dp := d.probabilities(w, i, n, head, b)
	keys := b.keys()
	for r := range n {
		d.softmaxGrad(p[r*gradStride:][:keys], dp[r*gradStride:][:keys], dots, r, i, head, b)
	}
	if a.Bias.Exists() {
		d.biasGrad(w, dp, i, n, head, b)
	}
	kv, dim := head/a.group(), a.HeadDim
	old := func(add bool) int { // how many of the keys are added to
		if add {
			return keys
		}
		return min(max(written-b.from, 0), keys)
	}
	if a.dv.Exists() {
		d.addTransposed(w, a.slice(a.dv, b.start+b.from, kv), a.dv.Stride, p, a.slice(a.dout, i, head), a.dout.Stride, n, keys, old(a.addV))
	}
	if a.dk.Exists() {
		d.addTransposed(w, a.slice(a.dk, b.start+b.from, kv), a.dk.Stride, dp, a.slice(a.q, i, head), a.q.Stride, n, keys, old(a.addK))
	}
	if a.dq.Exists() {
		d.gemmHead(a.slice(a.dq, i, head), a.dq.Stride, dp, gradStride, w.scratch[workerKeyRows], n, dim, b, a.addQ || a.Window > 0 || b.first > 0)
	}
}

// probabilities computes, for n query rows and the keys of a block that they reach,
// the probabilities p and, with dropout, their gradients dp = dout·vᵀ; both are zero where a row sees no key.
func (d *Device) probabilities(w *worker, i, n, head int, b keyRange) (p, dp []float32) {
	a := &d.attend
	keys, skip := b.keys(), b.skipped()*a.HeadDim
	p, dp = w.floats(workerScores, n*gradStride), w.floats(workerGrads, n*gradStride)
	d.k.Gemm(p, gradStride, a.slice(a.q, i, head), a.q.Stride, w.scratch[workerKeys][skip:], n, keys, a.HeadDim, false)
	d.k.Gemm(dp, gradStride, a.slice(a.dout, i, head), a.dout.Stride, w.scratch[workerValues][skip:], n, keys, a.HeadDim, false)
	bias := d.bias(w, i, n, head, b)
	for r := range n {
		p, dp := p[r*gradStride:][:keys], dp[r*gradStride:][:keys]
		from, to := a.own(i+r, b)
		for _, m := range [][]float32{p, dp} {
			clear(m[:from])
			clear(m[to:])
		}
		if from == to {
			continue
		}
		p, dp = p[from:to], dp[from:to]
		d.addBias(p, bias, i+r, from, to)
		d.k.ExpShift(p, p, a.scale(), a.lse[(i+r)*a.Heads+head])
		if a.Dropout.P > 0 {
			dropout(d.k, dp, dp, &a.Dropout, a.place(i+r, head, b.from+from))
		}
	}
	return p, dp
}

// addDots adds the Σ p·dp of a block's keys to those of n query rows.
func (d *Device) addDots(w *worker, dots []float32, i, n, head int, b keyRange) {
	p, dp := d.probabilities(w, i, n, head, b)
	for r := range n {
		dots[r] += d.k.Dot(p[r*gradStride:][:b.keys()], dp[r*gradStride:])
	}
}

// softmaxGrad turns row r's gradients of probabilities into those of scores,
// p·(dp - Σ p·dp)·scale, those of biased ones if there is a bias, and drops p.
func (d *Device) softmaxGrad(p, dp, dots []float32, r, i, head int, b keyRange) {
	a := &d.attend
	from, to := a.own(i+r, b)
	if from == to {
		return
	}
	p, dp = p[from:to], dp[from:to]
	if dots == nil {
		d.k.SoftmaxBackward(dp, p, dp, a.scale())
	} else {
		d.k.Normalize(dp, dp, p, nil, dots[r], a.scale())
	}
	if a.Dropout.P > 0 {
		dropout(d.k, p, p, &a.Dropout, a.place(i+r, head, b.from+from))
	}
}

// addTransposed is c [keys, dim] = xᵀ·y, or += in its first rows, added of them, for x [n, keys], rows gradStride apart, and y [n, dim].
func (d *Device) addTransposed(w *worker, c []float32, ldc int, x, y []float32, ldy, n, keys, added int) {
	dim := d.attend.HeadDim
	left := w.floats(workerLeft, keys*n)
	d.k.PackTransposedA(left, x, gradStride, n, keys)
	right := w.floats(workerRight, d.k.PackedLen(dim, n))
	d.k.PackCols(right, y, ldy, n, dim)
	if added > 0 {
		d.k.Gemm(c, ldc, left, n, right, added, dim, n, true)
	}
	if added < keys {
		d.k.Gemm(c[added*ldc:], ldc, left[added*n:], n, right, keys-added, dim, n, false)
	}
}

package cpu

import (
	"fmt"
	"math"

	"trimtab/compute"
)

// attention are the arguments of attention, for its chunks.
type attention struct {
	*compute.Attention
	out, q, k, v     compute.Mat
	lse              []float32
	dq, dk, dv, dout compute.Mat
	dbias            compute.Mat
	addQ, addK, addV bool
	tasks            []attentionTask
}

// attentionTask is what one thread takes at once: the query rows [from, to) of a
// segment, as places in it, for all query heads that read one key head. What it
// computes depends on its segment alone, never on the others in the batch.
type attentionTask struct {
	segment, head int
	from, to      int
}

const (
	// queryChunk is the most query rows of a task of the forward.
	queryChunk = 256
	// queryBlock is how many query rows meet a block of keys at once.
	queryBlock = 64
	// keyBlock is the most keys whose scores are in memory for a row.
	keyBlock = 512
	// scoreStride is the distance of rows of scores: not a power of two, since rows
	// that far apart would share the same places in the cache.
	scoreStride = keyBlock + 16
	// fewQueries is how many rows of queries are not worth packing keys for.
	fewQueries = 4
)

// seen is how many keys of its segment the query in row i of q sees.
func (a *attention) seen(i, keys int) int {
	if a.Causal {
		return max(0, min(keys, int(a.Position[i])+1))
	}
	return keys
}

// since is the first key of its segment that the query in row i of q sees.
func (a *attention) since(i int) int {
	if a.Window == 0 {
		return 0
	}
	return max(0, int(a.Position[i])+1-a.Window)
}

// begin is the first key that one of rows [from, to) of q sees.
func (a *attention) begin(from, to int) int {
	if a.Window == 0 || from == to {
		return 0
	}
	least := a.since(from)
	for i := from + 1; i < to; i++ {
		least = min(least, a.since(i))
	}
	return least
}

// reach is the most keys that rows [from, to) of q see.
func (a *attention) reach(from, to, keys int) int {
	if !a.Causal {
		return keys
	}
	most := 0
	for i := from; i < to; i++ {
		most = max(most, a.seen(i, keys))
	}
	return most
}

// place is the number, for dropout, of the probability of key j in row i, head h.
func (a *attention) place(i, h, j int) uint64 {
	return (uint64(i)*uint64(a.Heads)+uint64(h))<<20 + uint64(j)
}

// slice is head h's columns of m from row i on.
func (a *attention) slice(m compute.Mat, i, h int) []float32 {
	return m.Data[i*m.Stride+h*a.HeadDim:]
}

// clear zeroes head h of n rows of m from row i on.
func (a *attention) clear(m compute.Mat, i, n, h int) {
	for r := i; r < i+n; r++ {
		clear(a.slice(m, r, h)[:a.HeadDim])
	}
}

// group is how many query heads read one key head.
func (a *attention) group() int { return a.Heads / a.KVHeads }

func (a *attention) check(op string) {
	shaped(op, a.q, a.q.Rows, a.Heads*a.HeadDim)
	shaped(op, a.k, a.k.Rows, a.KVHeads*a.HeadDim)
	like(op, a.q, a.out)
	like(op, a.k, a.v)
	long(op, a.lse, a.q.Rows*a.Heads)
	if a.Window < 0 || a.Window > 0 && !a.Causal {
		panic(fmt.Sprintf("cpu: %s: a window of %d keys, causal: %v", op, a.Window, a.Causal))
	}
	a.checkBias(op)
}

// Attend is out = softmax(scale·q·kᵀ + bias)·v. Scores exist for a block of rows and keys
// at a time; the sums of earlier blocks are rescaled when a later one has a greater
// score (Milakov and Gimelshein 2018; Dao et al. 2022).
func (d *Device) Attend(out compute.Mat, lse []float32, q, k, v compute.Mat, a *compute.Attention) {
	d.attend = attention{Attention: a, out: out, lse: lse, q: q, k: k, v: v, tasks: d.attend.tasks[:0]}
	at := &d.attend
	at.check("Attend")
	for s := range a.Query {
		for from := 0; from < int(a.Query[s].Len); from += queryChunk {
			for h := range a.KVHeads {
				at.tasks = append(at.tasks, attentionTask{s, h, from, min(from+queryChunk, int(a.Query[s].Len))})
			}
		}
	}
	d.run(len(at.tasks), (*Device).attendChunk)
	d.attend = attention{tasks: at.tasks}
}

// softmaxState is what is known of a row's softmax so far: the greatest score, and
// the sum of exponentials relative to it.
type softmaxState struct{ top, sum float32 }

// attendChunk is one task of the forward.
func (d *Device) attendChunk(w *worker, i int) {
	a := &d.attend
	t := a.tasks[i]
	first, keys := int(a.Query[t.segment].Start), a.Key[t.segment]
	group, rows := a.group(), t.to-t.from
	state := w.states(group * rows)
	for i := range state {
		state[i] = softmaxState{top: float32(math.Inf(-1))}
	}
	begin, reach := a.begin(first+t.from, first+t.to), a.reach(first+t.from, first+t.to, int(keys.Len))
	for k0 := begin; k0 == begin || k0 < reach; k0 += keyBlock {
		b := block(keys, k0, max(k0, min(k0+keyBlock, reach)))
		b.opens = k0 == begin
		if rows > fewQueries {
			d.packKeys(w, t.head, b)
		}
		for g := range group {
			for r := 0; r < rows; r += queryBlock {
				n := min(queryBlock, rows-r)
				d.attendBlock(w, first+t.from+r, n, t.head*group+g, b, state[g*rows+r:], rows > fewQueries)
			}
		}
	}
	for g := range group {
		for r := range rows {
			d.endRow(first+t.from+r, t.head*group+g, state[g*rows+r])
		}
	}
}

// keyRange is keys [from, to) of a segment of all keys, which begins at row start.
type keyRange struct {
	start, from, to, all int
	// first and last are the block that is packed, of which it is a part.
	first, last int
	// opens says that no block came before.
	opens bool
}

// block is keys [from, to) of a segment.
func block(segment compute.Span, from, to int) keyRange {
	return keyRange{start: int(segment.Start), all: int(segment.Len), from: from, to: to, first: from, last: to}
}

func (b keyRange) keys() int { return b.to - b.from }

// skipped is how many keys of the packed block come before: whole panels.
func (b keyRange) skipped() int { return b.from - b.first }

// within is the part of a block that n query rows from row i on see, and what lies before it in its first panel.
func (d *Device) within(i, n int, b keyRange) keyRange {
	a := &d.attend
	b.to = min(b.to, a.reach(i, i+n, b.all))
	b.from += max(0, a.begin(i, i+n)-b.from) / d.k.Panel * d.k.Panel
	return b
}

// own is which keys of a block row i sees, counted from the block's first.
func (a *attention) own(i int, b keyRange) (from, to int) {
	to = min(max(a.seen(i, b.all)-b.from, 0), b.keys())
	return min(max(a.since(i)-b.from, 0), to), to
}

func (w *worker) states(n int) []softmaxState {
	if cap(w.state) < n {
		w.pool.grew.Store(true)
		w.state = make([]softmaxState, n)
	}
	return w.state[:n]
}

// packKeys packs a block of keys and values for all query rows of a task.
func (d *Device) packKeys(w *worker, head int, b keyRange) {
	a := &d.attend
	n := b.to - b.from
	if n == 0 {
		return
	}
	d.k.PackRows(w.floats(workerKeys, d.k.PackedLen(n, a.HeadDim)), a.slice(a.k, b.start+b.from, head), a.k.Stride, n, a.HeadDim)
	d.k.PackCols(w.floats(workerValues, d.k.PackedLen(a.HeadDim, n)), a.slice(a.v, b.start+b.from, head), a.v.Stride, n, a.HeadDim)
}

// attendBlock adds to out what n query rows from row i on take from a block of keys.
func (d *Device) attendBlock(w *worker, i, n, head int, b keyRange, state []softmaxState, packed bool) {
	a := &d.attend
	b = d.within(i, n, b)
	keys := b.keys()
	if b.opens && (keys <= 0 || !packed) {
		a.clear(a.out, i, n, head)
	}
	if keys <= 0 {
		return
	}
	scores := w.floats(workerScores, queryBlock*scoreStride)
	q, out := a.slice(a.q, i, head), a.slice(a.out, i, head)
	if packed {
		d.k.Gemm(scores, scoreStride, q, a.q.Stride, w.scratch[workerKeys][b.skipped()*a.HeadDim:], n, keys, a.HeadDim, false)
	} else {
		d.scoreRows(scores, i, n, keys, head, b)
	}
	bias := d.bias(w, i, n, head, b)
	for r := range n {
		row := scores[r*scoreStride:][:keys]
		from, to := a.own(i+r, b)
		clear(row[:from])
		clear(row[to:])
		if row = row[from:to]; len(row) > 0 {
			d.addBias(row, bias, i+r, from, to)
			d.softmaxBlock(row, out[r*a.out.Stride:][:a.HeadDim], &state[r], !b.opens)
			if a.Dropout.P > 0 {
				dropout(d.k, row, row, &a.Dropout, a.place(i+r, head, b.from+from))
			}
		}
	}
	if packed {
		d.gemmHead(out, a.out.Stride, scores, scoreStride, w.scratch[workerValues], n, a.HeadDim, b, !b.opens)
	} else {
		d.sumRows(scores, i, n, keys, head, b)
	}
}

// softmaxBlock replaces a row's scores by exponentials relative to the greatest so
// far, and rescales what earlier blocks left in out.
func (d *Device) softmaxBlock(scores, out []float32, s *softmaxState, later bool) {
	scale := d.attend.scale()
	top := max(s.top, d.k.Max(scores)*scale)
	if later && top != s.top {
		shrink := float32(math.Exp(float64(s.top) - float64(top)))
		d.k.Scale(out, out, shrink)
		s.sum *= shrink
	}
	s.sum += d.k.ExpShift(scores, scores, scale, top)
	s.top = top
}

// endRow divides a row of out by its sum of exponentials and keeps its log-sum-exp.
func (d *Device) endRow(i, head int, s softmaxState) {
	a := &d.attend
	if s.sum != 0 {
		out := a.slice(a.out, i, head)[:a.HeadDim]
		d.k.Scale(out, out, 1/s.sum)
	}
	if a.lse != nil {
		a.lse[i*a.Heads+head] = float32(float64(s.top) + math.Log(float64(s.sum)))
	}
}

// gemmHead is c [m, n] (+)= a·b for those rows of b, a packed block of keys or values, that keys is.
func (d *Device) gemmHead(c []float32, ldc int, a []float32, lda int, b []float32, m, n int, keys keyRange, add bool) {
	all := keys.last - keys.first
	if keys.keys() == all {
		d.k.Gemm(c, ldc, a, lda, b, m, n, all, add)
		return
	}
	for j := 0; j < n; j += d.k.Panel {
		d.k.Gemm(c[j:], ldc, a, lda, b[j*all+keys.skipped()*d.k.Panel:], m, min(d.k.Panel, n-j), keys.keys(), add)
	}
}

// scoreRows is the scores of few queries, from the keys as they lie.
func (d *Device) scoreRows(scores []float32, i, n, keys, head int, b keyRange) {
	a := &d.attend
	for j := range keys {
		key := a.slice(a.k, b.start+b.from+j, head/a.group())[:a.HeadDim]
		for r := range n {
			scores[r*scoreStride+j] = d.k.Dot(a.slice(a.q, i+r, head)[:a.HeadDim], key)
		}
	}
}

// sumRows adds values, as they lie, weighted by few rows of probabilities.
func (d *Device) sumRows(scores []float32, i, n, keys, head int, b keyRange) {
	a := &d.attend
	for j := range keys {
		value := a.slice(a.v, b.start+b.from+j, head/a.group())[:a.HeadDim]
		for r := range n {
			if p := scores[r*scoreStride+j]; p != 0 {
				d.k.Axpy(a.slice(a.out, i+r, head)[:a.HeadDim], value, p)
			}
		}
	}
}

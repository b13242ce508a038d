package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// operands are the arguments of an elementwise operation: y and z are written,
// a, b and c are read, all of one shape. A zero Mat is left out.
type operands struct {
	y, z, a, b, c compute.Mat
	// v is a row vector, or nil.
	v []float32

	s         float32
	f         compute.Activation
	add, addZ bool
	drop      compute.Dropout
	apply     func(k *kernel.Set, w *worker, o *operands)

	compact bool
	step    int // elements a chunk if compact, else rows
}

// piece is a run of elements that lie together in every operand.
type piece struct {
	y, z, a, b, c, v []float32
	// first is the number of the first element, counted row by row.
	first int
}

const (
	// pieceLen is the most elements of a piece: a few of them fit the first cache.
	pieceLen = 2048
	// chunkLen is about how many elements a thread takes at once.
	chunkLen = 8 * pieceLen
)

// each calls o.apply for pieces, in w.piece, that together are all of the operands.
func (d *Device) each(o operands) {
	rows, cols := o.a.Rows, o.a.Cols
	if rows == 0 || cols == 0 {
		return
	}
	o.compact = o.v == nil
	for _, m := range [...]compute.Mat{o.y, o.z, o.a, o.b, o.c} {
		o.compact = o.compact && (!m.Exists() || m.Compact())
	}
	n := rows * cols
	o.step = chunkLen
	if !o.compact {
		o.step = max(1, chunkLen/cols)
		n = rows
	}
	d.ops = o
	d.run((n+o.step-1)/o.step, (*Device).eachChunk)
	d.ops = operands{}
}

func (d *Device) eachChunk(w *worker, i int) {
	o := &d.ops
	if o.compact {
		n := o.a.Rows * o.a.Cols
		d.pieces(w, 0, i*o.step, min((i+1)*o.step, n), 0)
		return
	}
	for r := i * o.step; r < min((i+1)*o.step, o.a.Rows); r++ {
		d.pieces(w, r, 0, o.a.Cols, r*o.a.Cols)
	}
}

// pieces applies the operation to elements [from, to) of row r, whose first has
// the number base; rows that follow without a gap are one long row.
func (d *Device) pieces(w *worker, r, from, to, base int) {
	o, p := &d.ops, &w.piece
	for i := from; i < to; i += pieceLen {
		j := min(i+pieceLen, to)
		p.y, p.z = part(o.y, r, i, j), part(o.z, r, i, j)
		p.a, p.b, p.c = part(o.a, r, i, j), part(o.b, r, i, j), part(o.c, r, i, j)
		p.v = nil
		if o.v != nil {
			p.v = o.v[i:j]
		}
		p.first = base + i
		o.apply(d.k, w, o)
	}
	*p = piece{}
}

func part(m compute.Mat, r, i, j int) []float32 {
	if m.Data == nil {
		return nil
	}
	return m.Data[r*m.Stride+i : r*m.Stride+j : r*m.Stride+j]
}

// The uses of a thread's scratch.
const (
	workerTemp    = iota // a piece or a row
	workerTemp2          // another
	workerRounded        // rows in bfloat16
	workerKeys           // packed keys, transposed
	workerValues         // packed values
	workerKeyRows        // packed keys, as they are
	workerScores
	workerGrads
	workerLeft
	workerRight
	workerDots
	workerBias // of each distance
	workerSlots
)

// rowStep is how many rows a thread takes at once, where cols elements a row are touched.
func rowStep(cols int) int { return max(1, chunkLen/max(1, cols)) }

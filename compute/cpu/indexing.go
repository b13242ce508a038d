package cpu

import (
	"math"

	"trimtab/compute"
)

// moving are the arguments of an operation that moves rows, for its chunks.
type moving struct {
	y, x, z compute.Mat
	w       *weight
	ids     []int32
	scale   float32
	sources []compute.Mat
	refs    []compute.RowRef
	source  int32
	spans   []compute.Span
	groups  [][]int32
	add     bool
	step    int // rows or columns a chunk
}

// overRows runs f, which gets its rows from m.rows, for the rows of m.y.
func (d *Device) overRows(m moving, rows, cols int, f chunk) {
	m.step = rowStep(cols)
	d.move = m
	d.run((rows+m.step-1)/m.step, f)
	d.move = moving{}
}

func (m *moving) part(i, n int) (from, to int) { return i * m.step, min((i+1)*m.step, n) }

// strip is how many columns a thread takes where rows must be visited in order.
const strip = 64

// overColumns runs f for strips of columns: each thread visits all rows, in
// order, so that rows which meet in one place add up the same way every time.
func (d *Device) overColumns(m moving, f chunk) {
	m.step = strip
	if m.x.Rows*m.x.Cols < chunkLen {
		m.step = max(1, m.y.Cols)
	}
	d.move = m
	d.run((m.y.Cols+m.step-1)/m.step, f)
	d.move = moving{}
}

// Lookup is y[i] = scale·table[ids[i]].
func (d *Device) Lookup(y compute.Mat, table compute.Weight, ids []int32, scale float32) {
	w := d.own(table)
	shaped("Lookup", y, len(ids), w.in)
	d.overRows(moving{y: y, w: w, ids: ids, scale: scale}, len(ids), y.Cols, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, len(m.ids))
		for r := from; r < to; r++ {
			y, id := m.y.Row(r), m.ids[r]
			switch {
			case id < 0:
				clear(y)
			case m.w.panel == 0:
				d.k.Scale(y, m.w.m.Row(int(id)), m.scale)
			default:
				d.row(y, m.w, int(id))
				d.k.Scale(y, y, m.scale)
			}
		}
	})
}

// LookupMat is y[i] = scale·table[ids[i]].
func (d *Device) LookupMat(y, table compute.Mat, ids []int32, scale float32) {
	shaped("LookupMat", y, len(ids), table.Cols)
	d.overRows(moving{y: y, x: table, ids: ids, scale: scale}, len(ids), y.Cols, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, len(m.ids))
		for r := from; r < to; r++ {
			if id := m.ids[r]; id >= 0 {
				d.k.Scale(m.y.Row(r), m.x.Row(int(id)), m.scale)
			} else {
				clear(m.y.Row(r))
			}
		}
	})
}

// LookupBackward is dtable[ids[i]] += scale·dy[i], in the order of i.
func (d *Device) LookupBackward(dtable, dy compute.Mat, ids []int32, scale float32) {
	shaped("LookupBackward", dy, len(ids), dtable.Cols)
	d.overColumns(moving{y: dtable, x: dy, ids: ids, scale: scale}, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.y.Cols)
		for r, id := range m.ids {
			if id >= 0 {
				d.k.Axpy(part(m.y, int(id), from, to), part(m.x, r, from, to), m.scale)
			}
		}
	})
}

// Assemble is y[i] = sources[refs[i].Source][refs[i].Row].
func (d *Device) Assemble(y compute.Mat, sources []compute.Mat, refs []compute.RowRef) {
	shaped("Assemble", y, len(refs), y.Cols)
	for _, s := range sources {
		shaped("Assemble", s, s.Rows, y.Cols)
	}
	d.overRows(moving{y: y, sources: sources, refs: refs}, len(refs), y.Cols, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, len(m.refs))
		for r := from; r < to; r++ {
			ref := m.refs[r]
			copy(m.y.Row(r), m.sources[ref.Source].Row(int(ref.Row)))
		}
	})
}

// AssembleBackward is dsource[refs[i].Row] += dy[i] for the refs to source, in the order of i.
func (d *Device) AssembleBackward(dsource compute.Mat, source int32, dy compute.Mat, refs []compute.RowRef) {
	shaped("AssembleBackward", dy, len(refs), dsource.Cols)
	d.overColumns(moving{y: dsource, x: dy, refs: refs, source: source}, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.y.Cols)
		for r, ref := range m.refs {
			if ref.Source == m.source {
				y := part(m.y, int(ref.Row), from, to)
				d.k.Add(y, y, part(m.x, r, from, to))
			}
		}
	})
}

// Store is dst[rows[i]] = x[i], in the order of i.
func (d *Device) Store(dst, x compute.Mat, rows []int32) {
	shaped("Store", x, len(rows), dst.Cols)
	d.overColumns(moving{y: dst, x: x, ids: rows}, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.y.Cols)
		for r, id := range m.ids {
			copy(part(m.y, int(id), from, to), part(m.x, r, from, to))
		}
	})
}

// SegmentMean is y[s] = mean of x over the rows of spans[s]; that of no rows is zero.
func (d *Device) SegmentMean(y, x compute.Mat, spans []compute.Span) {
	shaped("SegmentMean", y, len(spans), x.Cols)
	d.overColumns(moving{y: y, x: x, spans: spans}, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.y.Cols)
		for s, span := range m.spans {
			y := part(m.y, s, from, to)
			clear(y)
			for r := span.Start; r < span.End(); r++ {
				d.k.Add(y, y, part(m.x, int(r), from, to))
			}
			if span.Len > 0 {
				d.k.Scale(y, y, 1/float32(span.Len))
			}
		}
	})
}

// SegmentMeanBackward is dx[i] (+)= dy[s]/len for the rows of spans[s]; rows in no span are zeroed or left.
func (d *Device) SegmentMeanBackward(dx, dy compute.Mat, spans []compute.Span, add bool) {
	shaped("SegmentMeanBackward", dy, len(spans), dx.Cols)
	d.overColumns(moving{y: dx, x: dy, spans: spans, add: add}, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.y.Cols)
		for r := 0; r < m.y.Rows && !m.add; r++ {
			clear(part(m.y, r, from, to))
		}
		for s, span := range m.spans {
			for r := span.Start; r < span.End(); r++ {
				d.k.Axpy(part(m.y, int(r), from, to), part(m.x, s, from, to), 1/float32(span.Len))
			}
		}
	})
}

// winner is the group's column with the largest element: NaN before all, then the first of equals.
func winner(x []float32, group []int32) int32 {
	best := group[0]
	for _, j := range group[1:] {
		if x[j] > x[best] || x[j] != x[j] && x[best] == x[best] {
			best = j
		}
	}
	return best
}

// GroupMax is y[i,g] = max of x[i,j] over j in groups[g]; that of no columns is -Inf.
func (d *Device) GroupMax(y, x compute.Mat, groups [][]int32) {
	shaped("GroupMax", y, x.Rows, len(groups))
	d.overRows(moving{y: y, x: x, groups: groups}, x.Rows, x.Cols, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.x.Rows)
		for r := from; r < to; r++ {
			x, y := m.x.Row(r), m.y.Row(r)
			for g, group := range m.groups {
				y[g] = float32(math.Inf(-1))
				if len(group) > 0 {
					y[g] = x[winner(x, group)]
				}
			}
		}
	})
}

// GroupMaxBackward adds dy[i,g] to the element of dx that won.
func (d *Device) GroupMaxBackward(dx, dy, x compute.Mat, groups [][]int32) {
	shaped("GroupMaxBackward", dy, x.Rows, len(groups))
	like("GroupMaxBackward", x, dx)
	d.overRows(moving{y: dx, x: x, z: dy, groups: groups}, x.Rows, x.Cols, func(d *Device, _ *worker, i int) {
		m := &d.move
		from, to := m.part(i, m.x.Rows)
		for r := from; r < to; r++ {
			x, dx, dy := m.x.Row(r), m.y.Row(r), m.z.Row(r)
			for g, group := range m.groups {
				if len(group) > 0 {
					dx[winner(x, group)] += dy[g]
				}
			}
		}
	})
}

package cpu

import (
	"math"

	"trimtab/compute"
)

// Lookup is y[i] = scale·table[ids[i]].
func (d *Device) Lookup(y compute.Mat, table compute.Weight, ids []int32, scale float32) {
	d.LookupMat(y, table.(*weight).m, ids, scale)
}

// LookupMat is y[i] = scale·table[ids[i]].
func (d *Device) LookupMat(y, table compute.Mat, ids []int32, scale float32) {
	shaped("Lookup", y, len(ids), table.Cols)
	for i, id := range ids {
		yi := y.Row(i)
		if id < 0 {
			clear(yi)
			continue
		}
		for j, v := range table.Row(int(id)) {
			yi[j] = scale * v
		}
	}
}

// LookupBackward is dtable[ids[i]] += scale·dy[i].
func (d *Device) LookupBackward(dtable, dy compute.Mat, ids []int32, scale float32) {
	shaped("LookupBackward", dy, len(ids), dtable.Cols)
	for i, id := range ids {
		if id >= 0 {
			axpy(dtable.Row(int(id)), scale, dy.Row(i))
		}
	}
}

// Assemble is y[i] = sources[refs[i].Source][refs[i].Row].
func (d *Device) Assemble(y compute.Mat, sources []compute.Mat, refs []compute.RowRef) {
	shaped("Assemble", y, len(refs), y.Cols)
	for i, r := range refs {
		s := sources[r.Source]
		shaped("Assemble", s, s.Rows, y.Cols)
		copy(y.Row(i), s.Row(int(r.Row)))
	}
}

// AssembleBackward is dsource[refs[i].Row] += dy[i] for the refs to source.
func (d *Device) AssembleBackward(dsource compute.Mat, source int32, dy compute.Mat, refs []compute.RowRef) {
	shaped("AssembleBackward", dy, len(refs), dsource.Cols)
	for i, r := range refs {
		if r.Source == source {
			axpy(dsource.Row(int(r.Row)), 1, dy.Row(i))
		}
	}
}

// Store is dst[rows[i]] = x[i].
func (d *Device) Store(dst, x compute.Mat, rows []int32) {
	shaped("Store", x, len(rows), dst.Cols)
	for i, r := range rows {
		copy(dst.Row(int(r)), x.Row(i))
	}
}

// SegmentMean is y[s] = mean of x over spans[s].
func (d *Device) SegmentMean(y, x compute.Mat, spans []compute.Span) {
	shaped("SegmentMean", y, len(spans), x.Cols)
	for s, span := range spans {
		ys := y.Row(s)
		clear(ys)
		for i := span.Start; i < span.End(); i++ {
			axpy(ys, 1, x.Row(int(i)))
		}
		for j := range ys {
			if span.Len > 0 {
				ys[j] /= float32(span.Len)
			}
		}
	}
}

// SegmentMeanBackward is dx[i] (+)= dy[s]/len.
func (d *Device) SegmentMeanBackward(dx, dy compute.Mat, spans []compute.Span, add bool) {
	shaped("SegmentMeanBackward", dy, len(spans), dx.Cols)
	if !add {
		for i := range dx.Rows {
			clear(dx.Row(i))
		}
	}
	for s, span := range spans {
		for i := span.Start; i < span.End(); i++ {
			axpy(dx.Row(int(i)), 1/float32(span.Len), dy.Row(s))
		}
	}
}

// winner is the index of the group's largest element, the first of equals; NaN wins.
func winner(x []float32, group []int32) int32 {
	best := group[0]
	for _, j := range group[1:] {
		if x[j] > x[best] || x[j] != x[j] && x[best] == x[best] {
			best = j
		}
	}
	return best
}

// GroupMax is y[i,g] = max of x[i,j] over groups[g].
func (d *Device) GroupMax(y, x compute.Mat, groups [][]int32) {
	shaped("GroupMax", y, x.Rows, len(groups))
	for i := range x.Rows {
		for g, group := range groups {
			y.Row(i)[g] = float32(math.Inf(-1))
			if len(group) > 0 {
				y.Row(i)[g] = x.Row(i)[winner(x.Row(i), group)]
			}
		}
	}
}

// GroupMaxBackward sends dy[i,g] to the element that won.
func (d *Device) GroupMaxBackward(dx, dy, x compute.Mat, groups [][]int32) {
	shaped("GroupMaxBackward", dy, x.Rows, len(groups))
	like("GroupMaxBackward", x, dx)
	for i := range x.Rows {
		for g, group := range groups {
			if len(group) > 0 {
				dx.Row(i)[winner(x.Row(i), group)] += dy.Row(i)[g]
			}
		}
	}
}

package autograd

import "trimtab/compute"

type lookup struct {
	y     *Value
	table compute.Weight
	ids   []int32
	scale float32
}

// Lookup is scale·table[ids] for a frozen table [n, dim]; a negative id gives zeros.
func (t *Tape) Lookup(table compute.Weight, ids []int32, scale float32) *Value {
	t.ids(compute.OpLookup, ids, table.Out())
	o := fresh[lookup](t)
	*o = lookup{t.value(len(ids), table.In()), table, ids, scale}
	t.record(o, compute.OpLookup, t.list(o.y), nil)
	return o.y
}

func (o *lookup) forward(t *Tape) { t.dev.Lookup(o.y.data, o.table, o.ids, o.scale) }
func (o *lookup) backward(*Tape)  {}

type lookupMat struct {
	y, table *Value
	ids      []int32
	scale    float32
}

// LookupMat is scale·table[ids] for a table that is itself a value; a negative id gives zeros.
func (t *Tape) LookupMat(table *Value, ids []int32, scale float32) *Value {
	t.ids(compute.OpLookupMat, ids, table.Rows)
	o := fresh[lookupMat](t)
	*o = lookupMat{t.value(len(ids), table.Cols), table, ids, scale}
	t.record(o, compute.OpLookupMat, t.list(o.y), t.list(table))
	return o.y
}

func (o *lookupMat) forward(t *Tape) { t.dev.LookupMat(o.y.data, o.table.data, o.ids, o.scale) }

func (o *lookupMat) backward(t *Tape) {
	if d, add, ok := t.gradient(o.table); ok {
		if !add {
			clear(d.Data)
		}
		t.dev.LookupBackward(d, o.y.grad, o.ids, o.scale)
	}
}

type assemble struct {
	y       *Value
	sources []*Value
	mats    []compute.Mat
	refs    []compute.RowRef
}

// Assemble is row i = row refs[i].Row of sources[refs[i].Source].
func (t *Tape) Assemble(sources []*Value, refs []compute.RowRef) *Value {
	for _, r := range refs {
		ok := r.Source >= 0 && int(r.Source) < len(sources) && r.Row >= 0 && int(r.Row) < sources[r.Source].Rows
		t.need(ok, compute.OpAssemble, "row %d of source %d of %d", int(r.Row), int(r.Source), len(sources))
	}
	for _, s := range sources {
		t.need(s.Cols == sources[0].Cols, compute.OpAssemble, "sources of %d and %d columns", sources[0].Cols, s.Cols)
	}
	o := fresh[assemble](t)
	mats := o.mats
	*o = assemble{y: t.value(len(refs), sources[0].Cols), sources: t.list(sources...), refs: refs, mats: mats[:0]}
	t.record(o, compute.OpAssemble, t.list(o.y), o.sources)
	return o.y
}

// Gather is row i = x[rows[i]].
func (t *Tape) Gather(x *Value, rows []int32) *Value {
	refs := Slice[compute.RowRef](t, len(rows))
	for i, r := range rows {
		refs[i].Row = r
	}
	return t.Assemble(t.list(x), refs)
}

func (o *assemble) forward(t *Tape) {
	o.mats = o.mats[:0]
	for _, s := range o.sources {
		o.mats = append(o.mats, s.data)
	}
	t.dev.Assemble(o.y.data, o.mats, o.refs)
	clear(o.mats) // or an arena that was let go would stay
}

func (o *assemble) backward(t *Tape) {
	for i, s := range o.sources {
		if d, add, ok := t.gradient(s); ok {
			if !add {
				clear(d.Data)
			}
			t.dev.AssembleBackward(d, int32(i), o.y.grad, o.refs)
		}
	}
}

type store struct {
	x    *Value
	dst  compute.Mat
	rows []int32
}

// Store writes x[i] to dst[rows[i]], the caller's memory, when the run comes here.
func (t *Tape) Store(dst compute.Mat, x *Value, rows []int32) {
	t.need(x.Cols == dst.Cols && x.Rows == len(rows), compute.OpStore, "[%d, %d] to %d rows of %d", x.Rows, x.Cols, len(rows), dst.Cols)
	t.ids(compute.OpStore, rows, dst.Rows)
	o := fresh[store](t)
	*o = store{x, dst, rows}
	t.record(o, compute.OpStore, nil, t.list(x))
}

func (o *store) forward(t *Tape) { t.dev.Store(o.dst, o.x.data, o.rows) }
func (o *store) backward(*Tape)  {}

type segmentMean struct {
	x, y  *Value
	spans []compute.Span
}

// SegmentMean is row s = the mean of x over spans[s].
func (t *Tape) SegmentMean(x *Value, spans []compute.Span) *Value {
	for _, s := range spans {
		t.need(s.Len > 0 && s.Start >= 0 && int(s.End()) <= x.Rows, compute.OpSegmentMean, "rows [%d, %d) of %d", int(s.Start), int(s.End()), x.Rows)
	}
	o := fresh[segmentMean](t)
	*o = segmentMean{x, t.value(len(spans), x.Cols), spans}
	t.record(o, compute.OpSegmentMean, t.list(o.y), t.list(x))
	return o.y
}

func (o *segmentMean) forward(t *Tape) { t.dev.SegmentMean(o.y.data, o.x.data, o.spans) }

func (o *segmentMean) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		t.dev.SegmentMeanBackward(dx, o.y.grad, o.spans, add)
	}
}

type groupMax struct {
	x, y   *Value
	groups [][]int32
}

// GroupMax is column g = the largest of the columns groups[g] of x.
func (t *Tape) GroupMax(x *Value, groups [][]int32) *Value {
	for _, g := range groups {
		t.need(len(g) > 0, compute.OpGroupMax, "an empty group")
		t.ids(compute.OpGroupMax, g, x.Cols)
	}
	o := fresh[groupMax](t)
	*o = groupMax{x, t.value(x.Rows, len(groups)), groups}
	t.record(o, compute.OpGroupMax, t.list(o.y), t.list(x)).keep = t.list(x)
	precisely(x) // rounded, another element may be the largest
	return o.y
}

func (o *groupMax) forward(t *Tape) { t.dev.GroupMax(o.y.data, o.x.data, o.groups) }

func (o *groupMax) backward(t *Tape) {
	if dx, add, ok := t.gradient(o.x); ok {
		if !add {
			clear(dx.Data)
		}
		t.dev.GroupMaxBackward(dx, o.y.grad, o.x.data, o.groups)
	}
}

// ids fails the tape if an index is not below n.
func (t *Tape) ids(row compute.Op, ids []int32, n int) {
	for _, id := range ids {
		t.need(int(id) < n, row, "row %d of %d", int(id), n)
	}
}

package nn

import (
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
)

// looked are the rows of a table in a file that were asked for, copied out of it. Those of the mapping itself would bring their neighbours into
// memory: 64 KB of them, or 2 MB where the system keeps the file in huge pages.
type looked struct {
	slots  []int32   // of each row of the table one more than its number in rows; 0 where it is not there
	rows   []float32 // one behind the other
	weight compute.Weight
}

// releaseRows is after how many rows the pages that they came in are let go.
const releaseRows = 4

// lookedUp is the frozen table in the device's form, or a part of it that has the rows ids, and their numbers in it. A negative id stays
// negative.
func (q *Param) lookedUp(p *Pass, ids []int32) (w compute.Weight, rows []int32, ok bool) {
	if !q.copies() {
		w, ok = q.weight(p)
		return w, ids, ok
	}
	if err := q.copyRows(ids); err != nil {
		p.Fail(err)
		return nil, nil, false
	}
	rows = autograd.Slice[int32](p.Tape, len(ids))
	for i, id := range ids {
		if rows[i] = -1; q.has(id) {
			rows[i] = q.looked.slots[id] - 1
		}
	}
	return q.looked.weight, rows, true
}

// copies reports whether rows that are asked for are copied.
func (q *Param) copies() bool { return q.Mapped() && !q.load.o.Unread }

// has reports whether the table has such a row.
func (q *Param) has(id int32) bool { return id >= 0 && int(id) < q.Shape[0] }

// copyRows copies those of the table's rows ids that were not asked for before.
func (q *Param) copyRows(ids []int32) error {
	l, dim := &q.looked, q.Shape[1]
	if l.slots == nil {
		l.slots = make([]int32, q.Shape[0])
	}
	before := len(l.rows)
	for _, id := range ids {
		if !q.has(id) || l.slots[id] > 0 {
			continue
		}
		n := len(l.rows)
		l.rows = slices.Grow(l.rows, dim)[:n+dim]
		if err := q.base.CopyPart(l.rows[n:], int(id)*dim); err != nil {
			return err
		}
		if l.slots[id] = int32(n/dim + 1); l.slots[id]%releaseRows == 0 {
			q.Release()
		}
	}
	if l.weight == nil || len(l.rows) > before {
		q.Release()
		l.weight = q.dev.Rows(compute.NewMat(len(l.rows)/dim, dim, l.rows))
	}
	return nil
}

package cpu

import (
	"fmt"
	"math"
	"testing"

	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// normal is a matrix of normally distributed values.
func normal(d *Device, name string, rows, cols int) compute.Mat {
	m := compute.NewMat(rows, cols, d.Alloc(rows*cols))
	chance.Normals(chance.Key{Seed: 1, Site: chance.SiteOf(name)}, m.Data)
	return m
}

// TestSegmentsAlone finds the same bits for a segment whatever stands beside it in the
// batch, be it NaN.
func TestSegmentsAlone(t *testing.T) {
	const heads, kvHeads, dim = 4, 2, 24
	lengths := []int{70, 1, 300, 4, 17}
	for _, tier := range kernel.Tiers() {
		for _, window := range []int{-1, 0, 40} { // -1: not causal
			d := device(t, 2, tier.Name)
			batch := newBatch(d, lengths, heads, kvHeads, dim, window >= 0)
			batch.a.Window = max(window, 0)
			all := batch.both(d)
			for s, span := range batch.a.Query {
				alone := batch.only(s)
				for i, m := range alone.both(d) {
					name := fmt.Sprintf("%s, window %d, segment %d, result %d", tier.Name, window, s, i)
					near.Bits(t, name, m.Data, all[i].RowRange(int(span.Start), int(span.End())).Data)
				}
			}
			batch.q.Row(80)[3] = float32(math.NaN()) // in segment 2
			batch.k.Row(90)[5] = float32(math.NaN())
			for i, m := range batch.both(d) {
				for _, s := range []int{0, 1, 3, 4} {
					from, to := int(batch.a.Query[s].Start), int(batch.a.Query[s].End())
					near.Bits(t, "beside NaN", m.RowRange(from, to).Data, all[i].RowRange(from, to).Data)
				}
			}
		}
	}
}

// batch is a batch for attention, its queries and keys of one length.
type batch struct {
	q, k, v, dout compute.Mat
	a             compute.Attention
}

func newBatch(d *Device, lengths []int, heads, kvHeads, dim int, causal bool) batch {
	b := batch{a: compute.Attention{Heads: heads, KVHeads: kvHeads, HeadDim: dim, Scale: 0.2, Causal: causal}}
	rows := 0
	for _, n := range lengths {
		b.a.Query = append(b.a.Query, compute.Span{Start: int32(rows), Len: int32(n)})
		for i := range n {
			b.a.Position = append(b.a.Position, int32(i))
		}
		rows += n
	}
	b.a.Key = b.a.Query
	b.q, b.dout = normal(d, "q", rows, heads*dim), normal(d, "dout", rows, heads*dim)
	b.k, b.v = normal(d, "k", rows, kvHeads*dim), normal(d, "v", rows, kvHeads*dim)
	return b
}

// only is the batch of segment s alone.
func (b batch) only(s int) batch {
	span := b.a.Query[s]
	from, to := int(span.Start), int(span.End())
	o := batch{q: b.q.RowRange(from, to), k: b.k.RowRange(from, to), v: b.v.RowRange(from, to), dout: b.dout.RowRange(from, to), a: b.a}
	o.a.Position = b.a.Position[from:to]
	o.a.Query = []compute.Span{{Len: span.Len}}
	o.a.Key = o.a.Query
	return o
}

// both gives out, dq, dk and dv.
func (b batch) both(d *Device) []compute.Mat {
	like := func(m compute.Mat) compute.Mat { return compute.NewMat(m.Rows, m.Cols, d.Alloc(m.Rows*m.Cols)) }
	out, dq, dk, dv := like(b.q), like(b.q), like(b.k), like(b.v)
	lse := d.Alloc(b.q.Rows * b.a.Heads)
	d.Attend(out, lse, b.q, b.k, b.v, &b.a)
	d.AttendBackward(dq, dk, dv, compute.Mat{}, b.dout, b.q, b.k, b.v, lse, &b.a, false, false, false)
	return []compute.Mat{out, dq, dk, dv}
}

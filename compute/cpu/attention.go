package cpu

import (
	"math"

	"trimtab/compute"
)

// seen is how many keys of its segment query row i sees.
func seen(a *compute.Attention, i int32, keys int32) int {
	if a.Causal {
		return int(max(0, min(keys, a.Position[i]+1)))
	}
	return int(keys)
}

// slice is head h's part of row i.
func slice(m compute.Mat, i int32, h, dim int) []float32 { return m.Row(int(i))[h*dim : (h+1)*dim] }

// placed is the number of a probability for its dropout.
func placed(a *compute.Attention, i int32, h, place int) uint64 {
	return (uint64(i)*uint64(a.Heads)+uint64(h))<<20 + uint64(place)
}

// Attend is out = softmax(scale·q·kᵀ)·v.
func (d *Device) Attend(out compute.Mat, lse []float32, q, k, v compute.Mat, a *compute.Attention) {
	shaped("Attend", q, q.Rows, a.Heads*a.HeadDim)
	shaped("Attend", k, k.Rows, a.KVHeads*a.HeadDim)
	like("Attend", q, out)
	like("Attend", k, v)
	long("Attend", lse, q.Rows*a.Heads)
	group := a.Heads / a.KVHeads
	var scores []float32
	for s, qs := range a.Query {
		ks := a.Key[s]
		for i := qs.Start; i < qs.End(); i++ {
			n := seen(a, i, ks.Len)
			for h := range a.Heads {
				scores = scores[:0]
				for j := range n {
					scores = append(scores, a.Scale*dot(slice(q, i, h, a.HeadDim), slice(k, ks.Start+int32(j), h/group, a.HeadDim)))
				}
				l := logSumExp(scores)
				o := slice(out, i, h, a.HeadDim)
				clear(o)
				for j, x := range scores {
					if f := dropped(&a.Dropout, placed(a, i, h, j)); f != 0 {
						axpy(o, f*float32(math.Exp(float64(x)-l)), slice(v, ks.Start+int32(j), h/group, a.HeadDim))
					}
				}
				if lse != nil {
					lse[int(i)*a.Heads+h] = float32(l)
				}
			}
		}
	}
}

// AttendBackward writes or adds dq, dk, dv.
func (d *Device) AttendBackward(dq, dk, dv, dout, out, q, k, v compute.Mat, lse []float32, a *compute.Attention, addQ, addK, addV bool) {
	like("AttendBackward", q, dout, out)
	group := a.Heads / a.KVHeads
	for _, g := range []struct {
		m   compute.Mat
		add bool
	}{{dq, addQ}, {dk, addK}, {dv, addV}} {
		for i := 0; g.m.Exists() && !g.add && i < g.m.Rows; i++ {
			clear(g.m.Row(i))
		}
	}
	for s, qs := range a.Query {
		ks := a.Key[s]
		for i := qs.Start; i < qs.End(); i++ {
			n := seen(a, i, ks.Len)
			for h := range a.Heads {
				do, qi := slice(dout, i, h, a.HeadDim), slice(q, i, h, a.HeadDim)
				sum := dot(do, slice(out, i, h, a.HeadDim))
				for j := range n {
					row := ks.Start + int32(j)
					kj, vj := slice(k, row, h/group, a.HeadDim), slice(v, row, h/group, a.HeadDim)
					p := float32(math.Exp(float64(a.Scale*dot(qi, kj) - lse[int(i)*a.Heads+h])))
					f := dropped(&a.Dropout, placed(a, i, h, j))
					ds := a.Scale * p * (f*dot(do, vj) - sum)
					if dq.Exists() {
						axpy(slice(dq, i, h, a.HeadDim), ds, kj)
					}
					if dk.Exists() {
						axpy(slice(dk, row, h/group, a.HeadDim), ds, qi)
					}
					if dv.Exists() {
						axpy(slice(dv, row, h/group, a.HeadDim), f*p, do)
					}
				}
			}
		}
	}
}

// Rotate turns each head's pairs by the angle of its row's position.
func (d *Device) Rotate(y, x compute.Mat, positions []int32, cos, sin compute.Mat, dim int, inverse, add bool) {
	like("Rotate", x, y)
	half := dim / 2
	for i := range x.Rows {
		c, s := cos.Row(int(positions[i])), sin.Row(int(positions[i]))
		xi, yi := x.Row(i), y.Row(i)
		for h := 0; h < x.Cols; h += dim {
			for j := range half {
				a, b, sj := xi[h+j], xi[h+half+j], s[j]
				if inverse {
					sj = -sj
				}
				put(&yi[h+j], a*c[j]-b*sj, add)
				put(&yi[h+half+j], b*c[j]+a*sj, add)
			}
		}
	}
}

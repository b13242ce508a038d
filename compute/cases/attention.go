package cases

import (
	"math"

	"trimtab/compute"
)

// segments describes a batch for attention: the lengths of each segment's queries and keys.
type segments struct {
	queries, keys []int
	// shared lets all segments read the same keys.
	shared bool
	// spare is how many rows of keys belong to no segment.
	spare int
}

// spans lays the segments out, spare rows of keys between them.
func (s segments) spans() (query, key []compute.Span, rows, keys int) {
	for i, n := range s.queries {
		query = append(query, compute.Span{Start: int32(rows), Len: int32(n)})
		if s.shared {
			keys = 0
		}
		key = append(key, compute.Span{Start: int32(keys), Len: int32(s.keys[i])})
		rows, keys = rows+n, keys+s.keys[i]+s.spare
	}
	return query, key, rows, keys
}

// attending is one setting of attention.
type attending struct {
	name                string
	s                   segments
	heads, kvHeads, dim int
	causal              bool
	window              int
	dropout             float32
	// early makes the first query of each segment see nothing.
	early bool
	// apart is how many places lie between queries of a segment; 0 is 1.
	apart int
	// bias is how many buckets of relative bias there are; 0 is none.
	bias int
	gap  int
}

func attentions() []*Case {
	one := func(n ...int) segments { return segments{queries: n, keys: n} }
	var all []*Case
	for _, a := range []attending{
		{name: "one token", s: one(1), heads: 1, kvHeads: 1, dim: 1},
		{name: "three segments", s: one(11, 1, 7), heads: 2, kvHeads: 2, dim: 16},
		{name: "three segments, gaps", s: one(11, 1, 7), heads: 3, kvHeads: 3, dim: 5, gap: 3},
		{name: "causal", s: one(9, 1, 30), heads: 2, kvHeads: 2, dim: 8, causal: true},
		{name: "grouped heads", s: one(10, 21), heads: 6, kvHeads: 2, dim: 8},
		{name: "grouped heads, causal", s: one(70, 3), heads: 4, kvHeads: 1, dim: 16, causal: true},
		{name: "prefix", s: segments{queries: []int{5, 9}, keys: []int{9, 13}}, heads: 2, kvHeads: 2, dim: 8},
		{name: "prefix, causal, spare rows", s: segments{queries: []int{5, 90, 6}, keys: []int{9, 94, 10}, spare: 2}, heads: 2, kvHeads: 1, dim: 8, causal: true},
		{name: "one query, many keys", s: segments{queries: []int{1, 2}, keys: []int{700, 30}}, heads: 2, kvHeads: 1, dim: 32, causal: true},
		{name: "long", s: one(530), heads: 1, kvHeads: 1, dim: 16},
		{name: "long, causal", s: one(17, 530), heads: 2, kvHeads: 1, dim: 8, causal: true},
		{name: "one key", s: segments{queries: []int{40}, keys: []int{1}}, heads: 1, kvHeads: 1, dim: 8},
		{name: "no keys", s: segments{queries: []int{3, 6}, keys: []int{0, 6}}, heads: 1, kvHeads: 1, dim: 8},
		{name: "no queries", s: segments{queries: []int{0, 6}, keys: []int{3, 6}}, heads: 1, kvHeads: 1, dim: 8},
		{name: "nothing seen", s: one(8, 5), heads: 1, kvHeads: 1, dim: 8, causal: true, early: true},
		{name: "shared keys", s: segments{queries: []int{6, 1, 9}, keys: []int{12, 12, 12}, shared: true}, heads: 2, kvHeads: 2, dim: 8},
		{name: "dropout", s: one(33, 4), heads: 2, kvHeads: 2, dim: 16, dropout: 0.2},
		{name: "dropout, causal, grouped, long", s: one(20, 280), heads: 2, kvHeads: 1, dim: 16, causal: true, dropout: 0.1},
		{name: "heads of 64", s: one(40, 33, 128, 64), heads: 2, kvHeads: 2, dim: 64},
		{name: "window", s: one(9, 1, 90), heads: 2, kvHeads: 2, dim: 8, causal: true, window: 7},
		{name: "window of one", s: one(5, 40), heads: 1, kvHeads: 1, dim: 8, causal: true, window: 1},
		{name: "window beyond all, gaps", s: one(9, 30), heads: 2, kvHeads: 1, dim: 8, causal: true, window: 64, gap: 3},
		{name: "window, grouped heads, long", s: one(300, 3), heads: 4, kvHeads: 2, dim: 16, causal: true, window: 100},
		{name: "window of several blocks, long", s: one(700), heads: 1, kvHeads: 1, dim: 8, causal: true, window: 550},
		{name: "window, prefix, spare rows", s: segments{queries: []int{5, 90, 6}, keys: []int{9, 94, 10}, spare: 2}, heads: 2, kvHeads: 1, dim: 8, causal: true, window: 6},
		{name: "window, few queries, many keys", s: segments{queries: []int{1, 4}, keys: []int{700, 90}}, heads: 2, kvHeads: 1, dim: 32, causal: true, window: 20},
		{name: "window of several blocks, one query", s: segments{queries: []int{1}, keys: []int{1300}}, heads: 1, kvHeads: 1, dim: 8, causal: true, window: 1200},
		{name: "window, rows apart", s: segments{queries: []int{12, 3}, keys: []int{1500, 700}}, heads: 1, kvHeads: 1, dim: 8, causal: true, window: 30, apart: 120},
		{name: "window, nothing seen", s: one(8, 5), heads: 1, kvHeads: 1, dim: 8, causal: true, window: 3, early: true},
		{name: "window, shared keys", s: segments{queries: []int{6, 1, 9}, keys: []int{12, 12, 12}, shared: true}, heads: 2, kvHeads: 2, dim: 8, causal: true, window: 4},
		{name: "window, dropout", s: one(150, 4), heads: 2, kvHeads: 1, dim: 16, causal: true, window: 33, dropout: 0.2},
		{name: "bias", s: one(11, 1, 7), heads: 2, kvHeads: 2, dim: 16, bias: 6},
		{name: "bias of one bucket, gaps", s: one(9, 5), heads: 3, kvHeads: 1, dim: 5, bias: 1, gap: 3},
		{name: "bias, causal, grouped heads", s: one(70, 3), heads: 4, kvHeads: 2, dim: 8, causal: true, bias: 8},
		{name: "bias, long", s: one(530), heads: 2, kvHeads: 2, dim: 8, bias: 32},
		{name: "bias, window of several blocks, long", s: one(700), heads: 1, kvHeads: 1, dim: 8, causal: true, window: 550, bias: 32},
		{name: "bias, prefix, spare rows", s: segments{queries: []int{5, 90, 6}, keys: []int{9, 94, 10}, spare: 2}, heads: 2, kvHeads: 1, dim: 8, bias: 8},
		{name: "bias, few queries, many keys", s: segments{queries: []int{1, 4}, keys: []int{700, 90}}, heads: 2, kvHeads: 1, dim: 32, causal: true, bias: 8},
		{name: "bias, rows apart", s: segments{queries: []int{12, 3}, keys: []int{1500, 700}}, heads: 1, kvHeads: 1, dim: 8, bias: 8, apart: 120},
		{name: "bias, no keys", s: segments{queries: []int{3, 6}, keys: []int{0, 6}}, heads: 1, kvHeads: 1, dim: 8, bias: 4},
		{name: "bias, nothing seen", s: one(8, 5), heads: 1, kvHeads: 1, dim: 8, causal: true, early: true, bias: 4},
		{name: "bias, shared keys", s: segments{queries: []int{6, 1, 9}, keys: []int{12, 12, 12}, shared: true}, heads: 2, kvHeads: 2, dim: 8, bias: 8},
		{name: "bias, dropout", s: one(33, 4), heads: 2, kvHeads: 2, dim: 16, dropout: 0.2, bias: 8},
	} {
		all = append(all, attend(a))
	}
	return all
}

func (a attending) description() (d *compute.Attention, rows, keys int) {
	query, key, rows, keys := a.s.spans()
	d = &compute.Attention{
		Heads: a.heads, KVHeads: a.kvHeads, HeadDim: a.dim, Scale: float32(1 / math.Sqrt(float64(a.dim))),
		Query: query, Key: key, Causal: a.causal, Window: a.window,
		Dropout: compute.Dropout{P: a.dropout, Seed: 77, Step: 4, Site: 9},
	}
	for i, q := range query {
		for j := range int(q.Len) {
			place := int(key[i].Len) - max(1, a.apart)*(int(q.Len)-j-1) - 1
			if a.early {
				place--
			}
			d.Position = append(d.Position, int32(place))
		}
	}
	for b := range 3 * a.bias { // each bucket has three distances, and the first and last all beyond
		d.Bucket = append(d.Bucket, int32(b/3))
	}
	d.Behind = len(d.Bucket) * 2 / 3
	return d, rows, keys
}

func attend(a attending) *Case {
	d, rows, keys := a.description()
	work := 0
	for i, q := range d.Query {
		work += int(q.Len) * d.Most(i)
	}
	on := func(r *Run) *compute.Attention {
		if a.bias > 0 {
			d.Bias = r.In[3]
		}
		return d
	}
	c := &Case{
		Op: compute.OpAttend, Name: a.name,
		In: []Operand{
			x("q", rows, a.heads*a.dim).gap(a.gap),
			x("k", keys, a.kvHeads*a.dim).gap(2 * a.gap),
			x("v", keys, a.kvHeads*a.dim).gap(a.gap),
		},
		Out:     []Operand{result("out", rows, a.heads*a.dim).gap(a.gap), result("lse", 1, rows*a.heads)},
		Omits:   true,
		Forward: func(r *Run) { r.Device.Attend(r.Out[0], r.OutVec(1), r.In[0], r.In[1], r.In[2], on(r)) },
		Backward: func(r *Run) {
			var dbias compute.Mat
			if a.bias > 0 {
				dbias = r.DIn[3]
			}
			r.Device.AttendBackward(r.DIn[0], r.DIn[1], r.DIn[2], dbias, r.DOut, r.In[0], r.In[1], r.In[2], r.OutVec(1), on(r), r.Add, r.Add, r.Add)
		},
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				out, lse := NewMatrix(rows, a.heads*a.dim), NewMatrix(1, rows*a.heads)
				eachRow(d, in, func(r attentionRow) {
					lse.Data[r.i*d.Heads+r.h] = r.lse
					o := r.query(out)
					for j, p := range r.p {
						for c, v := range r.value(in[2], j) {
							o[c] += r.dropped(j, p) * v
						}
					}
				})
				return []Matrix{out, lse}
			},
			Backward: func(in, _ []Matrix, dy Matrix, g []Matrix) {
				eachRow(d, in, func(r attentionRow) { r.backward(in, dy, g) })
			},
		},
		Flops: int64(4 * work * a.heads * a.dim),
		Bytes: int64(4 * (2*rows*a.heads + 2*keys*a.kvHeads) * a.dim),
	}
	if a.bias > 0 {
		bias := x("bias", a.bias, a.heads).gap(a.gap)
		bias.Grad = Parameter
		c.In = append(c.In, bias)
	}
	return c
}

// bucket is the row of the bias for a query and the key at a place of its segment.
func bucket(d *compute.Attention, i, place int) int {
	return int(d.Bucket[min(max(place-int(d.Position[i])+d.Behind, 0), len(d.Bucket)-1)])
}

// attentionRow is one query row of one head: its probabilities over the keys it sees.
type attentionRow struct {
	d       *compute.Attention
	i, h    int
	first   int // the row of the first key that it sees
	since   int // its place in the segment
	p, kept []float64
	lse     float64
}

// head is head h's columns of m's row i.
func head(m Matrix, i, h, dim int) []float64 { return m.Row(i)[h*dim : (h+1)*dim] }

func (r attentionRow) query(q Matrix) []float64 { return head(q, r.i, r.h, r.d.HeadDim) }

func (r attentionRow) value(m Matrix, j int) []float64 {
	return head(m, r.first+j, r.h/(r.d.Heads/r.d.KVHeads), r.d.HeadDim)
}

// dropped is v under the dropout of key j: 0 where it is dropped, even if v is NaN.
func (r attentionRow) dropped(j int, v float64) float64 {
	if r.kept[j] == 0 {
		return 0
	}
	return v * r.kept[j]
}

// eachRow calls f for every query row and head.
func eachRow(d *compute.Attention, in []Matrix, f func(r attentionRow)) {
	for s, span := range d.Query {
		for i := span.Start; i < span.End(); i++ {
			since, seen := 0, int(d.Key[s].Len)
			if d.Causal {
				seen = min(seen, int(d.Position[i])+1)
			}
			if d.Window > 0 {
				since = max(0, int(d.Position[i])+1-d.Window)
			}
			for h := range d.Heads {
				r := attentionRow{d: d, i: int(i), h: h, first: int(d.Key[s].Start) + since, since: since, lse: math.Inf(-1)}
				var scores []float64
				for j := range max(0, seen-since) {
					score := float64(d.Scale) * dot(r.query(in[0]), r.value(in[1], j))
					if len(in) > 3 {
						score += in[3].Row(bucket(d, r.i, since+j))[h]
					}
					scores = append(scores, score)
				}
				if len(scores) > 0 {
					r.lse = logSum(scores)
				}
				for j, score := range scores {
					r.p = append(r.p, math.Exp(score-r.lse))
					r.kept = append(r.kept, kept(d.Dropout, uint64((r.i*d.Heads+h)<<20+since+j)))
				}
				f(r)
			}
		}
	}
}

// backward adds the row's part of the gradients of q, k, v and the bias.
func (r attentionRow) backward(in []Matrix, dy Matrix, g []Matrix) {
	along := 0.0 // Σ p·dp
	dp := make([]float64, len(r.p))
	for j, p := range r.p {
		dp[j] = r.dropped(j, dot(r.query(dy), r.value(in[2], j)))
		along += p * dp[j]
	}
	q, dq, dout := r.query(in[0]), r.query(g[0]), r.query(dy)
	for j, p := range r.p {
		ds, dropped := p*(dp[j]-along), r.dropped(j, p)
		if len(g) > 3 {
			g[3].Row(bucket(r.d, r.i, r.since+j))[r.h] += ds
		}
		ds *= float64(r.d.Scale)
		k, dk, dv := r.value(in[1], j), r.value(g[1], j), r.value(g[2], j)
		for c := range q {
			dq[c] += ds * k[c]
			dk[c] += ds * q[c]
			dv[c] += dropped * dout[c]
		}
	}
}

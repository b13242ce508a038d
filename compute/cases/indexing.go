package cases

import (
	"fmt"

	"trimtab/compute"
)

func indexing() []*Case {
	var all []*Case
	for _, s := range []struct{ rows, table, cols int }{{0, 3, 4}, {1, 1, 1}, {7, 5, 33}, {60, 40, 300}} {
		for _, h := range []holding{packed, asRows} {
			all = append(all, lookup(s.rows, s.table, s.cols, h))
		}
		all = append(all, lookupMat(s.rows, s.table, s.cols, 0), store(s.rows, s.table+s.rows, s.cols), assemble(s.rows, s.table, s.cols))
	}
	all = append(all, lookupMat(600, 20, 70, 3), assemble(500, 90, 40))
	for _, s := range []shape{{12, 1, 0}, {12, 33, 2}, {400, 200, 0}} {
		all = append(all, segmentMean(s))
	}
	for _, s := range []shape{{0, 9, 0}, {1, 9, 0}, {5, 40, 3}, {90, 300, 0}} {
		all = append(all, groupMax(s))
	}
	return all
}

// sparse is scattered with every fifth left out.
func sparse(n, most int) []int32 {
	ids := scattered(n, most)
	for i := 4; i < n; i += 5 {
		ids[i] = -1
	}
	return ids
}

// lookupTwin is y[i] = s·table[ids[i]], of input table.
func lookupTwin(rows, cols int, ids []int32, s float64) Twin {
	return Twin{
		Forward: func(in []Matrix) []Matrix {
			y := NewMatrix(rows, cols)
			for i, id := range ids {
				for j := 0; id >= 0 && j < cols; j++ {
					y.Row(i)[j] = s * in[0].Row(int(id))[j]
				}
			}
			return []Matrix{y}
		},
		Backward: func(_, _ []Matrix, dy Matrix, d []Matrix) {
			for i, id := range ids {
				for j := 0; id >= 0 && j < cols; j++ {
					d[0].Row(int(id))[j] += s * dy.Row(i)[j]
				}
			}
		},
	}
}

func lookup(rows, table, cols int, h holding) *Case {
	const s = 1.5
	ids := sparse(rows, table)
	return &Case{
		Op: compute.OpLookup, Name: fmt.Sprintf("%d of %d x %d, %v", rows, table, cols, h),
		In:      []Operand{frozen("table", table, cols)},
		Out:     []Operand{result("y", rows, cols).gap(1)},
		Forward: func(r *Run) { r.Device.Lookup(r.Out[0], r.hold(0, h), ids, s) },
		Twin:    Twin{Forward: lookupTwin(rows, cols, ids, s).Forward},
		Flops:   int64(rows * cols), Bytes: int64(8 * rows * cols),
	}
}

func lookupMat(rows, table, cols, gap int) *Case {
	const s = 0.7
	ids := sparse(rows, table)
	o := x("table", table, cols).gap(gap)
	o.Grad = Parameter
	return &Case{
		Op: compute.OpLookupMat, Name: fmt.Sprintf("%d of %d x %d", rows, table, cols),
		In:       []Operand{o},
		Out:      []Operand{result("y", rows, cols)},
		Forward:  func(r *Run) { r.Device.LookupMat(r.Out[0], r.In[0], ids, s) },
		Backward: func(r *Run) { r.Device.LookupBackward(r.DIn[0], r.DOut, ids, s) },
		Twin:     lookupTwin(rows, cols, ids, float64(float32(s))),
		Flops:    int64(rows * cols), Bytes: int64(8 * rows * cols),
	}
}

// assemble takes rows of two sources in turn, some of them twice.
func assemble(rows, table, cols int) *Case {
	refs := make([]compute.RowRef, rows)
	for i := range refs {
		refs[i] = compute.RowRef{Source: int32(i % 2), Row: int32(i * 31 % table)}
	}
	a, b := x("a", table, cols), x("b", table, cols).gap(2)
	a.Grad, b.Grad = Parameter, Parameter
	return &Case{
		Op: compute.OpAssemble, Name: fmt.Sprintf("%d of two of %d x %d", rows, table, cols),
		In:      []Operand{a, b},
		Out:     []Operand{result("y", rows, cols)},
		Forward: func(r *Run) { r.Device.Assemble(r.Out[0], r.In, refs) },
		Backward: func(r *Run) {
			for s, d := range r.DIn {
				r.Device.AssembleBackward(d, int32(s), r.DOut, refs)
			}
		},
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				y := NewMatrix(rows, cols)
				for i, ref := range refs {
					copy(y.Row(i), in[ref.Source].Row(int(ref.Row)))
				}
				return []Matrix{y}
			},
			Backward: func(_, _ []Matrix, dy Matrix, d []Matrix) {
				for i, ref := range refs {
					for j, g := range dy.Row(i) {
						d[ref.Source].Row(int(ref.Row))[j] += g
					}
				}
			},
		},
		Bytes: int64(8 * rows * cols),
	}
}

// store writes rows into a cache, whose other rows stay: the case takes the cache in
// and gives it out.
func store(rows, cache, cols int) *Case {
	places := scattered(rows, cache)
	return &Case{
		Op: compute.OpStore, Name: fmt.Sprintf("%d in %d x %d", rows, cache, cols),
		In:  []Operand{frozen("x", rows, cols).gap(1), frozen("cache", cache, cols)},
		Out: []Operand{result("after", cache, cols).gap(3)},
		Forward: func(r *Run) {
			r.Device.Scale(r.Out[0], r.In[1], 1, false)
			r.Device.Store(r.Out[0], r.In[0], places)
		},
		Twin: Twin{Forward: func(in []Matrix) []Matrix {
			after := NewMatrix(cache, cols)
			copy(after.Data, in[1].Data)
			for i, p := range places {
				copy(after.Row(int(p)), in[0].Row(i))
			}
			return []Matrix{after}
		}},
		Bytes: int64(8 * rows * cols),
	}
}

// segmentMean has a segment of one row, an empty one, a gap between two, and rows at the end
// that belong to none.
func segmentMean(s shape) *Case {
	n := int32(s.rows)
	spans := []compute.Span{{Start: 0, Len: 1}, {Start: 1, Len: n/2 - 1}, {Start: n / 2, Len: 0}, {Start: n/2 + 1, Len: n/2 - 3}}
	return &Case{
		Op: compute.OpSegmentMean, Name: s.String(),
		In:       []Operand{x("x", s.rows, s.cols).gap(s.gap)},
		Out:      []Operand{result("y", len(spans), s.cols)},
		Forward:  func(r *Run) { r.Device.SegmentMean(r.Out[0], r.In[0], spans) },
		Backward: func(r *Run) { r.Device.SegmentMeanBackward(r.DIn[0], r.DOut, spans, r.Add) },
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				y := NewMatrix(len(spans), s.cols)
				for k, span := range spans {
					for i := span.Start; i < span.End(); i++ {
						for j, v := range in[0].Row(int(i)) {
							y.Row(k)[j] += v / float64(span.Len)
						}
					}
				}
				return []Matrix{y}
			},
			Backward: func(_, _ []Matrix, dy Matrix, d []Matrix) {
				for k, span := range spans {
					for i := span.Start; i < span.End(); i++ {
						for j, g := range dy.Row(k) {
							d[0].Row(int(i))[j] += g / float64(span.Len)
						}
					}
				}
			},
		},
		Flops: int64(s.rows * s.cols), Bytes: int64(4 * s.rows * s.cols),
	}
}

// groupMax has groups of one, of many, and two that share columns. The first of equals wins, and NaN before all.
func groupMax(s shape) *Case {
	groups := [][]int32{{2}, {0, 1, 2}, scattered(7, s.cols), {5, 3}}
	first := func(x []float64, group []int32) int32 {
		best := group[0]
		for _, j := range group {
			if x[j] > x[best] || x[j] != x[j] && x[best] == x[best] {
				best = j
			}
		}
		return best
	}
	in := x("x", s.rows, s.cols).gap(s.gap)
	in.Grad = Parameter
	return &Case{
		Op: compute.OpGroupMax, Name: s.String(),
		In:       []Operand{in},
		Out:      []Operand{result("y", s.rows, len(groups))},
		Forward:  func(r *Run) { r.Device.GroupMax(r.Out[0], r.In[0], groups) },
		Backward: func(r *Run) { r.Device.GroupMaxBackward(r.DIn[0], r.DOut, r.In[0], groups) },
		Twin: Twin{
			Forward: func(in []Matrix) []Matrix {
				y := NewMatrix(s.rows, len(groups))
				for i := range s.rows {
					for g, group := range groups {
						y.Row(i)[g] = in[0].Row(i)[first(in[0].Row(i), group)]
					}
				}
				return []Matrix{y}
			},
			Backward: func(in, _ []Matrix, dy Matrix, d []Matrix) {
				for i := range s.rows {
					for g, group := range groups {
						d[0].Row(i)[first(in[0].Row(i), group)] += dy.Row(i)[g]
					}
				}
			},
		},
		Flops: int64(s.rows * 13), Bytes: int64(4 * s.rows * 13),
	}
}

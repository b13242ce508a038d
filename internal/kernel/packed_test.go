package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// TestPackingKeepsBits packs, unpacks and turns around matrices at all alignments: every bit pattern, NaN, infinities and denormals among them, and
// nothing between rows and around matrices.
func TestPackingKeepsBits(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(91, 92))
		for range 120 {
			n, k := 1+r.IntN(90), 1+r.IntN(90)
			w, o := sprinkled(r, n*k), &operands{t: t, r: r}
			ld, ldt := k+r.IntN(4), n+r.IntN(4)
			turned := make([]float32, len(w))
			transposeGeneric(turned, n, w, k, n, k)
			room := make([]float32, s.PackedLen(n, k))

			rows, cols := o.output(room), o.output(room)
			s.PackRows(rows, o.place(w, n, k, ld, false), ld, n, k)
			s.PackCols(cols, o.place(turned, k, n, ldt, false), ldt, k, n)
			packed := make([]float32, len(room))
			for i, v := range w {
				j, l := i/k, i%k
				packed[j/s.Panel*s.Panel*k+l*s.Panel+j%s.Panel] = v
			}
			near.Bits(t, "rows packed", rows, packed)
			near.Bits(t, "columns packed", cols, packed)

			back := o.place(randoms(r, n*k), n, k, ld, true)
			s.Unpack(back, ld, o.input(packed), n, k)
			near.Bits(t, "unpacked", dense(back, n, k, ld), w)
			left := o.output(make([]float32, n*k))
			s.PackTransposedA(left, o.place(w, n, k, ld, false), ld, n, k)
			near.Bits(t, "transposed", left, turned)

			n0, k0 := r.IntN(n)/s.Panel*s.Panel, r.IntN(k)/s.Panel*s.Panel
			n1, k1 := min(n, n0+s.Panel*(1+r.IntN(3))), min(k, k0+s.Panel*(1+r.IntN(3)))
			want := make([]float32, s.PackedLen(k1-k0, n1-n0))
			s.PackCols(want, w[n0*k+k0:], k, n1-n0, k1-k0)
			again := o.output(make([]float32, len(want)))
			s.RepackTransposed(again, o.input(packed), n, k, n0, n1, k0, k1)
			near.Bits(t, "repacked", again, want)
			o.done()
		}
	})
}

// TestQuantizedOfStrangeNumbers quantizes matrices with NaN, infinities, denormals and large numbers at all alignments and reads them back: a group with
// what is not finite is not finite wherever it says anything, the others are as they would be without it, and nothing else is written.
func TestQuantizedOfStrangeNumbers(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(93, 94))
		for range 30 {
			n, k := 1+r.IntN(90), 1+r.IntN(300)
			w := sprinkledWith(r, n*k, moderate)
			for _, form := range forms {
				name, o := fmt.Sprintf("form %d, %dx%d", form, n, k), &operands{t: t, r: r}
				q, check := s.guardedQuantized(t, r, form, n, k)
				packed := make([]float32, s.PackedLen(n, k))
				s.PackRows(packed, w, k, n, k)
				for _, p := range r.Perm(q.panels()) {
					before := q.elements()
					s.Quantize(q, p, o.input(packed[p*s.Panel*k:][:s.Panel*k]))
					size := len(before) / q.panels()
					after := q.elements()
					if !slices.Equal(before[:p*size], after[:p*size]) || !slices.Equal(before[(p+1)*size:], after[(p+1)*size:]) {
						t.Fatalf("%s: codes outside of panel %d were written", name, p)
					}
				}
				q.Finish()
				whole := s.readBack(t, o, r, q)
				o.done()
				check()
				checkGroups(t, name, q, w, whole)
				near.CheckNaN(t, name, whole, dequantized(generic, quantize(generic, form, w, n, k)), near.Exact)
			}
		}
	})
}

// guardedQuantized is NewQuantized with its codes at a random offset among marks.
func (s *Set) guardedQuantized(t *testing.T, r *rand.Rand, form Form, n, k int) (q *Quantized, check func()) {
	q = s.NewQuantized(form, n, k)
	if form == BF16 {
		q.halves, check = guardedCodes[uint16](t, len(q.halves), r.IntN(32))
		clear(q.halves)
		return q, check
	}
	q.codes, check = guardedCodes[uint8](t, len(q.codes), r.IntN(64))
	clear(q.codes)
	return q, check
}

// elements are the codes of q, as bytes or halves.
func (c *Quantized) elements() []uint16 {
	x := slices.Clone(c.halves)
	for _, code := range c.codes {
		x = append(x, uint16(code))
	}
	return x
}

// readBack is q as a matrix [n,k], the same by Dequantize of random rows, by RepackDequantized of a random block, and by RowOf.
func (s *Set) readBack(t *testing.T, o *operands, r *rand.Rand, q *Quantized) []float32 {
	t.Helper()
	n, k := q.n, q.k
	packed := make([]float32, s.PackedLen(n, k))
	for p := range q.panels() {
		for from := 0; from < k; {
			to := min(k, from+1+r.IntN(k))
			dst := o.output(make([]float32, (to-from)*s.Panel))
			s.Dequantize(dst, q, p, from, to, o.output(randoms(r, 2*s.Panel)))
			copy(packed[(p*k+from)*s.Panel:], dst)
			from = to
		}
	}
	whole := make([]float32, n*k)
	s.Unpack(whole, k, packed, n, k)
	row := r.IntN(n)
	one := o.output(make([]float32, k))
	s.RowOf(one, q, row)
	near.CheckNaN(t, "a row", one, whole[row*k:][:k], near.Exact)

	n0, k0 := r.IntN(n)/s.Panel*s.Panel, r.IntN(k)/s.Panel*s.Panel
	n1, k1 := min(n, n0+s.Panel*(1+r.IntN(3))), min(k, k0+s.Panel*(1+r.IntN(3)))
	want := make([]float32, s.PackedLen(k1-k0, n1-n0))
	s.PackCols(want, whole[n0*k+k0:], k, n1-n0, k1-k0)
	got := o.output(randoms(r, len(want)))
	s.RepackDequantized(got, q, o.output(randoms(r, (k1-k0+2)*s.Panel)), n0, n1, k0, k1)
	near.CheckNaN(t, "repacked", got, want, near.Exact)
	return whole
}

// checkGroups says of w [n,k] and what q holds of it where it is finite. NF4's scales share their offset, so that one group that is not finite takes all.
func checkGroups(t *testing.T, name string, q *Quantized, w, held []float32) {
	t.Helper()
	wrong := func(x []float32) int { return slices.IndexFunc(x, func(v float32) bool { return !finite(v) }) }
	bad := func(x []float32) bool { return wrong(x) >= 0 }
	for o := range q.n {
		for from, end := 0, 0; from < q.k; from = end {
			_, end = q.span(from)
			group, got := w[o*q.k+from:o*q.k+end], held[o*q.k+from:o*q.k+end]
			switch {
			case q.form == BF16:
				checkFinite(t, name, got, group)
			case q.form == NF4 && bad(w), bad(group):
				if i := slices.IndexFunc(got, func(v float32) bool { return finite(v) }); i >= 0 {
					t.Fatalf("%s: element %d of row %d is %g beside %g", name, from+i, o, got[i], group[max(0, wrong(group))])
				}
			default:
				if i := wrong(got); i >= 0 {
					t.Fatalf("%s: element %d of row %d is %g", name, from+i, o, got[i])
				}
			}
		}
	}
}

package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// operands are the matrices and vectors of one call of a kernel, each at a random offset from an aligned address among marks, which are NaN.
type operands struct {
	t      *testing.T
	r      *rand.Rand
	checks []func()
}

// input is a copy of x that must stay as it is.
func (o *operands) input(x []float32) []float32 { return o.place(x, 1, len(x), len(x), false) }

// output is a copy of x that may be written.
func (o *operands) output(x []float32) []float32 { return o.place(x, 1, len(x), len(x), true) }

// place copies the rows of x [m,n] to rows ld apart. Between them stand marks too.
func (o *operands) place(x []float32, m, n, ld int, writable bool) []float32 {
	const guard = 64
	size, lo := max(0, (m-1)*ld+n), guard+o.r.IntN(16)
	buf := slices.Repeat([]float32{math.Float32frombits(0x7fc0beef)}, lo+size+guard)
	y := buf[lo : lo+size : lo+size]
	for i := range m {
		copy(y[min(size, i*ld):], x[i*n:][:n])
	}
	before := slices.Clone(buf)
	o.checks = append(o.checks, func() {
		o.t.Helper()
		for i, v := range buf {
			at := i - lo
			if writable && at >= 0 && at < size && at%max(1, ld) < n {
				continue
			}
			if math.Float32bits(v) != math.Float32bits(before[i]) {
				o.t.Fatalf("element %d of a slice of %d, in rows of %d, was written", at, size, n)
			}
		}
	})
	return y
}

// done fails if anything was written that must not be.
func (o *operands) done() {
	o.t.Helper()
	for _, check := range o.checks {
		check()
	}
}

// dense is the rows of a matrix [m,n] with rows ld apart, without gaps.
func dense(x []float32, m, n, ld int) []float32 {
	y := make([]float32, 0, m*n)
	for i := range m {
		y = append(y, x[min(len(x), i*ld):][:n]...)
	}
	return y
}

// guardedCodes is guarded for whole numbers.
func guardedCodes[T uint8 | uint16 | int32](t *testing.T, n, offset int) ([]T, func()) {
	const guard, mark = 64, 0x5a
	buf := slices.Repeat([]T{mark}, n+offset+2*guard)
	lo := guard + offset
	return buf[lo : lo+n : lo+n], func() {
		t.Helper()
		for i, v := range buf {
			if (i < lo || i >= lo+n) && v != mark {
				t.Fatalf("number %d of %d was written", i-lo, n)
			}
		}
	}
}

// strange are the values that go wrong in sums: not finite, denormal, or so large that the products of two can just be added up.
var strange = []float32{
	float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-42, -1e-45, 1e-38, 0, float32(math.Copysign(0, -1)), 1e17, -1e17,
}

// moderate are those of them that are not large.
var moderate = strange[:8]

// sprinkled is n random values, a few of which are strange.
func sprinkled(r *rand.Rand, n int) []float32 { return sprinkledWith(r, n, strange) }

func sprinkledWith(r *rand.Rand, n int, values []float32) []float32 {
	x := randoms(r, n)
	for range min(n, r.IntN(4)) {
		x[r.IntN(n)] = values[r.IntN(len(values))]
	}
	return x
}

// denormals is n random values in the range of denormal numbers.
func denormals(r *rand.Rand, n int) []float32 {
	x := randoms(r, n)
	for i := range x {
		x[i] = float32(float64(x[i]) * 0x1p-129)
	}
	return x
}

// wholes is n small whole numbers in a unit.
func wholes(r *rand.Rand, n int, unit float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(float64(r.IntN(17)-8) * unit)
	}
	return x
}

// denormal is the unit of the denormal numbers: sums of a million of them are exact in any order.
const denormal = 0x1p-149

// finite says whether x is neither NaN nor infinite.
func finite[F float32 | float64](x F) bool { return x-x == 0 }

// checkSums is near.Sums where what is not finite must be the same in both.
func checkSums(t *testing.T, name string, got []float32, want, sizes []float64) {
	t.Helper()
	got, want, sizes = slices.Clone(got), slices.Clone(want), slices.Clone(sizes)
	for i, w := range want {
		if finite(w) {
			continue
		}
		near.CheckNaN(t, name, got[i:i+1], []float32{float32(w)}, near.Exact)
		got[i], want[i], sizes[i] = 0, 0, 0
	}
	near.Sums(t, name, got, want, sizes, near.Kernel)
}

// checkFinite says that the same elements are finite; NaN and the infinities are one thing.
func checkFinite(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if finite(got[i]) != finite(want[i]) {
			t.Errorf("%s: element %d is %g, expected %g", name, i, got[i], want[i])
			return
		}
	}
}

// checkWhereFinite compares the elements too that are.
func checkWhereFinite(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	checkFinite(t, name, got, want)
	got, want = slices.Clone(got), slices.Clone(want)
	for i := range want {
		if !finite(want[i]) {
			got[i], want[i] = 0, 0
		}
	}
	near.Check(t, name, got, want, tolerance)
}

// magnified is x with denormal numbers made about 1.
func magnified(x []float32) []float64 {
	y := widen(x)
	for i := range y {
		y[i] *= 0x1p126
	}
	return y
}

package near

import (
	"fmt"
	"math"
	"testing"
)

// Check fails t, and lets it go on, unless got and want have one length and
// every got[i] is within tol of want[i]. name says what is compared; tol comes
// from the table of this package.
func Check(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	report(t, Difference(name, got, want, tol, false))
}

// Check64 is [Check] for float64 values.
func Check64(t testing.TB, name string, got, want []float64, tol float64) {
	t.Helper()
	report(t, Difference(name, got, want, tol, false))
}

// CheckNaN is [Check] where NaN in both places is agreement: for operations
// that define NaN as their result. NaN in one place fails.
func CheckNaN(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	report(t, Difference(name, got, want, tol, true))
}

// Number is [Check] for two numbers.
func Number(t testing.TB, name string, got, want, tol float64) {
	t.Helper()
	report(t, Difference(name, []float64{got}, []float64{want}, tol, false))
}

// Sums fails t, and lets it go on, unless each got[i] is within tol*(1+sizes[i])
// of want[i]: for sums whose terms cancel, where sizes[i] is the sum of the
// terms' magnitudes and want[i] may be far smaller.
func Sums(t testing.TB, name string, got []float32, want, sizes []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) || len(got) != len(sizes) {
		t.Errorf("%s: found %d values, expected %d, of %d sizes", name, len(got), len(want), len(sizes))
		return
	}
	worst, worstError := -1, tol
	for i := range got {
		scale := (1 + math.Abs(want[i])) / (1 + math.Abs(sizes[i]))
		if e := Error(float64(got[i]), want[i]) * scale; !(e <= worstError) {
			worst, worstError = i, e
		}
	}
	if worst >= 0 {
		t.Errorf("%s: out of bounds, the worst at %d: found %.9g, expected %.9g, a sum of magnitudes %.3g, error %.3g, allowed %.3g",
			name, worst, got[worst], want[worst], sizes[worst], worstError, tol)
	}
}

// Far fails t, and lets it go on, when got and want have one length and every
// value is within tol: for tests that prove that a comparison would notice.
func Far(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	if Difference(name, got, want, tol, false) == nil {
		t.Errorf("%s: all %d values are within %g, expected some that are not", name, len(got), tol)
	}
}

// Bits fails t, and lets it go on, unless got and want have one length and the
// same bit patterns throughout: signed zeros and NaN payloads count.
func Bits(t testing.TB, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: found %d values, expected %d", name, len(got), len(want))
		return
	}
	different, first := 0, -1
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			if different == 0 {
				first = i
			}
			different++
		}
	}
	if different > 0 {
		t.Errorf("%s: %d of %d values differ in their bits; the first at %d: found %v (%#08x), expected %v (%#08x)",
			name, different, len(got), first,
			got[first], math.Float32bits(got[first]), want[first], math.Float32bits(want[first]))
	}
}

// Difference returns nil when got is near want as [Check] defines it, and
// otherwise an error that says how they differ: the two lengths, or the worst
// index, both values there, its error and how many values are out of bounds.
// With nan, NaN in both places is agreement. It is for callers that are no
// tests, such as a comparison inside a benchmark.
func Difference[F float32 | float64](name string, got, want []F, tol float64, nan bool) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s: found %d values, expected %d", name, len(got), len(want))
	}
	worst, worstError, outside := -1, -1.0, 0
	for i := range got {
		e := Error(float64(got[i]), float64(want[i]))
		if nan && got[i] != got[i] && want[i] != want[i] {
			e = 0
		}
		if !(e <= tol) {
			outside++
		}
		if e > worstError {
			worst, worstError = i, e
		}
	}
	if outside == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d of %d values are out of bounds; the worst at %d: found %.9g, expected %.9g, error %.3g, allowed %.3g",
		name, outside, len(got), worst, got[worst], want[worst], worstError, tol)
}

// Error returns |a-b|/(1+|b|), 0 for equal values, and +Inf where either is
// NaN or where one is an infinity that the other is not.
func Error(a, b float64) float64 {
	if a == b {
		return 0
	}
	e := math.Abs(a-b) / (1 + math.Abs(b))
	if math.IsNaN(e) || math.IsInf(b, 0) {
		return math.Inf(1)
	}
	return e
}

func report(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

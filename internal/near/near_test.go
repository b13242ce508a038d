package near

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func TestDifference(t *testing.T) {
	const tol = 1.0 / 1024 // exact in binary, so that the bound itself can be probed
	for _, c := range []struct {
		name      string
		got, want []float32
		nan       bool
		says      string // a part of the error; "" for near
	}{
		{name: "empty"},
		{name: "equal", got: []float32{1, -2, 0}, want: []float32{1, -2, 0}},
		{name: "on the bound around zero", got: []float32{tol}, want: []float32{0}},
		{name: "beyond the bound around zero", got: []float32{tol * 1.01}, want: []float32{0}, says: "the worst at 0"},
		{name: "on the bound far from zero", got: []float32{1023 + 1}, want: []float32{1023}},
		{name: "beyond the bound far from zero", got: []float32{1023 + 1.01}, want: []float32{1023}, says: "1 of 1"},
		{name: "the worst of three", got: []float32{1.1, 7, 3}, want: []float32{1, 2, 3}, says: "2 of 3 values are out of bounds; the worst at 1: found 7, expected 2"},
		{name: "shorter", got: []float32{1}, want: []float32{1, 2}, says: "found 1 values, expected 2"},
		{name: "longer", got: []float32{1}, says: "found 1 values, expected 0"},
		{name: "NaN found", got: []float32{9, nan}, want: []float32{1, 1}, says: "the worst at 1: found NaN"},
		{name: "NaN expected", got: []float32{1}, want: []float32{nan}, says: "expected NaN"},
		{name: "NaN in both", got: []float32{nan}, want: []float32{nan}, says: "found NaN"},
		{name: "NaN in both, asked for", got: []float32{nan}, want: []float32{nan}, nan: true},
		{name: "NaN in one, asked for", got: []float32{nan}, want: []float32{1}, nan: true, says: "found NaN"},
		{name: "equal infinities", got: []float32{inf, -inf}, want: []float32{inf, -inf}},
		{name: "opposite infinities", got: []float32{inf}, want: []float32{-inf}, says: "found +Inf"},
		{name: "infinity found", got: []float32{inf}, want: []float32{1}, says: "found +Inf"},
		{name: "infinity expected", got: []float32{1}, want: []float32{inf}, says: "expected +Inf"},
	} {
		err := Difference(c.name, c.got, c.want, tol, c.nan)
		switch {
		case err == nil && c.says != "":
			t.Errorf("%s: no error, expected one that says %q", c.name, c.says)
		case err != nil && c.says == "":
			t.Errorf("%s: %v, expected none", c.name, err)
		case err != nil && !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: error %q, expected one that says %q", c.name, err, c.says)
		}
	}
}

// recorder notes that a comparison failed instead of failing the test.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Error(...any)          { r.failed = true }
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestChecksReachTheTest(t *testing.T) {
	zero := float32(0)
	for _, c := range []struct {
		name  string
		run   func(t testing.TB)
		fails bool
	}{
		{"Check", func(t testing.TB) { Check(t, "x", []float32{1}, []float32{2}, Logits) }, true},
		{"Check64", func(t testing.TB) { Check64(t, "x", []float64{1}, []float64{1 + 1e-9}, Float64) }, true},
		{"CheckNaN", func(t testing.TB) { CheckNaN(t, "x", []float32{nan}, []float32{1}, Logits) }, true},
		{"CheckNaN agrees", func(t testing.TB) { CheckNaN(t, "x", []float32{nan}, []float32{nan}, Logits) }, false},
		{"Number", func(t testing.TB) { Number(t, "x", math.NaN(), math.NaN(), Logits) }, true},
		{"Number agrees", func(t testing.TB) { Number(t, "x", 3, 3, Exact) }, false},
		{"Far", func(t testing.TB) { Far(t, "x", []float32{1}, []float32{1}, Logits) }, true},
		{"Far agrees", func(t testing.TB) { Far(t, "x", []float32{1}, []float32{2}, Logits) }, false},
		{"Sums", func(t testing.TB) { Sums(t, "x", []float32{0.5}, []float64{0}, []float64{1}, Sum) }, true},
		{"Sums of NaN", func(t testing.TB) { Sums(t, "x", []float32{nan}, []float64{0}, []float64{1e30}, Sum) }, true},
		{"Sums of a NaN and worse", func(t testing.TB) { Sums(t, "x", []float32{nan, 1}, []float64{0, 1}, []float64{1, 1}, Sum) }, true},
		{"Sums of lengths", func(t testing.TB) { Sums(t, "x", []float32{1}, []float64{1}, nil, Sum) }, true},
		{"Sums that cancel", func(t testing.TB) { Sums(t, "x", []float32{0.5}, []float64{0}, []float64{1e9}, Sum) }, false},
		{"Bits of zeros", func(t testing.TB) { Bits(t, "x", []float32{zero}, []float32{-1 / inf}) }, true},
		{"Bits of lengths", func(t testing.TB) { Bits(t, "x", []float32{zero}, nil) }, true},
		{"Bits of NaN", func(t testing.TB) { Bits(t, "x", []float32{nan}, []float32{nan}) }, false},
	} {
		r := &recorder{TB: t}
		c.run(r)
		if r.failed != c.fails {
			t.Errorf("%s: failed is %v, expected %v", c.name, r.failed, c.fails)
		}
	}
}

func TestRoot(t *testing.T) {
	root := Root(t)
	if _, err := os.Stat(filepath.Join(root, "internal", "near", "near_test.go")); err != nil {
		t.Error(err)
	}
	if declaresTrimtab([]byte("module trimtab/internal/kernel/asm\n")) {
		t.Error("a module inside trimtab was taken for trimtab")
	}
	if !declaresTrimtab([]byte("// a comment\nmodule trimtab\n\ngo 1.26\n")) {
		t.Error("trimtab's own go.mod was not recognised")
	}
}

func TestSharedSkipsWhereDataIsMissing(t *testing.T) {
	t.Setenv("CI", "false")
	skipped := false
	t.Run("missing", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		Shared(t, "no such folder")
	})
	if !skipped {
		t.Error("a test whose data is missing went on")
	}
}

func TestClass(t *testing.T) {
	for name, want := range map[string]float64{"Elementwise": Elementwise, "Norm": Norm, "Product": Product, "Attention": Attention} {
		Number(t, name, Class(t, name), want, Exact)
	}
	s := &stopper{TB: t}
	func() {
		defer func() { recover() }()
		Class(s, "elementwise")
	}()
	if !s.ended {
		t.Error("an unknown class was accepted")
	}
}

// stopper notes that a test was ended and unwinds, as testing does.
type stopper struct {
	testing.TB
	ended bool
}

func (s *stopper) Helper() {}
func (s *stopper) Fatalf(string, ...any) {
	s.ended = true
	panic(s)
}

func TestSharedFailsInCI(t *testing.T) {
	t.Setenv("CI", "true")
	s := &stopper{TB: t}
	func() {
		defer func() { recover() }()
		Shared(s, "no such folder")
	}()
	if !s.ended {
		t.Error("with CI=true a test whose data is missing was not failed")
	}
}

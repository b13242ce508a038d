package cpu

import (
	"math"
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cases"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// wantCases is how many cases there are: so that none is lost unnoticed.
const wantCases = 330

// device is one with these threads and kernels.
func device(t testing.TB, threads int, tier string) *Device {
	t.Helper()
	d, err := New(Options{Threads: threads, Tier: tier})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func run(t *testing.T, c *cases.Case, d *Device) []cases.Result[float32] {
	t.Helper()
	r, err := c.Run(d)
	if err != nil {
		t.Errorf("%s: %v", d.Name(), err)
	}
	return r
}

// TestCases puts every case to every tier of kernels and compares the results with
// the float64 twin and with the plain tier's, and their bits with one thread's and three's.
func TestCases(t *testing.T) {
	ran := 0
	for _, c := range cases.All() {
		ran++
		want, plain := c.Expect(), []cases.Result[float32](nil)
		for _, tier := range kernel.Tiers() {
			name := tier.Name + ": " + c.FullName()
			got := run(t, c, device(t, 2, tier.Name))
			compare(t, name, got, want, near.Check)
			if plain == nil {
				plain = got
			}
			one, three := run(t, c, device(t, 1, tier.Name)), run(t, c, device(t, 3, tier.Name))
			for i, r := range got {
				near.Check(t, name+" against generic: "+r.Name, r.Values, plain[i].Values, near.Class(t, compute.Operations[c.Op].Tolerance))
				near.Bits(t, name+" on one thread: "+r.Name, one[i].Values, r.Values)
				near.Bits(t, name+" on three threads: "+r.Name, three[i].Values, r.Values)
			}
		}
	}
	if ran != wantCases {
		t.Errorf("ran %d cases, expected %d", ran, wantCases)
	}
}

type check func(t testing.TB, name string, got, want []float32, tol float64)

func compare(t *testing.T, name string, got []cases.Result[float32], want []cases.Result[float64], by check) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: found %d results, expected %d", name, len(got), len(want))
		return
	}
	for i, w := range want {
		if got[i].Name != w.Name {
			t.Errorf("%s: found result %q, expected %q", name, got[i].Name, w.Name)
		}
		by(t, name+": "+w.Name, got[i].Values, narrow(w.Values), near.Twin)
	}
}

func narrow(v []float64) []float32 {
	n := make([]float32, len(v))
	for i, x := range v {
		n[i] = float32(x)
	}
	return n
}

// TestCasesWithNaN sees that NaN goes where the definition sends it, and nowhere else.
func TestCasesWithNaN(t *testing.T) {
	strangeCases(t, func(c *cases.Case, o cases.Operand, values []float32) check {
		values[len(values)/2] = float32(math.NaN())
		if c.Op == compute.OpAttend {
			return reaches
		}
		return near.CheckNaN
	})
}

// TestCasesWithInfinity sees the same of infinities: what they reach is not finite, which of NaN and the infinities it is depends on the order of sums.
func TestCasesWithInfinity(t *testing.T) {
	strangeCases(t, func(c *cases.Case, o cases.Operand, values []float32) check {
		at := len(values) / 2
		values[at] = float32(math.Inf(1 - 2*(at%2)))
		by := near.CheckNaN
		if c.Op == compute.OpAttend {
			by = reaches
		}
		return func(t testing.TB, name string, got, want []float32, tol float64) {
			t.Helper()
			by(t, name, notFinite(got), notFinite(want), tol)
		}
	})
}

// TestCasesWithDenormals makes each input denormal throughout: results are as near as others, and those that are denormal themselves are
// as near for their size, but where products of bfloat16 have no denormals.
func TestCasesWithDenormals(t *testing.T) {
	strangeCases(t, func(c *cases.Case, o cases.Operand, values []float32) check {
		for i := range values {
			values[i] = float32(float64(values[i]) * 0x1p-129)
		}
		switch {
		case c.Op == compute.OpLayerNorm && o.Name == "x": // the mean's rounding is what it is, and multiplied
			return near.Check
		case strings.Contains(c.Name, "bf16"):
			return near.Check
		case c.Op == compute.OpRowNorms, strings.Contains(c.Name, "int8") && o.Name == "w": // squares and scales vanish
			return near.Check
		}
		return magnifiedToo
	})
}

// strangeCases puts the smaller cases to every tier with one input after the other made strange, which says how results are compared.
func strangeCases(t *testing.T, change func(c *cases.Case, o cases.Operand, values []float32) check) {
	ran := 0
	for _, c := range cases.All() {
		if c.Bytes > 1<<15 {
			continue
		}
		for input, o := range c.In {
			if o.Absent || o.Rows*o.Cols == 0 {
				continue
			}
			values := c.Inputs()
			by := change(c, o, values[input])
			want := c.ExpectOn(values)
			for _, tier := range kernel.Tiers() {
				got, err := c.RunOn(device(t, 2, tier.Name), values)
				if err != nil {
					t.Error(err)
				}
				compare(t, tier.Name+": "+c.FullName()+" with a strange "+o.Name, got, want, by)
			}
			ran++
		}
	}
	if ran < wantCases {
		t.Errorf("only %d runs for %d cases", ran, wantCases)
	}
}

// notFinite is x with infinities made NaN too.
func notFinite(x []float32) []float32 {
	y := append([]float32(nil), x...)
	for i, v := range y {
		if v-v != 0 {
			y[i] = float32(math.NaN())
		}
	}
	return y
}

// magnifiedToo is Check, and Check of denormal values made about 1.
func magnifiedToo(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	near.Check(t, name, got, want, tol)
	var some, wanted []float64
	for i, v := range want {
		if v != 0 && math.Float32bits(v)&0x7f800000 == 0 {
			some, wanted = append(some, float64(got[i])*0x1p126), append(wanted, float64(v)*0x1p126)
		}
	}
	near.Check64(t, name+", magnified", some, wanted, tol)
}

// reaches is CheckNaN where NaN may also be found in rows of the same segment that
// the definition spares: a mask leaves it out as 0·NaN. That it stays in its segment,
// TestSegmentsAlone sees.
func reaches(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	spared := append([]float32(nil), want...)
	for i := range min(len(got), len(want)) {
		if got[i] != got[i] {
			spared[i] = got[i]
		}
		if want[i] != want[i] && got[i] == got[i] {
			t.Errorf("%s: found %v at %d, expected NaN", name, got[i], i)
			return
		}
	}
	near.CheckNaN(t, name, got, spared, tol)
}

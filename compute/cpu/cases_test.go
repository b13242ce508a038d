package cpu

import (
	"math"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cases"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// wantCases is how many cases there are: so that none is lost unnoticed.
const wantCases = 318

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
			values[input][(o.Rows*o.Cols)/2] = float32(math.NaN())
			want := c.ExpectOn(values)
			for _, tier := range kernel.Tiers() {
				got, err := c.RunOn(device(t, 2, tier.Name), values)
				if err != nil {
					t.Error(err)
				}
				by := near.CheckNaN
				if c.Op == compute.OpAttend {
					by = reaches
				}
				compare(t, tier.Name+": "+c.FullName()+" with NaN in "+o.Name, got, want, by)
			}
			ran++
		}
	}
	if ran < wantCases {
		t.Errorf("only %d runs for %d cases", ran, wantCases)
	}
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

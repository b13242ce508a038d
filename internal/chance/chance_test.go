package chance

import (
	"math"
	"slices"
	"testing"
)

// TestKnownAnswers holds the generator to Random123's kat_vectors for philox4x32 with 10 rounds.
func TestKnownAnswers(t *testing.T) {
	const all = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{all, all, all, all}, [2]uint32{all, all}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%08x, %08x) = %08x, want %08x", c.counter, c.key, got, c.want)
		}
	}
}

// TestLayout finds the third known answer through a key: it pins where seed, step, site and
// element go.
func TestLayout(t *testing.T) {
	want := [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}
	k := Key{Seed: 0x299f31d0_a4093822, Step: 0x85a308d3, Site: 0x03707344_13198a2e}
	for lane, w := range want {
		if got := Uint32(k, 4*0x243f6a88+uint64(lane)); got != w {
			t.Errorf("lane %d: %08x, want %08x", lane, got, w)
		}
	}
	k.Step |= 0x12345678 << 32
	k.Site ^= (0x56781234 ^ 0x0abcdef0) << 32
	if got := Uint32(k, 0x0abcdef0_243f6a88*4); got != want[0] {
		t.Errorf("high words: %08x, want %08x", got, want[0])
	}
}

func TestDerived(t *testing.T) {
	k := Key{Seed: 7, Step: 3, Site: SiteOf("test")}
	for e := range uint64(40) {
		u := Uint32(k, e)
		if got := Float(k, e); got != float32(float64(u>>8)/(1<<24)) {
			t.Errorf("Float(%d) = %v", e, got)
		}
		wide := uint64(Uint32(k, 2*e)) | uint64(Uint32(k, 2*e+1))<<32
		if got := Uint64(k, e); got != wide {
			t.Errorf("Uint64(%d) = %x, want %x", e, got, wide)
		}
		if got, want := Below(k, e, 1<<60), wide>>4; got != want {
			t.Errorf("Below(%d) = %d, want %d", e, got, want)
		}
	}
	normals, floats := make([]float32, 39), make([]float32, 39)
	Normals(k, normals)
	Floats(k, floats)
	NormalsFrom(k, 8, normals[8:21])
	for e := range normals {
		four := make([]float32, 4)
		NormalsFrom(k, uint64(e/4*4), four)
		if normals[e] != four[e%4] || floats[e] != Float(k, uint64(e)) {
			t.Errorf("element %d differs when a slice is filled", e)
		}
	}
	// The published 64-bit FNV-1a of "foobar".
	if got := SiteOf("foobar"); got != 0x85944171f73967e8 {
		t.Errorf("SiteOf = %x", got)
	}
}

// TestNormalMoments checks mean, variance and kurtosis: of n draws they stray from 0, 1 and 3 by
// more than six deviations only if the distribution is wrong.
func TestNormalMoments(t *testing.T) {
	const n = 1 << 18
	v := make([]float32, n)
	Normals(Key{Seed: 1}, v)
	var m1, m2, m4 float64
	for _, x := range v {
		y := float64(x)
		m1, m2, m4 = m1+y, m2+y*y, m4+y*y*y*y
	}
	for _, c := range []struct{ got, want, variance float64 }{{m1 / n, 0, 1}, {m2 / n, 1, 2}, {m4 / n, 3, 96}} {
		if deviations := (c.got - c.want) / math.Sqrt(c.variance/n); !(math.Abs(deviations) < 6) {
			t.Errorf("moment %v, want %v: %.1f deviations", c.got, c.want, deviations)
		}
	}
}

func TestPerm(t *testing.T) {
	counts := map[[3]int]int{}
	for seed := range uint64(6000) {
		p := Perm(3, Key{Seed: seed})
		counts[[3]int(p)]++
	}
	if len(counts) != 6 {
		t.Fatalf("%d of 6 permutations", len(counts))
	}
	for p, n := range counts { // 1000 each, deviation 29
		if n < 820 || n > 1180 {
			t.Errorf("%v came %d times of 6000", p, n)
		}
	}
	p := Perm(1000, Key{Seed: 1})
	if q := Perm(1000, Key{Seed: 2}); slices.Equal(p, q) {
		t.Error("two seeds, one order")
	}
	slices.Sort(p)
	for i, v := range p {
		if i != v {
			t.Fatalf("not a permutation at %d", i)
		}
	}
	if len(Perm(0, Key{})) != 0 {
		t.Error("Perm(0)")
	}
}

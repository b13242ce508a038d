package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

func TestPeakCounts(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		loops := map[string]func(int) float64{"FMA": s.PeakFMA, "Int8": s.PeakInt8}
		if s.MultipliesBF16() {
			loops["BF16"] = s.PeakBF16
		}
		for name, peak := range loops {
			if one, ten := peak(1), peak(10); one <= 0 || ten != 10*one {
				t.Errorf("%s: one turn is %v operations, ten are %v", name, one, ten)
			}
		}
	})
}

// TestPeakInt8 says that the loop does what is counted: pairs of 16 bits in the place of x and y, or bytes, those of x without a sign.
func TestPeakInt8(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		l, r := s.peakInt8, rand.New(rand.NewPCG(71, 72))
		x, y, sums := words(r, l.lanes), words(r, l.lanes), words(r, l.lanes*l.chains)
		const turns = 7
		want := slices.Clone(sums)
		for i := range want {
			x, y := x[i%l.lanes], y[i%l.lanes]
			for j := range l.products {
				if l.products == 2 {
					want[i] += turns * int32(int16(x>>(16*j))) * int32(int16(y>>(16*j)))
				} else {
					want[i] += turns * int32(uint8(x>>(8*j))) * int32(int8(y>>(8*j)))
				}
			}
		}
		l.add(sums, x, y, turns)
		if !slices.Equal(sums, want) {
			t.Errorf("sums %v, expected %v", sums, want)
		}
	})
}

func TestPeakBF16(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		if !s.MultipliesBF16() {
			t.Skip("this tier has no instructions for products of bfloat16")
		}
		l, r := s.peakBF16, rand.New(rand.NewPCG(73, 74))
		x, y, sums := make([]int32, l.lanes), make([]int32, l.lanes), randoms(r, l.lanes*l.chains)
		left, right := randoms(r, 2*l.lanes), randoms(r, 2*l.lanes)
		for _, row := range [][]float32{left, right} {
			halves := make([]uint16, len(row))
			s.F32ToBF16(halves, row)
			s.BF16ToF32(row, halves)
		}
		s.PairRow(x, left)
		s.PairRow(y, right)
		const turns = 7
		want := slices.Clone(sums)
		for i := range want {
			k := 2 * (i % l.lanes)
			for range turns {
				want[i] = addBF16(addBF16(want[i], left[k+1], right[k+1]), left[k], right[k])
			}
		}
		l.add(sums, x, y, turns)
		near.Bits(t, "sums", sums, want)
	})
}

func words(r *rand.Rand, n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(r.Uint32())
	}
	return x
}

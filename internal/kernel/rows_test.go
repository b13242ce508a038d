package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/internal/chance"
	"trimtab/internal/near"
)

// refSoftmax is softmax and the logarithm of the sum, in float64.
func refSoftmax(x []float64, scale float64) (p []float64, lse float64) {
	m := math.Inf(-1)
	for _, v := range x {
		m = max(m, v*scale)
	}
	var sum float64
	for _, v := range x {
		sum += math.Exp(v*scale - m)
	}
	lse = m + math.Log(sum)
	for _, v := range x {
		p = append(p, math.Exp(v*scale-lse))
	}
	return p, lse
}

func TestSoftmax(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, n := range lengths(r) {
			if n == 0 {
				continue
			}
			beyond := r.IntN(10)
			row, check := guarded(t, n+beyond, r.IntN(16))
			for i := range row {
				row[i] = float32(20*r.NormFloat64() + 100)
				if i > 0 && r.IntN(5) == 0 {
					row[i] = float32(math.Inf(-1))
				}
			}
			x := append([]float32(nil), row...)
			want, lse := refSoftmax(widen(row[:n]), 0.125)
			near.Number(t, "log of the sum", float64(s.LogSumExp(x[:n], 0.125)), lse, near.Kernel)
			got := s.Softmax(row, n, 0.125)
			check()
			near.Number(t, "log of the sum, from softmax", float64(got), lse, near.Kernel)
			near.Check64(t, "softmax", widen(row), append(want, make([]float64, beyond)...), near.Kernel)
			again := make([]float32, n)
			s.ExpShift(again, x, 0.125, got)
			near.Check(t, "softmax again", again, row[:n], near.Twin)

			dp := randoms(r, n)
			var dot float64
			for i, p := range want {
				dot += p * float64(dp[i])
			}
			for i, p := range want {
				want[i] = p * (float64(dp[i]) - dot) * 0.125
			}
			ds, check := guarded(t, n, r.IntN(16))
			s.SoftmaxBackward(ds, row, dp, 0.125)
			check()
			near.Check64(t, "softmax backward", widen(ds), want, near.Kernel)
		}
	})
}

func TestSoftmaxAtTheEdges(t *testing.T) {
	inf := float32(math.Inf(1))
	eachTier(t, func(t *testing.T, s *Set) {
		row := []float32{1, 2, 3}
		if lse := s.Softmax(row, 0, 1); lse != -inf || row[0] != 0 || row[2] != 0 {
			t.Errorf("nothing left: %v, %v", lse, row)
		}
		if lse := s.LogSumExp(nil, 1); lse != -inf {
			t.Errorf("empty row: %v", lse)
		}
		if lse := s.LogSumExp([]float32{-inf, -inf}, 1); lse != -inf {
			t.Errorf("only -Inf: %v", lse)
		}
		for _, row := range [][]float32{{-inf, -inf}, {1, inf}, {float32(math.NaN()), 1}} {
			n := len(row)
			if lse := s.Softmax(row, n, 1); lse == lse || row[0] == row[0] || row[1] == row[1] {
				t.Errorf("softmax gives %v, %v", row, lse)
			}
		}
	})
}

// A normRow is one row's normalisation in float64.
type normRow struct{ y, dx, dgamma, dbeta []float64 }

// refNorm normalises x and propagates dy; rms leaves out the mean.
func refNorm(x, gamma, beta, dy []float64, eps float64, rms bool) (n normRow, mean, rstd float64) {
	size := float64(len(x))
	if !rms {
		mean = refSum(x) / size
	}
	var squares float64
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	rstd = 1 / math.Sqrt(squares/size+eps)
	var c1, c2 float64
	for i, v := range x {
		hat := (v - mean) * rstd
		n.y = append(n.y, hat*gamma[i]+beta[i])
		n.dgamma = append(n.dgamma, dy[i]*hat)
		n.dbeta = append(n.dbeta, dy[i])
		c1 += dy[i] * gamma[i] / size
		c2 += dy[i] * gamma[i] * hat / size
	}
	if rms {
		c1 = 0
	}
	for i, v := range x {
		n.dx = append(n.dx, rstd*(dy[i]*gamma[i]-c1-(v-mean)*rstd*c2))
	}
	return n, mean, rstd
}

func fill(n int, v float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

func TestNorms(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, n := range append(lengths(r), 768, 1024) {
			for variant := range 8 {
				if n < 2 {
					continue // the gradient of one normalised element is 0 times a large number
				}
				testNorm(t, s, r, n, variant&1 > 0, variant&2 > 0, variant&4 > 0)
			}
		}
	})
}

func testNorm(t *testing.T, s *Set, r *rand.Rand, n int, withGamma, withBeta, rms bool) {
	x, dy := randoms(r, n), randoms(r, n)
	for i := range x {
		x[i] = x[i]*2 + 0.5
	}
	var gamma, beta []float32
	gamma64, beta64 := fill(n, 1), fill(n, 0)
	if withGamma {
		gamma = randoms(r, n)
		gamma64 = widen(gamma)
	}
	if withBeta && !rms {
		beta = randoms(r, n)
		beta64 = widen(beta)
	}
	const eps = 1e-2
	want, mean, rstd := refNorm(widen(x), gamma64, beta64, widen(dy), float64(float32(eps)), rms)
	y, checkY := guarded(t, n, r.IntN(16))
	dx, checkX := guarded(t, n, r.IntN(16))
	dgamma, checkG := guarded(t, n, r.IntN(16))
	dbeta, checkB := guarded(t, n, r.IntN(16))
	copy(dgamma, randoms(r, n))
	copy(dbeta, randoms(r, n))
	for i := range n {
		want.dgamma[i] += float64(dgamma[i])
		want.dbeta[i] += float64(dbeta[i])
	}
	if rms {
		got := s.RMSNorm(y, x, gamma, eps)
		near.Number(t, "rstd", float64(got), rstd, near.Kernel)
		s.RMSNormBackward(dx, dgamma, x, dy, gamma, got)
	} else {
		gotMean, got := s.LayerNorm(y, x, gamma, beta, eps)
		near.Number(t, "mean", float64(gotMean), mean, near.Kernel)
		near.Number(t, "rstd", float64(got), rstd, near.Kernel)
		s.LayerNormBackward(dx, dgamma, dbeta, x, dy, gamma, gotMean, got)
		near.Check64(t, "dbeta", widen(dbeta), want.dbeta, near.Kernel)
		again := make([]float32, n)
		s.Normalize(again, x, gamma, beta, gotMean, got)
		near.Bits(t, "normalised again", again, y)
		s.LayerNormBackward(append([]float32(nil), dx...), nil, nil, x, dy, gamma, gotMean, got)
	}
	checkY()
	checkX()
	checkG()
	checkB()
	near.Check64(t, "y", widen(y), want.y, near.Kernel)
	near.Check64(t, "dx", widen(dx), want.dx, near.Twin)
	near.Check64(t, "dgamma", widen(dgamma), want.dgamma, near.Kernel)
}

// TestLayerNormFarFromZero has a mean a thousand deviations away, where E[x²]-mean² would have lost everything.
func TestLayerNormFarFromZero(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(17, 18))
		x := randoms(r, 768)
		for i := range x {
			x[i] += 1024
		}
		_, rstd := s.LayerNorm(make([]float32, 768), x, nil, nil, 1e-5)
		_, _, want := refNorm(widen(x), fill(768, 1), fill(768, 0), fill(768, 0), 1e-5, false)
		near.Number(t, "rstd", float64(rstd), want, near.Twin)
	})
}

func TestRotary(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(19, 20))
		for h := 1; h < 70; h++ {
			cos, sin := make([]float32, h), make([]float32, h)
			for i := range h {
				angle := r.Float64() * 10
				cos[i], sin[i] = float32(math.Cos(angle)), float32(math.Sin(angle))
			}
			heads := 1 + r.IntN(3)
			x, check := guarded(t, heads*2*h, r.IntN(16))
			copy(x, randoms(r, len(x)))
			before := append([]float32(nil), x...)
			want := make([]float64, len(x))
			for head := range heads {
				for i := range h {
					j := head*2*h + i
					l, u, c, n := float64(x[j]), float64(x[j+h]), float64(cos[i]), float64(sin[i])
					want[j], want[j+h] = l*c-u*n, u*c+l*n
				}
			}
			s.Rotary(x, cos, sin)
			near.Check64(t, "rotated", widen(x), want, near.Kernel)
			s.RotaryBackward(x, cos, sin)
			check()
			near.Check(t, "rotated back", x, before, near.Kernel)
		}
	})
}

func TestDropout(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(21, 22))
		for i := range 300 {
			key := chance.Key{Seed: r.Uint64(), Step: r.Uint64(), Site: r.Uint64()}
			first := r.Uint64() >> r.IntN(64)
			if i%10 == 0 { // blocks whose number passes 2^32
				first = 1<<34 - uint64(r.IntN(200))
			}
			p := []float64{0, 0.1, 0.5, 0.999, r.Float64()}[r.IntN(5)]
			n := r.IntN(400)
			o, values, want := &operands{t: t, r: r}, sprinkled(r, n), make([]float32, n)
			x := o.input(values)
			for i := range x {
				if float64(chance.Float(key, first+uint64(i))) >= p {
					want[i] = x[i] * float32(1/(1-p))
				}
			}
			got, again := o.output(randoms(r, n)), o.output(values)
			s.Dropout(got, x, key, first, p)
			s.Dropout(again, again, key, first, p)
			o.done()
			near.Bits(t, "dropout", got, want)
			near.Bits(t, "dropout in place", again, want)
		}
	})
}

package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"trimtab/internal/chance"
)

func BenchmarkPeak(b *testing.B) {
	for _, s := range Tiers() {
		for name, peak := range map[string]func(int) float64{"fma": s.PeakFMA, "int8": s.PeakInt8} {
			b.Run(s.Name+"/"+name, func(b *testing.B) {
				var operations float64
				for b.Loop() {
					operations += peak(100000)
				}
				b.ReportMetric(operations/float64(b.Elapsed().Nanoseconds()), "GOP")
			})
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range Tiers()[1:] {
		for _, m := range []int{1, 2, 3, 4, 16, 128, 512, 2048} {
			for _, nk := range [][2]int{{768, 768}, {3072, 768}, {768, 3072}, {5632, 2048}, {512, 128}} {
				n, k := nk[0], nk[1]
				b.Run(fmt.Sprintf("%s/m%d/k%d/n%d", s.Name, m, k, n), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 2))
					x, w := randoms(r, m*k), randoms(r, n*k)
					packed, c := make([]float32, s.PackedLen(n, k)), make([]float32, m*n)
					s.PackRows(packed, w, k, n, k)
					for b.Loop() {
						s.Gemm(c, n, x, k, packed, m, n, k, false)
					}
					b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GF")
				})
			}
		}
	}
}

func BenchmarkPacking(b *testing.B) {
	const n, k = 768, 768
	for _, s := range Tiers() {
		r := rand.New(rand.NewPCG(1, 2))
		w := randoms(r, n*k)
		packed, again := make([]float32, n*k), make([]float32, n*k)
		s.PackRows(packed, w, k, n, k)
		for name, f := range map[string]func(){
			"rows":       func() { s.PackRows(again, w, k, n, k) },
			"cols":       func() { s.PackCols(again, w, k, n, k) },
			"transposed": func() { s.PackTransposedA(again, w, k, n, k) },
			"repack":     func() { s.RepackTransposed(again, packed, n, k, 0, n, 0, k) },
			"unpack":     func() { s.Unpack(again, k, packed, n, k) },
		} {
			b.Run(s.Name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(n*k*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "el/ns")
			})
		}
	}
}

func BenchmarkVectors(b *testing.B) {
	const n = 8192
	for _, s := range Tiers() {
		r := rand.New(rand.NewPCG(1, 2))
		var x [5][]float32
		for i := range x {
			x[i] = randoms(r, n)
		}
		half := make([]uint16, n)
		step := NewAdamW(1e-4, 0.9, 0.999, 1e-8, 0.01, 10)
		m := Moment{make([]uint8, n), make([]float32, n/MomentBlock)}
		v := Moment{make([]uint8, n), make([]float32, n/MomentBlock)}
		for _, c := range []struct {
			name string
			f    func()
		}{
			{"add", func() { s.Add(x[0], x[1], x[2]) }},
			{"axpy", func() { s.Axpy(x[0], x[1], 1e-3) }},
			{"dot", func() { s.Dot(x[0], x[1]) }},
			{"max", func() { s.Max(x[0]) }},
			{"exp", func() { s.Exp(x[0], x[1]) }},
			{"gelu", func() { s.GELU(x[0], x[1]) }},
			{"gelu-back", func() { s.GELUBackward(x[0], x[1], x[2]) }},
			{"gelutanh", func() { s.GELUTanh(x[0], x[1]) }},
			{"silu", func() { s.SiLU(x[0], x[1]) }},
			{"tanh", func() { s.Tanh(x[0], x[1]) }},
			{"swiglu-back", func() { s.SwiGLUBackward(x[0], x[1], x[2], x[3], x[4]) }},
			{"softmax128", func() {
				for i := 0; i < n; i += 128 {
					copy(x[0][i:i+128], x[1][i:])
					s.Softmax(x[0][i:i+128], 128, 0.125)
				}
			}},
			{"layernorm1024", func() {
				for i := 0; i < n; i += 1024 {
					s.LayerNorm(x[0][i:i+1024], x[1][i:], x[2], x[3], 1e-5)
				}
			}},
			{"layernorm1024-back", func() {
				for i := 0; i < n; i += 1024 {
					s.LayerNormBackward(x[0][i:i+1024], nil, nil, x[1][i:], x[2][i:], x[3], 0.1, 0.9)
				}
			}},
			{"rotary64", func() { s.Rotary(x[0], x[1][:32], x[2][:32]) }},
			{"adamw", func() { s.AdamW(x[0], x[1], x[2], x[3], &step) }},
			{"adamw8", func() { s.AdamW8(x[0], x[1], m, v, &step, x[4]) }},
			{"f16", func() { s.F16ToF32(x[0], half) }},
			{"to-bf16", func() { s.F32ToBF16(half, x[1]) }},
			{"dropout", func() { s.Dropout(x[0], x[1], chance.Key{Seed: 1}, 0, 0.1) }},
		} {
			b.Run(s.Name+"/"+c.name, func(b *testing.B) {
				for b.Loop() {
					c.f()
				}
				b.ReportMetric(n*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "el/ns")
			})
		}
	}
}

func BenchmarkInt8(b *testing.B) {
	for _, s := range Tiers()[1:] {
		for _, m := range []int{1, 2, 4, 8, 16, 128, 512} {
			for _, nk := range [][2]int{{768, 768}, {3072, 768}, {768, 3072}, {2048, 5632}} {
				n, k := nk[0], nk[1]
				b.Run(fmt.Sprintf("%s/m%d/k%d/n%d", s.Name, m, k, n), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 2))
					held, c := quantize(s, Int8, randoms(r, n*k), n, k), make([]float32, m*n)
					a, lda, scales := int8Rows(s, randoms(r, m*k), m, k, 16, 0)
					temp := make([]float32, s.Int8Temp())
					for b.Loop() {
						s.MultiplyInt8(c, n, a, lda, scales, held, nil, m, 0, n, temp)
					}
					b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GOP")
				})
			}
		}
	}
}

package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkGemmQuantized times tiles whose codes lie in the second cache: nanoseconds a vector of eight, of the fastest tenth.
func BenchmarkGemmQuantized(b *testing.B) {
	const n, k = 128, 2048
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range Tiers()[1:] {
		for _, form := range []Form{BF16, NF4, Int4} {
			q := quantize(s, form, randoms(r, n*k), n, k)
			temp := Make[float32](s.TempGemmQuantized(q))
			for _, m := range []int{1, 2, 3, 4, 8} {
				b.Run(fmt.Sprintf("%s/form%d/m%d", s.Name, form, m), func(b *testing.B) {
					x, c := randoms(r, m*k), Make[float32](m*n)
					var times []time.Duration
					for b.Loop() {
						begun := time.Now()
						s.GemmQuantized(c, n, x, k, q, 0, q.panels(), m, false, temp)
						times = append(times, time.Since(begun))
					}
					slices.Sort(times)
					b.ReportMetric(float64(times[len(times)/10].Nanoseconds())/(n*k/8), "ns/vector")
				})
			}
		}
	}
}

// BenchmarkMultiplyInt8 times few rows whose codes lie in the second cache: gigabytes of codes a second, of the fastest tenth.
func BenchmarkMultiplyInt8(b *testing.B) {
	const n, k = 128, 2048
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range Tiers()[1:] {
		q := quantize(s, Int8, randoms(r, n*k), n, k)
		temp, words := Make[float32](s.Int8Temp()), Int8Words(k)
		for _, m := range []int{1, 2, 4, 8, 16} {
			b.Run(fmt.Sprintf("%s/m%d", s.Name, m), func(b *testing.B) {
				x, c, rows, scales := randoms(r, m*k), Make[float32](m*n), Make[int32](m*words), make([]float32, m)
				for i := range m {
					scales[i] = s.QuantizeRow(rows[i*words:][:words], x[i*k:][:k])
				}
				var times []time.Duration
				for b.Loop() {
					begun := time.Now()
					s.MultiplyInt8(c, n, rows, words, scales, q, nil, m, 0, n, temp)
					times = append(times, time.Since(begun))
				}
				slices.Sort(times)
				b.ReportMetric(n*k/float64(times[len(times)/10].Nanoseconds()), "GB/s")
			})
		}
	}
}

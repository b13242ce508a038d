package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkPairs multiplies with pairs that were made before, all of it in the second cache.
func BenchmarkPairs(b *testing.B) {
	for _, s := range Tiers() {
		if !s.MultipliesBF16() {
			continue
		}
		for _, sh := range [][3]int{{32, 768, 768}, {128, 768, 768}, {256, 256, 768}, {256, 256, 3072}} {
			m, n, k := sh[0], sh[1], sh[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, m, n, k), func(b *testing.B) {
				lda := s.PairWords(k) + 16
				a, pairs, c := Make[int32](m*lda), Make[int32](s.PairsLen(n, k)), Make[float32](m*(n+16))
				temp := make([]float32, s.BF16Temp())
				for b.Loop() {
					s.MultiplyPairs(c, n+16, a, lda, pairs, nil, m, n, k, false, temp)
				}
				b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

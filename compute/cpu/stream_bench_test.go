package cpu

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// BenchmarkFewRows times products of few rows with weights that no cache holds: GB/s are those of the packed weights, of the median and of
// the fastest twentieth.
func BenchmarkFewRows(b *testing.B) {
	const in, out = 2048, 5632
	d, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	drawn := compute.NewMat(out, in, d.Alloc(out*in))
	chance.Normals(chance.Key{Site: 1}, drawn.Data)
	for _, p := range compute.Precisions() {
		var weights []compute.Weight
		for bytes := 0; bytes < 256<<20; bytes += weights[0].Bytes() {
			weights = append(weights, d.Pack(drawn, p))
		}
		for _, rows := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("%v/%d", p, rows), func(b *testing.B) {
				x, y := compute.NewMat(rows, in, d.Alloc(rows*in)), compute.NewMat(rows, out, d.Alloc(rows*out))
				copy(x.Data, drawn.Data)
				var seconds []float64
				for b.Loop() {
					begun := time.Now()
					d.Linear(y, x, weights[len(seconds)%len(weights)], nil)
					seconds = append(seconds, time.Since(begun).Seconds())
				}
				slices.Sort(seconds)
				b.ReportMetric(float64(weights[0].Bytes())/seconds[len(seconds)/2]/1e9, "GB/s")
				b.ReportMetric(float64(weights[0].Bytes())/seconds[len(seconds)/20]/1e9, "best-GB/s")
			})
		}
	}
}

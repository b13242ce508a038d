package cpu

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// BenchmarkFewRows times products of few rows with weights that no cache holds, in turns with reading as many bytes of other memory, because what
// memory gives changes from second to second: GB/s of the packed weights and of what is only read, medians, and the median share of each two.
func BenchmarkFewRows(b *testing.B) {
	const in, out, size = 2048, 5632, 256 << 20
	d, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	drawn := compute.NewMat(out, in, d.Alloc(out*in))
	chance.Normals(chance.Key{Site: 1}, drawn.Data)
	memory := d.Alloc(size / 4)
	for i := 0; i < len(memory); i += 1024 {
		memory[i] = 1
	}
	for _, p := range compute.Precisions() {
		var weights []compute.Weight
		for bytes := 0; bytes < size; bytes += weights[0].Bytes() {
			weights = append(weights, d.Pack(drawn, p))
		}
		for _, rows := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("%v/%d", p, rows), func(b *testing.B) {
				x, y := compute.NewMat(rows, in, d.Alloc(rows*in)), compute.NewMat(rows, out, d.Alloc(rows*out))
				copy(x.Data, drawn.Data)
				bytes := float64(weights[0].Bytes())
				var products, reads, shares []float64
				for b.Loop() {
					i := len(products) % len(weights)
					begun := time.Now()
					d.Linear(y, x, weights[i], nil)
					product := time.Since(begun).Seconds()
					begun = time.Now()
					d.read(memory[i*weights[0].Bytes()/4:][:min(weights[0].Bytes(), size-i*weights[0].Bytes())/4])
					read := time.Since(begun).Seconds() * bytes / float64(min(weights[0].Bytes(), size-i*weights[0].Bytes()))
					products, reads, shares = append(products, bytes/product/1e9), append(reads, bytes/read/1e9), append(shares, read/product)
				}
				for name, v := range map[string][]float64{"GB/s": products, "read-GB/s": reads, "share": shares} {
					slices.Sort(v)
					b.ReportMetric(v[len(v)/2], name)
				}
			})
		}
	}
}

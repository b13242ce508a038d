package cpu

import (
	"fmt"
	"math"
	"testing"

	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
	"trimtab/tensor"
)

// TestKeeping compares what comes back from bfloat16 with the conversions of files, for any shape and number of threads, NaN, infinities
// and denormals among the elements, and sees that no word beside them is written.
func TestKeeping(t *testing.T) {
	for _, tier := range kernel.Tiers() {
		for _, s := range [][2]int{{0, 5}, {1, 1}, {3, 7}, {64, 33}, {129, 257}, {1, 40000}} {
			d, n := device(t, 3, tier.Name), s[0]*s[1]
			x, y := compute.NewMat(s[0], s[1], d.Alloc(n)), compute.NewMat(s[0], s[1], d.Alloc(n))
			chance.Normals(chance.Key{Site: 1}, x.Data)
			for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e-42, -1e-45, math.MaxFloat32, math.Copysign(0, -1)} {
				if i < n {
					x.Data[n-1-i] = float32(v)
				}
			}
			words := compute.BF16Len(n)
			held, want := d.Alloc(words+1), make([]float32, n)
			held[words] = 7
			for i, v := range x.Data {
				want[i] = tensor.BF16ToF32(tensor.F32ToBF16(v))
			}
			d.ToBF16(held[:words], x)
			d.FromBF16(y, held[:words])
			near.Bits(t, fmt.Sprintf("%s %v", tier.Name, s), y.Data, want)
			near.Number(t, "beside them", float64(held[words]), 7, near.Exact)
		}
	}
}

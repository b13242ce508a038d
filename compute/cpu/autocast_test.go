package cpu

import (
	"fmt"
	"math"
	"testing"

	"trimtab/compute"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// TestAutocast says that a product in bfloat16 is near the sum of rounded elements' products, in each direction, written and added, and the same to the bit on one thread;
// that a small one is float32's; and which tiers have none.
func TestAutocast(t *testing.T) {
	for _, tier := range kernel.Tiers() {
		d, single := device(t, 3, tier.Name), device(t, 1, tier.Name)
		if err := d.Autocast(compute.BF16); !tier.MultipliesBF16() {
			if err == nil {
				t.Errorf("%s multiplies bfloat16", tier.Name)
			}
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if err := single.Autocast(compute.BF16); err != nil {
			t.Fatal(err)
		}
		for _, s := range [][3]int{{40, 50, 60}, {100, 70, 2*kernel.BlockK + 35}, {33, 300, 32}, {70, 33, 4*kernel.BlockK + 1}, {150, 200, 96}, {31, 40, 50}, {40, 50, 31}} {
			for flags := range 8 {
				ta, tb, add := flags&1 > 0, flags&2 > 0, flags&4 > 0
				m, n, k := s[0], s[1], s[2]
				a, b := normal(d, "a", m, k), normal(d, "b", k, n)
				if ta {
					a = normal(d, "a", k, m)
				}
				if tb {
					b = normal(d, "b", n, k)
				}
				product := func(on *Device, a, b compute.Mat) []float32 {
					c := normal(d, "c", m, n)
					on.MatMul(c, a, b, ta, tb, 1, add)
					return c.Data
				}
				name := fmt.Sprintf("%s %v, transposed %v %v, adding %v", tier.Name, s, ta, tb, add)
				got := product(d, a, b)
				near.Bits(t, name+", one thread", product(single, a, b), got)
				if min(m, n, k) < leastRounded {
					if err := d.Autocast(compute.F32); err != nil {
						t.Fatal(err)
					}
					near.Bits(t, name, got, product(d, a, b))
					if err := d.Autocast(compute.BF16); err != nil {
						t.Fatal(err)
					}
					continue
				}
				exact, sizes := sumsOf(halved(d, a), halved(d, b), m, n, k, ta, tb)
				for i, before := range normal(d, "c", m, n).Data {
					if add {
						exact[i], sizes[i] = exact[i]+float64(before), sizes[i]+math.Abs(float64(before))
					}
				}
				near.Sums(t, name, got, exact, sizes, near.Kernel)
			}
		}
	}
}

// sumsOf are the elements of a product in float64, and the sums of their terms' sizes.
func sumsOf(a, b compute.Mat, m, n, k int, ta, tb bool) (exact, sizes []float64) {
	at := func(x compute.Mat, row, col int, turned bool) float64 {
		if turned {
			row, col = col, row
		}
		return float64(x.Row(row)[col])
	}
	for i := range m {
		for j := range n {
			var sum, size float64
			for l := range k {
				v := at(a, i, l, ta) * at(b, l, j, tb)
				sum, size = sum+v, size+math.Abs(v)
			}
			exact, sizes = append(exact, sum), append(sizes, size)
		}
	}
	return exact, sizes
}

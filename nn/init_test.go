package nn

import (
	"math"
	"runtime"
	"testing"

	"trimtab/internal/chance"
	"trimtab/internal/near"
)

// Fresh elements are those of their addresses, on any number of threads.
func TestInit(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const n, std = 3*part + 7, 0.25
	k := chance.Key{Seed: 3, Site: chance.SiteOf("w")}
	normals := make([]float32, n)
	chance.Normals(k, normals)
	for i := range n {
		normals[i] *= std
	}
	one := Init{Std: std}.elements("w", n, &LoadOptions{Seed: 3, Uniform: true})
	for _, threads := range []int{1, 3} {
		runtime.GOMAXPROCS(threads)
		near.Bits(t, "normal", Init{Std: std}.elements("w", n, &LoadOptions{Seed: 3}), normals)
		near.Bits(t, "uniform", Init{Std: std}.elements("w", n, &LoadOptions{Seed: 3, Uniform: true}), one)
	}
	var sum, squares float64
	values := map[float32]bool{}
	for _, x := range one {
		sum, squares, values[x] = sum+float64(x), squares+float64(x)*float64(x), true
	}
	near.Number(t, "mean", sum/n, 0, near.EightBits)
	near.Number(t, "deviation", math.Sqrt(squares/n), std, near.EightBits)
	if len(values) != 256 {
		t.Errorf("%d values", len(values))
	}
}

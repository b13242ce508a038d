package nn

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cpu"
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
	drawn := func(o LoadOptions) []float32 {
		v := make([]float32, n)
		Init{Std: std}.fill(v, 0, "w", &o)
		return v
	}
	one := drawn(LoadOptions{Seed: 3, Uniform: true})
	for _, threads := range []int{1, 3} {
		runtime.GOMAXPROCS(threads)
		near.Bits(t, "normal", drawn(LoadOptions{Seed: 3}), normals)
		near.Bits(t, "uniform", drawn(LoadOptions{Seed: 3, Uniform: true}), one)
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

// Fresh weights are packed out of one buffer: what is left of a base on the heap are the packed forms.
func TestFreshLeaveNothing(t *testing.T) {
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	const width, maps = 512, 8
	l := Load(dev, nil, LoadOptions{Std: 0.1, Precision: compute.BF16, Uniform: true})
	for i := range maps {
		l.Root().LinearNoBias(fmt.Sprint("map", i), width, width)
	}
	tree, err := l.Finish()
	if err != nil {
		t.Fatal(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // or the buffer might be collected between two of them
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, q := range tree.Params() {
		if _, err := q.Weight(); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	const packed, buffers = maps * 2 * width * width, 2 * 4 * width * width // a weight as float32, and what a thread packs through
	if made := after.TotalAlloc - before.TotalAlloc; made > packed+buffers {
		t.Errorf("%d weights of %d bytes took %d bytes, expected %d at most", maps, 2*width*width, made, packed+buffers)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if left := int64(after.HeapAlloc) - int64(before.HeapAlloc); left > packed+buffers/2 {
		t.Errorf("%d weights of %d bytes left %d bytes, expected %d at most", maps, 2*width*width, left, packed+buffers/2)
	}
	runtime.KeepAlive(tree)
}

package nn

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"trimtab/internal/chance"
)

// Init is how a parameter that no file has begins.
type Init struct {
	// Constant is the value of every element, where Std is 0.
	Constant float32
	// Std is the deviation of a distribution around zero.
	Std float32
}

// fill draws the elements of a fresh parameter, addressed by its name, from number from on, a multiple of 16, into v.
func (i Init) fill(v []float32, from int, name string, o *LoadOptions) {
	if i.Std == 0 {
		for j := range v {
			v[j] = i.Constant
		}
		return
	}
	k := chance.Key{Seed: o.Seed, Site: chance.SiteOf(name)}
	inParts(v, func(first int, v []float32) {
		first += from
		if o.Uniform {
			coarse(v, k, uint64(first), i.Std)
			return
		}
		chance.NormalsFrom(k, uint64(first), v)
		for j := range v {
			v[j] *= i.Std
		}
	})
}

// coarse draws elements from first on, a multiple of 16, from 256 values around zero, evenly spaced: four of each number of [chance.Block].
func coarse(v []float32, k chance.Key, first uint64, std float32) {
	step := std * float32(math.Sqrt(12.0/(256*256-1)))
	for i := 0; i < len(v); i += 16 {
		var sixteen [16]float32
		for j, u := range chance.Block(k, (first+uint64(i))/16) {
			for b := range 4 {
				sixteen[4*j+b] = (float32(uint8(u>>(8*b))) - 127.5) * step
			}
		}
		copy(v[i:], sixteen[:])
	}
}

// part is how many elements one thread draws at a time.
const part = 1 << 16

// inParts calls fill on all parts of v, on all cores: each with the number of its first element.
func inParts(v []float32, fill func(first int, v []float32)) {
	var next atomic.Int64
	work := func() {
		for {
			first := int(next.Add(part)) - part
			if first >= len(v) {
				return
			}
			fill(first, v[first:min(first+part, len(v))])
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(v)+part-1)/part) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

package kernel

import (
	"fmt"
	"math"

	"trimtab/internal/chance"
)

// dropoutGroup is the number of elements, from 16 blocks of the generator, in which the tiers do dropout.
const dropoutGroup = 64

// Dropout computes dst = x/(1-p) where an element is kept and 0 where it is dropped, which happens with probability p,
// 0 ≤ p < 1: dst[i] is kept if chance.Float(key, first+i) ≥ p. So the decision is the same in every
// tier, for any split of a tensor, and when the same call is made on the gradient. dst may be x; x is at least as long as dst.
func (s *Set) Dropout(dst, x []float32, key chance.Key, first uint64, p float64) {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("kernel: dropout with probability %v", p))
	}
	x = x[:len(dst)]
	d := dropping{key, int32(math.Ceil(p * (1 << 24))), float32(1 / (1 - p))}
	head := min(int(-first%dropoutGroup), len(dst))
	d.elements(dst[:head], x, first)
	whole := head + (len(dst)-head)/dropoutGroup*dropoutGroup
	if whole > head {
		s.dropout(dst[head:whole], x[head:whole], d, (first+uint64(head))/4)
	}
	d.elements(dst[whole:], x[whole:], first+uint64(whole))
}

// dropping says which draws are kept, those of whose upper 24 bits are at least limit, and what multiplies what is kept.
type dropping struct {
	key   chance.Key
	limit int32
	scale float32
}

// elements does dropout from any element on.
func (d dropping) elements(dst, x []float32, first uint64) {
	for i := range dst {
		dst[i] = d.apply(x[i], chance.Uint32(d.key, first+uint64(i)))
	}
}

func (d dropping) apply(x float32, draw uint32) float32 {
	if int32(draw>>8) < d.limit {
		return 0
	}
	return x * d.scale
}

// dropoutGeneric is Dropout on whole groups, the first of which begins with the given block of the generator.
func dropoutGeneric(dst, x []float32, d dropping, block uint64) {
	for i := 0; i < len(dst); i += 4 {
		for j, draw := range chance.Block(d.key, block+uint64(i)/4) {
			dst[i+j] = d.apply(x[i+j], draw)
		}
	}
}

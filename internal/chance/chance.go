package chance

import (
	"math"
	"math/bits"
)

// Key addresses a stream of draws. The seed is the run's, the step counts optimizer steps or
// epochs (0 where there are none), the site says what the draws are for (see [SiteOf]).
type Key struct{ Seed, Step, Site uint64 }

// SiteOf gives the number of a site by its name, which may come in parts: the 64-bit FNV-1a hash.
func SiteOf(name ...string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, part := range name {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 0x100000001b3
		}
	}
	return h
}

// Block gives the four draws of elements 4*block to 4*block+3.
func Block(k Key, block uint64) [4]uint32 {
	return philox([4]uint32{
		uint32(block), uint32(k.Step), uint32(k.Site),
		uint32(k.Site>>32) ^ uint32(block>>32) ^ bits.RotateLeft32(uint32(k.Step>>32), 16),
	}, [2]uint32{uint32(k.Seed), uint32(k.Seed >> 32)})
}

// Uint32 is the draw of an element: 32 random bits.
func Uint32(k Key, element uint64) uint32 { return Block(k, element/4)[element%4] }

// Uint64 is 64 random bits, made of the draws 2*element and 2*element+1.
func Uint64(k Key, element uint64) uint64 {
	b, lane := Block(k, element/2), element%2*2
	return uint64(b[lane]) | uint64(b[lane+1])<<32
}

// Float is uniform in [0, 1), a multiple of 2^-24.
func Float(k Key, element uint64) float32 { return float32(Uint32(k, element)>>8) * 0x1p-24 }

// Below is uniform among 0, ..., n-1. It uses the draws of [Uint64].
func Below(k Key, element, n uint64) uint64 {
	high, _ := bits.Mul64(Uint64(k, element), n)
	return high
}

// Normals fills dst with draws from the standard normal distribution, at most 6.7 in magnitude: those of elements 0, 1, ...
func Normals(k Key, dst []float32) { NormalsFrom(k, 0, dst) }

// NormalsFrom is Normals from element first on, a multiple of 4.
func NormalsFrom(k Key, first uint64, dst []float32) {
	for i := 0; i < len(dst); i += 4 {
		b := Block(k, (first+uint64(i))/4)
		var four [4]float32
		four[0], four[1] = boxMuller(b[0], b[1])
		four[2], four[3] = boxMuller(b[2], b[3])
		copy(dst[i:], four[:])
	}
}

// Floats fills dst with Float(k, 0), Float(k, 1), ...
func Floats(k Key, dst []float32) {
	for i := 0; i < len(dst); i += 4 {
		b := Block(k, uint64(i)/4)
		var four [4]float32
		for j, u := range b {
			four[j] = float32(u>>8) * 0x1p-24
		}
		copy(dst[i:], four[:])
	}
}

func boxMuller(a, b uint32) (even, odd float32) {
	r := math.Sqrt(-2 * math.Log((float64(a)+1)*0x1p-32))
	sin, cos := math.Sincos(2 * math.Pi * float64(b) * 0x1p-32)
	return float32(r * cos), float32(r * sin)
}

// Perm is a random permutation of 0, ..., n-1 (Fisher-Yates), using the elements 1 to n-1 of [Below].
func Perm(n int, k Key) []int {
	p := make([]int, n)
	Permute(p, k)
	return p
}

// Permute fills p with Perm(len(p), k).
func Permute(p []int, k Key) {
	for i := range p {
		p[i] = i
	}
	for i := len(p) - 1; i > 0; i-- {
		j := Below(k, uint64(i), uint64(i)+1)
		p[i], p[j] = p[j], p[i]
	}
}

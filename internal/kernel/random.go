package kernel

import "fmt"

// Stream is an address of chance: element e of a Stream is a random number that depends on these three and on e alone. It is
// Philox4x32-10 (Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011) with Seed as the key
// and (block, Step, Site) as the counter.
type Stream struct {
	// Seed is the run's.
	Seed uint64
	// Step is the optimizer's step, or whatever else counts time.
	Step uint32
	// Site numbers the place that draws.
	Site uint32
}

// A group is streamGroup elements from groupLanes blocks of four words: element e is word e%32/8 of block e/32·8 + e%8,
// which is the order in which registers of eight lanes have them.
const (
	groupLanes  = 8
	streamGroup = 4 * groupLanes
)

// Uint32 gives element e.
func (s Stream) Uint32(e uint64) uint32 {
	block := e/streamGroup*groupLanes + e%groupLanes
	return s.block(block)[e%streamGroup/groupLanes]
}

// block gives the four words of one block of Philox4x32-10.
func (s Stream) block(n uint64) [4]uint32 {
	c0, c1, c2, c3 := uint32(n), uint32(n>>32), s.Step, s.Site
	k0, k1 := uint32(s.Seed), uint32(s.Seed>>32)
	for range philoxRounds {
		p0, p1 := philoxM0*uint64(c0), philoxM1*uint64(c2)
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += philoxW0
		k1 += philoxW1
	}
	return [4]uint32{c0, c1, c2, c3}
}

const (
	philoxRounds = 10
	philoxM0     = 0xD2511F53
	philoxM1     = 0xCD9E8D57
	philoxW0     = 0x9E3779B9
	philoxW1     = 0xBB67AE85
)

// Dropout computes dst = x/(1-p) where an element is kept and 0 where it is dropped, which happens with probability p,
// 0 ≤ p < 1. dst[i] is dropped if element first+i of the stream is below p·2^32: the decision is the same in any tier,
// for any split of a tensor, and when the same call is made on the gradient. dst may be x; x is at least as long as dst.
func (s *Set) Dropout(dst, x []float32, stream Stream, first uint64, p float64) {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("kernel: dropout with probability %v", p))
	}
	x = x[:len(dst)]
	threshold, scale := uint32(p*(1<<32)), float32(1/(1-p))
	head := min(int(-first%streamGroup), len(dst))
	dropoutElements(dst[:head], x, stream, first, threshold, scale)
	whole := head + (len(dst)-head)/streamGroup*streamGroup
	if whole > head {
		s.dropout(dst[head:whole], x[head:whole], stream, (first+uint64(head))/streamGroup, threshold, scale)
	}
	dropoutElements(dst[whole:], x[whole:], stream, first+uint64(whole), threshold, scale)
}

func dropoutElements(dst, x []float32, stream Stream, first uint64, threshold uint32, scale float32) {
	for i := range dst {
		dst[i] = keep(x[i], stream.Uint32(first+uint64(i)), threshold, scale)
	}
}

// dropoutGeneric is Dropout on whole groups, the first of which has the number group.
func dropoutGeneric(dst, x []float32, s Stream, group uint64, threshold uint32, scale float32) {
	for ; len(dst) > 0; dst, x, group = dst[streamGroup:], x[streamGroup:], group+1 {
		for lane := range groupLanes {
			words := s.block(group*groupLanes + uint64(lane))
			for w, bits := range words {
				i := w*groupLanes + lane
				dst[i] = keep(x[i], bits, threshold, scale)
			}
		}
	}
}

func keep(x float32, bits, threshold uint32, scale float32) float32 {
	if bits < threshold {
		return 0
	}
	return x * scale
}

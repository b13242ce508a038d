package kernel

import "math"

// A dynamic is bitsandbytes' dynamic 8-bit type, for numbers from -1, or 0, to 1: seven decades below 1, each cut into twice as
// many cells as the one below, the middles of the cells, 0 and 1 (Dettmers 2016, Dettmers et al. 2022).
type dynamic struct {
	levels  [256]float32 // ascending
	middles [255]float32 // up to where a level stands for a number: half way to the next
	zero    uint8        // the code of 0
}

// The signed type has 1 to 64 cells a decade on either side of 0 and no -1. The unsigned one has 2 to 128; it is for squares, which are divided by:
// what is above 0 has a level above 0, or a parameter whose gradient goes through 0 would be divided by epsilon.
var signed, unsigned = newDynamic(true), newDynamic(false)

func newDynamic(signed bool) *dynamic {
	const decades = 7
	first := 2
	if signed {
		first = 1
	}
	var positive []float32
	for decade := range decades {
		items := first << decade
		for i := range items {
			middle := 0.1 + 0.9*(float64(i)+0.5)/float64(items)
			positive = append(positive, float32(middle*math.Pow(10, float64(decade-decades+1))))
		}
	}
	d := &dynamic{}
	if signed {
		d.zero = uint8(len(positive))
		for i, level := range positive {
			d.levels[int(d.zero)-1-i] = -level
		}
	}
	copy(d.levels[int(d.zero)+1:], append(positive, 1))
	for i := range d.middles {
		d.middles[i] = (d.levels[i] + d.levels[i+1]) / 2
	}
	if !signed {
		d.middles[0] = 0
	}
	return d
}

// code is the level nearest to x; what lies half way takes the lower one, and NaN that of 0.
func (d *dynamic) code(x float32) uint8 {
	if x != x {
		return d.zero
	}
	code := 0
	for step := 128; step > 0; step /= 2 {
		code += step * int(math.Float32bits(d.middles[code+step-1]-x)>>31) // by sign bits: no branch could be foreseen
	}
	return uint8(code)
}

func (d *dynamic) dequantize(dst []float32, q []uint8, most float32) {
	for i := range dst {
		dst[i] = d.levels[q[i]] * most
	}
}

func (d *dynamic) quantize(q []uint8, x []float32, inverse float32) {
	for i := range x {
		q[i] = d.code(x[i] * inverse)
	}
}

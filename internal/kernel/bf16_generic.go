package kernel

import "math"

// bf16Generic is the specification of products of bfloat16, for panels of any width.
func bf16Generic(p bf16Product) {
	for i := range p.m {
		row := p.a[i*p.lda:]
		for j := range p.cols {
			c := &p.c[i*p.ldc+j]
			var sum float32
			for k := p.from; k < p.from+p.n; k += 2 {
				first, second := pairAt(row, k)
				sum = addBF16(sum, second, p.element(k+1, j))
				sum = addBF16(sum, first, p.element(k, j))
			}
			if p.acc {
				sum += *c
			}
			*c = sum
		}
	}
}

// tileTerms is how many products of bfloat16 an instruction on tiles adds to a sum, tileBytes how many of bytes, tileRows how many rows a block of them has.
const tileTerms, tileBytes, tileRows = 32, 64, 32

// bf16Tiled is the specification of products of bfloat16 on tiles: to an element of C, or to 0, each 32 products are added in order: the sum of the first
// of each two, one after the other, plus that of the second ones. Each sum is rounded and has no denormals, as bf16Generic's.
func bf16Tiled(p bf16Product) {
	for i := range p.m {
		row := p.a[i*p.lda:]
		for j := range p.cols {
			c := &p.c[i*p.ldc+j]
			var sum float32
			if p.acc {
				sum = *c
			}
			for from := p.from; from < p.from+p.n; from += tileTerms {
				var even, odd float32
				for k := from; k < min(from+tileTerms, p.from+p.n); k += 2 {
					first, second := pairAt(row, k)
					even = addBF16(even, first, p.element(k, j))
					odd = addBF16(odd, second, p.element(k+1, j))
				}
				sum = addBF16(sum, 1, addBF16(even, 1, odd))
			}
			*c = sum
		}
	}
}

// pairAt are elements k and k+1 of a row of pairs.
func pairAt(row []int32, k int) (first, second float32) {
	two := uint32(row[k/2])
	return math.Float32frombits(two << 16), math.Float32frombits(two & 0xffff0000)
}

// element is what term k has of the right side in column j, zero beyond the last one.
func (p *bf16Product) element(k, j int) float32 {
	if k >= p.terms {
		return 0
	}
	at := p.at*p.b.k + k*p.b.panel + j
	if p.transposed {
		at = (k/p.b.panel*p.b.k+p.at+j)*p.b.panel + k%p.b.panel
	}
	return math.Float32frombits(uint32(p.b.halves[at]) << 16)
}

// addBF16 is sum + a·b as VDPBF16PS has it: denormal operands are zeros, a·b + sum is rounded once, and a denormal result is zero. The
// product has 16 bits, so float64's sum is exact or so near to one operand that rounding it to float32 gives the same.
func addBF16(sum, a, b float32) float32 {
	v := float64(flushed(a))*float64(flushed(b)) + float64(flushed(sum))
	if math.Float64bits(v)&^(1<<63) < math.Float64bits(0x1p-126-0x1p-151) { // what rounds to a denormal number of 24 bits
		return float32(math.Copysign(0, v))
	}
	return float32(v)
}

// flushed is x, or zero of its sign if it is denormal.
func flushed(x float32) float32 {
	if math.Float32bits(x)&0x7f800000 == 0 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

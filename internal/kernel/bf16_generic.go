package kernel

import "math"

// bf16Generic is the specification of products of bfloat16, for panels of any width.
func bf16Generic(p bf16Product) {
	terms := p.b.k
	if p.transposed {
		terms = p.b.n
	}
	for i := range p.m {
		row := p.a[i*p.lda:]
		for j := range p.cols {
			c := &p.c[i*p.ldc+j]
			for from := 0; from < terms; from += BlockK {
				var sum float32
				for k := from; k < min(from+BlockK, terms); k += 2 {
					two := uint32(row[k/2])
					second := float32(0)
					if k+1 < terms {
						second = p.element(k+1, j)
					}
					sum = addBF16(sum, math.Float32frombits(two&0xffff0000), second)
					sum = addBF16(sum, math.Float32frombits(two<<16), p.element(k, j))
				}
				if p.acc || from > 0 {
					sum += *c
				}
				*c = sum
			}
		}
	}
}

// element is what term k has of the right side in column j.
func (p *bf16Product) element(k, j int) float32 {
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

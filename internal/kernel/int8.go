package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Products of 8-bit codes. The codes of an Int8 matrix B [k,n] stand in panels [k/4][panel][4], filled up with zeros, and x·B is
// computed in whole numbers: a row of x is quantized as a whole (QuantizeRow), the products of codes are added up exactly
// in 32 bits, and one multiplication gives the sum its size (MultiplyInt8).

// MaxInt8 is the most rows k that an Int8 matrix may have for MultiplyInt8: with more, sums of 127·127 could pass 32 bits.
const MaxInt8 = math.MaxInt32 / (127 * 127)

// Int8Words is the length of a row of k elements that QuantizeRow makes.
func Int8Words(k int) int { return (k + 3) / 4 * 2 }

// QuantizeRow makes whole numbers from -127 to 127 of a row x, to the same bits in every tier, and gives what one stands for: the
// scale max(|x|)/127, and at least the smallest normal number, 2⁻¹²⁶, so that it has an inverse. An element is x·(1/scale), the
// inverse and the product rounded to float32, and then rounded to the nearest whole number, half to even. A row of zeros is
// zeros. If an element is NaN or infinite, the scale is NaN and the numbers mean nothing: nothing finite comes out of such a row.
//
// It writes in dst[:Int8Words(len(x))], as this tier's MultiplyInt8 reads it: two numbers a word, of elements 4i to 4i+3 those of 4i (low
// half) and 4i+2, then those of 4i+1 and 4i+3, zero beyond the end of x; or, with VNNI, bytes in the first half.
func (s *Set) QuantizeRow(dst []int32, x []float32) (scale float32) {
	quantize := s.quantizeRow
	if s.quantizeBytes != nil {
		quantize = s.quantizeBytes
	}
	return s.quantizeTo(dst[:Int8Words(len(x))], x, 127, quantize)
}

// quantizeTo is QuantizeRow for whole numbers up to limit, which quantize writes.
func (s *Set) quantizeTo(dst []int32, x []float32, limit float32, quantize func(dst []int32, x []float32, down float32)) (scale float32) {
	scale = wholeScale(s.absMax(x), limit)
	if scale != scale {
		clear(dst)
		return scale
	}
	quantize(dst, x, 1/scale)
	return scale
}

// wholeScale is the scale of elements by their greatest absolute value.
func wholeScale(absmax, limit float32) float32 {
	if !(absmax <= math.MaxFloat32) {
		return float32(math.NaN())
	}
	return max(absmax/limit, 0x1p-126)
}

// wholeNumber is x in units of 1/down.
func wholeNumber(x, down float32) int16 { return int16(math.RoundToEven(float64(float32(x * down)))) }

// absMaxGeneric is the greatest absolute value; NaN is above infinity.
func absMaxGeneric(x []float32) float32 {
	var absmax uint32
	for _, v := range x {
		absmax = max(absmax, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(absmax)
}

// quantizeRowGeneric writes all words of dst.
func quantizeRowGeneric(dst []int32, x []float32, down float32) {
	for i := range dst {
		at := i/2*4 + i%2
		dst[i] = pair(wholeNumberAt(x, at, down), wholeNumberAt(x, at+2, down))
	}
}

// wholeNumberAt is that of element i, 0 beyond the last one.
func wholeNumberAt(x []float32, i int, down float32) int16 {
	if i >= len(x) {
		return 0
	}
	return wholeNumber(x[i], down)
}

// pair is two numbers of 16 bits in a word.
func pair(low, high int16) int32 { return int32(uint32(uint16(low)) | uint32(uint16(high))<<16) }

// MultiplyInt8 computes C [m,n1-n0], rows ldc apart, from columns n0 to n1 of the Int8 matrix B [k,n] and m rows of QuantizeRow, lda
// words apart, with their scales. With bias [n], or nil, an element is
//
//	float32(Σ a·b)·(rowScale·columnScale) + bias
//
// where the sum is exact and each of the four operations is rounded to float32; without bias nothing is added. So an element has
// the same bits in every tier, whatever stands beside it and however a caller splits rows and columns.
// n0 is a multiple of Panel; so is n1 except at the end of the matrix. temp has room for Int8Temp elements.
func (s *Set) MultiplyInt8(c []float32, ldc int, a []int32, lda int, rowScale []float32, b *Quantized, bias []float32, m, n0, n1 int, temp []float32) {
	words := Int8Words(b.k)
	if b.form != Int8 || b.panel != s.Panel || b.k > MaxInt8 {
		panic(fmt.Sprintf("kernel: a product with a matrix in form %d, %d rows, panels of %d instead of %d", b.form, b.k, b.panel, s.Panel))
	}
	if m < 0 || n0 < 0 || n1 < n0 || n1 > b.n || n0%s.Panel != 0 || n1%s.Panel != 0 && n1 < b.n {
		panic(fmt.Sprintf("kernel: a product of %d rows with columns %d to %d of %d, in panels of %d", m, n0, n1, b.n, s.Panel))
	}
	if m == 0 || n0 == n1 {
		return
	}
	if ldc < n1-n0 || lda < words {
		panic(fmt.Sprintf("kernel: a product with %d columns and %d words of each row, rows of C %d apart, of A %d apart", n1-n0, words, ldc, lda))
	}
	product := int8Product{ldc: ldc, a: a[:(m-1)*lda+words], lda: lda, rowScale: rowScale[:m], m: m, temp: temp[:s.Int8Temp()]}
	c = c[:(m-1)*ldc+n1-n0]
	if b.k == 0 {
		for i := range m {
			clear(c[i*ldc:][:n1-n0])
			if bias != nil {
				copy(c[i*ldc:], bias[n0:n1])
			}
		}
		return
	}
	if m == 1 && s.int8Wide != nil {
		n := s.int8Wide(c, a, rowScale[0], b, bias, n0, n1)
		c, n0 = c[n-n0:], n
	}
	for n := n0; n < n1; n += s.Panel {
		p := n / s.Panel
		product.c, product.cols = c[n-n0:], min(s.Panel, n1-n)
		product.codes = b.bytes(p)
		product.scale = b.scales.exact[n:][:s.Panel]
		if b.begin != nil {
			product.begin = b.begin[n:][:s.Panel]
		}
		product.bias = nil
		if bias != nil {
			product.bias = bias[n:][:product.cols]
		}
		s.int8(product)
	}
}

// int8Steps is the most steps of four rows of B that are multiplied between two looks at C: their pairs stay in the second cache.
const int8Steps = 768

// Int8Temp is the elements that MultiplyInt8 needs: pairs of a panel, a tile and a panel's bias.
func (s *Set) Int8Temp() int { return (2*int8Steps + s.Tile + 1) * s.Panel }

// Words is the same memory as 32-bit words.
func Words(f []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
}

// int8Product is MultiplyInt8 for one panel, of which cols columns exist.
type int8Product struct {
	c        []float32
	ldc      int
	a        []int32
	lda      int
	rowScale []float32
	codes    []uint8
	begin    []int32 // of the tiers that have it
	scale    []float32
	bias     []float32
	m, cols  int
	temp     []float32
}

func int8Generic(p int8Product) {
	var sums [genericPanel]int32
	words := len(p.codes) / (2 * genericPanel)
	for i := range p.m {
		clear(sums[:])
		for w, pair := range p.a[i*p.lda:][:words] {
			low, high := int32(int16(pair)), pair>>16
			step := p.codes[w/2*4*genericPanel+w%2:][:4*genericPanel-1]
			for j := range sums {
				sums[j] += low*int32(int8(step[4*j])) + high*int32(int8(step[4*j+2]))
			}
		}
		for j := range p.cols {
			y := float32(float32(sums[j]) * float32(p.rowScale[i]*p.scale[j]))
			if p.bias != nil {
				y += p.bias[j]
			}
			p.c[i*p.ldc+j] = y
		}
	}
}

package kernel

import (
	"fmt"
	"math"
)

// The gradient of y = x·wᵀ, dx = dy·w, with the codes of w: an element of w [n,k] is a scale a row times a code, so the scales go into
// dy, whose rows are then quantized in 16 bits (QuantizeGradient), and the codes are multiplied in whole numbers (MultiplyInt8Transposed).

// gradientLimit is the greatest whole number of a gradient: BlockK products with codes stay below 2³¹.
const gradientLimit = math.MaxInt32 / (127 * BlockK)

// GradientWords is the length of a row that QuantizeGradient makes for b.
func (s *Set) GradientWords(b *Quantized) int {
	if s.quantizePlanes != nil {
		return 2 * planeWords(b.n)
	}
	return Int8Words(s.PackedLen(b.n, 1))
}

// planeWords is the length of one of the two planes of a row for tiles, the low bytes of n numbers or the high ones: whole steps.
func planeWords(n int) int { return (n + tileBytes - 1) / tileBytes * tileBytes / 4 }

// QuantizeGradient makes whole numbers from -22017 to 22017 of dy [n], a row of the gradient of a product with the Int8 matrix b
// [k,n], times the scales of b's columns, and gives what one stands for. It is as QuantizeRow is, the products with the scales rounded to
// float32 and 22017 in the place of 127: what a number is off by is at most 1/44034 of the row's largest product.
//
// It writes dst[:GradientWords(b)], as this tier's MultiplyInt8Transposed reads it. temp has room for n elements.
func (s *Set) QuantizeGradient(dst []int32, dy []float32, b *Quantized, temp []float32) (scale float32) {
	dst, temp = dst[:s.GradientWords(b)], temp[:b.n]
	s.mul(temp, dy[:b.n], b.scales.exact[:b.n])
	if s.quantizePlanes != nil {
		return s.quantizeTo(dst, temp, gradientLimit, s.quantizePlanes)
	}
	words := Int8Words(b.n)
	clear(dst[words:])
	return s.quantizeTo(dst[:words], temp, gradientLimit, s.quantizeRow)
}

// MultiplyInt8Transposed computes C [m,k1-k0], rows ldc apart, from m rows of QuantizeGradient for b, lda words apart, with their scales, and
// rows k0 to k1 of the Int8 matrix b [k,n], that is columns of w [n,k]. For each block of BlockK columns of b, in order, an element takes
//
//	float32(Σ a·b)·rowScale
//
// where the sum is exact: the first, or if add also the first, is added to C, in float32. So an element has the same bits in every
// tier, whatever stands beside it and however a caller splits rows and columns.
// k0 is a multiple of Panel; so is k1 except at the end of the matrix. temp has room for Int8Temp elements.
func (s *Set) MultiplyInt8Transposed(c []float32, ldc int, a []int32, lda int, rowScale []float32, b *Quantized, m, k0, k1 int, add bool, temp []float32) {
	words := s.GradientWords(b)
	if b.form != Int8 || b.panel != s.Panel {
		panic(fmt.Sprintf("kernel: a product with a matrix in form %d, panels of %d instead of %d", b.form, b.panel, s.Panel))
	}
	if m < 0 || k0 < 0 || k1 < k0 || k1 > b.k || k0%s.Panel != 0 || k1%s.Panel != 0 && k1 < b.k {
		panic(fmt.Sprintf("kernel: a product of %d rows with rows %d to %d of %d, in panels of %d", m, k0, k1, b.k, s.Panel))
	}
	if m == 0 || k0 == k1 {
		return
	}
	if ldc < k1-k0 || lda < words {
		panic(fmt.Sprintf("kernel: a product with %d columns and %d words of each row, rows of C %d apart, of A %d apart", k1-k0, words, ldc, lda))
	}
	c = c[:(m-1)*ldc+k1-k0]
	if b.n == 0 {
		for i := 0; i < m && !add; i++ {
			clear(c[i*ldc:][:k1-k0])
		}
		return
	}
	p := gradientProduct{ldc: ldc, a: a[:(m-1)*lda+words], lda: lda, rowScale: rowScale[:m], b: b, m: m, add: add, temp: temp[:s.Int8Temp()]}
	for k := k0; k < k1; k += s.Panel {
		p.c, p.k, p.cols = c[k-k0:], k, min(s.Panel, k1-k)
		s.int8Gradient(p)
	}
}

// gradientProduct is MultiplyInt8Transposed for the cols rows from k on of b, at most a panel's width.
type gradientProduct struct {
	c        []float32
	ldc      int
	a        []int32
	lda      int
	rowScale []float32
	b        *Quantized
	m        int
	k, cols  int
	add      bool
	temp     []float32
}

// quantizePlanesGeneric writes numbers of 16 bits, their low bytes in the first half of dst, the high ones in the second, and zeros behind those of x.
func quantizePlanesGeneric(dst []int32, x []float32, down float32) {
	half := len(dst) / 2
	for i := range half {
		var low, high uint32
		for j := range 4 {
			v := uint32(uint16(wholeNumberAt(x, 4*i+j, down)))
			low |= v & 255 << (8 * j)
			high |= v >> 8 << (8 * j)
		}
		dst[i], dst[half+i] = int32(low), int32(high)
	}
}

func int8GradientGeneric(p gradientProduct) {
	pairs := Words(p.temp)
	for n := 0; n < p.b.n; n += BlockK {
		steps := min(BlockK, p.b.n-n+3) / 4
		turnInt8Generic(pairs, p.b, p.k, n, steps)
		for i := range p.m {
			row, c := p.a[i*p.lda+n/2:][:2*steps], p.c[i*p.ldc:][:p.cols]
			for j := range c {
				var sum int32
				for w, x := range row {
					y := pairs[w*p.b.panel+j]
					sum += int32(int16(x))*int32(int16(y)) + x>>16*(y>>16)
				}
				v := float32(float32(sum) * p.rowScale[i])
				if p.add || n > 0 {
					v += c[j]
				}
				c[j] = v
			}
		}
	}
}

// turnInt8Generic writes, for steps of four columns of b from n on, the pairs of codes of the rows from k on, a panel's width of them: those of the first and
// third column of a step, then those of the others. What does not exist is zero.
func turnInt8Generic(dst []int32, b *Quantized, k, n, steps int) {
	at := func(k, n int) int16 {
		if k >= b.k || n >= b.n {
			return 0
		}
		return int16(int8(b.bytes(n / b.panel)[byteAt(k, b.panel, n%b.panel)]))
	}
	for w := range 2 * steps {
		from := n + w/2*4 + w%2
		for j := range b.panel {
			dst[w*b.panel+j] = pair(at(k+j, from), at(k+j, from+2))
		}
	}
}

package kernel

import (
	"fmt"
	"math"
	"math/bits"
)

// Products of 8-bit codes beside which the outliers of x keep their float32, the mixed form of LLM.int8 (Dettmers et al. 2022): QuantizeMixed
// quantizes what is left of a row without them, MultiplyInt8 multiplies that, and AddOutliers adds their products.

// Outlier is the least absolute value of an outlier, as published and as bitsandbytes compares.
const Outlier = 6

// MixedWords is the length of a row of k elements that QuantizeMixed makes: that of QuantizeRow, and a bit an element.
func MixedWords(k int) int { return Int8Words(k) + (k+31)/32 }

// QuantizeMixed is QuantizeRow of x with zeros in the place of its outliers: the finite elements that are at least Outlier or at most
// -Outlier. It writes dst[:MixedWords(len(x))]: the words of QuantizeRow, and then one for 32 elements, the first in its lowest bit, with
// a bit set for each outlier. An element that is NaN or infinite is none, so that the scale of its row is NaN.
// temp has room for as many elements as x.
func (s *Set) QuantizeMixed(dst []int32, x, temp []float32) (scale float32) {
	words := Int8Words(len(x))
	dst, temp = dst[:MixedWords(len(x))], temp[:len(x)]
	s.splitRow(temp, dst[words:], x)
	return s.QuantizeRow(dst[:words], temp)
}

// splitRowGeneric writes x without its outliers to rest, and marks them.
func splitRowGeneric(rest []float32, marks []int32, x []float32) {
	clear(marks)
	for i, v := range x {
		if size := math.Abs(float64(v)); size >= Outlier && size <= math.MaxFloat32 {
			v = 0
			marks[i/32] |= 1 << (i % 32)
		}
		rest[i] = v
	}
}

// AddOutliers adds to C [m,n1-n0], rows ldc apart, what the outliers of m rows of x [m,k], ldx apart, make with columns n0 to n1 of the Int8
// matrix B [k,n]. a are rows of QuantizeMixed of x, lda words apart. To an element is added, for each outlier of its row in order,
//
//	x·(code·columnScale)
//
// each of the three operations rounded to float32: x times what B holds. So an element has the same bits in every tier, whatever
// stands beside it and however a caller splits rows and columns. n0 is a multiple of Panel; so is n1 except at the end of the matrix.
func (s *Set) AddOutliers(c []float32, ldc int, x []float32, ldx int, a []int32, lda int, b *Quantized, m, n0, n1 int) {
	if b.form != Int8 || b.panel != s.Panel {
		panic(fmt.Sprintf("kernel: outliers of a product with a matrix in form %d, panels of %d instead of %d", b.form, b.panel, s.Panel))
	}
	if m < 0 || n0 < 0 || n1 < n0 || n1 > b.n || n0%s.Panel != 0 || n1%s.Panel != 0 && n1 < b.n {
		panic(fmt.Sprintf("kernel: outliers of %d rows with columns %d to %d of %d, in panels of %d", m, n0, n1, b.n, s.Panel))
	}
	if m == 0 || n0 == n1 {
		return
	}
	words, all := Int8Words(b.k), MixedWords(b.k)
	if ldc < n1-n0 || ldx < b.k || lda < all {
		panic(fmt.Sprintf("kernel: outliers with %d columns, %d elements and %d words of each row, rows of C %d apart, of x %d, of A %d", n1-n0, b.k, all, ldc, ldx, lda))
	}
	stride := len(b.bytes(0))
	p := outlierProduct{stride: stride, panel: s.Panel, scale: b.scales.exact[n0:]}
	for i := range m {
		p.c = c[i*ldc:][:n1-n0]
		for word, marks := range a[i*lda+words : i*lda+all] {
			for left := uint32(marks); left != 0; left &= left - 1 {
				k := 32*word + bits.TrailingZeros32(left)
				p.x, p.row = x[i*ldx+k], k%4
				p.codes = b.codes[n0/s.Panel*stride+k/4*4*s.Panel:]
				s.addOutlier(p)
			}
		}
	}
}

// outlierProduct is one outlier's part of AddOutliers.
type outlierProduct struct {
	c             []float32 // columns of a row
	codes         []uint8   // from the first panel's step of four rows on
	stride, panel int       // how far panels are apart, and their width
	scale         []float32
	x             float32
	row           int // of the four
}

func addOutlierGeneric(p outlierProduct) {
	for n := range p.c {
		code := int8(p.codes[n/p.panel*p.stride+n%p.panel*4+p.row])
		w := float32(float32(code) * p.scale[n])
		p.c[n] += float32(p.x * w)
	}
}

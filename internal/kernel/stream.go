package kernel

import "fmt"

// GemmQuantized computes C = A·B, or C += A·B if acc, in the columns of panels p0 to p1 of the quantized B: the bits that Dequantize and
// Gemm give, wherever a caller cuts panels. c begins with the first of those columns; rows of C are ldc apart, rows of A [m,k] lda.
// It is for few rows, up to 96 or so: a tile of one to four dequantizes in registers while it multiplies, so that what is
// read from memory is the codes; more rows, and rows whose length is no multiple of 8, go by way of a dequantized panel.
//
// temp has room for TempGemmQuantized elements. It panics if a slice is too short.
func (s *Set) GemmQuantized(c []float32, ldc int, a []float32, lda int, q *Quantized, p0, p1, m int, acc bool, temp []float32) {
	if q.panel != s.Panel || p0 < 0 || p1 < p0 || p1 > q.panels() || m < 0 {
		panic(fmt.Sprintf("kernel: %d rows by panels %d to %d of %d, which are %d wide instead of %d", m, p0, p1, q.panels(), q.panel, s.Panel))
	}
	n := min(p1*s.Panel, q.n) - p0*s.Panel
	if m == 0 || p0 == p1 {
		return
	}
	checkMatrix("c", c, ldc, m, n)
	checkMatrix("a", a, lda, m, q.k)
	temp = temp[:s.TempGemmQuantized(q)]
	if s.stream != nil && q.k > 0 && s.stream(s, c, ldc, a, lda, q, p0, p1, m, acc, temp) {
		return
	}
	for p := p0; p < p1; p++ {
		panel := temp[:q.k*s.Panel]
		s.Dequantize(panel, q, p, 0, q.k, temp[q.k*s.Panel:])
		s.Gemm(c[(p-p0)*s.Panel:], ldc, a, lda, panel, m, q.columns(p), q.k, acc)
	}
}

// TempGemmQuantized is how many elements of temp GemmQuantized needs: a dequantized panel, or a tile's scales, zero points and sums.
func (s *Set) TempGemmQuantized(q *Quantized) int {
	return (q.k+2)*s.Panel + streamRows*streamWidth + streamWork
}

const (
	// streamRows and streamWidth are the most rows and columns of a tile.
	streamRows, streamWidth = 4, 128
	// streamWork is room for what a tile's kernel works with, and for a tile's second group of scales where a panel has but one.
	streamWork = 512
)

// groupScales writes the scales of panel p, a row a group, rows width apart; those of columns that do not exist are 0.
func (c *Quantized) groupScales(s *Set, dst []float32, width, p int) {
	if c.columns(p) < c.panel {
		for g := range c.groups {
			clear(dst[g*width:][:c.panel])
		}
	}
	first := p * c.panel * c.groups
	if c.scales.codes == nil {
		s.transpose(dst, width, c.scales.exact[first:], c.groups, c.columns(p), c.groups)
		return
	}
	for j := range c.columns(p) {
		c.scales.write(dst[j:], width, first+j*c.groups, c.groups)
	}
}

// groupZeros writes the zero points of panel p likewise.
func (c *Quantized) groupZeros(dst []float32, width, p int) {
	first := p * c.panel * c.groups
	for j := range c.columns(p) {
		for g, z := range c.zeros[first+j*c.groups:][:c.groups] {
			dst[g*width+j] = float32(z)
		}
	}
}

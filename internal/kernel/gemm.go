package kernel

import "fmt"

// Gemm computes C = A·B, or C += A·B if acc, for row-major C [m,n] with rows ldc apart, row-major A [m,k] with rows
// lda apart, and B [k,n] packed by PackRows, PackCols or RepackTransposed of the same Set. C overlaps neither A nor B.
//
// Every element of C is the sum, in order, of partial sums over blocks of k whose length only the tier decides; within a
// block products are added in the order of k. So an element has the same bits whatever m and n are, wherever its
// row and column stand among others, and however a caller splits rows or whole panels of columns among threads. Splitting k
// into several calls with acc changes the bits unless each call but the last has a multiple of BlockK.
//
// It panics if a slice is too short.
func (s *Set) Gemm(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, acc bool) {
	if m < 0 || n < 0 || k < 0 {
		panic(fmt.Sprintf("kernel: gemm of %dx%dx%d", m, n, k))
	}
	if m == 0 || n == 0 {
		return
	}
	if ldc < n || lda < k {
		panic(fmt.Sprintf("kernel: gemm of %dx%dx%d with rows of C %d apart, of A %d apart", m, n, k, ldc, lda))
	}
	c = c[:(m-1)*ldc+n]
	a = a[:(m-1)*lda+k]
	b = b[:s.PackedLen(n, k)]
	if k == 0 {
		if !acc {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	s.gemm(c, ldc, a, lda, b, m, n, k, acc)
}

// BlockK is the number of products that Gemm adds up before it adds to C, in every tier.
const BlockK = 768

// GemmOuter computes C = Aᵀ·B, or C += Aᵀ·B if acc, for row-major C [m,n] with rows ldc apart, and A [k,m] and B [k,n] as they
// lie in memory, row-major with rows lda and ldb apart: a weight gradient dW = dYᵀ·X without packing. It is for few rows,
// m up to 8 or so, as LoRA's matrices have; with more rows PackTransposedA, PackCols and Gemm are faster.
//
// An element's bits depend on its column of A, its column of B and k, as Gemm's do, but sums are over blocks of
// OuterBlockK: the two do not give the same bits. It panics if a slice is too short.
func (s *Set) GemmOuter(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	if m < 0 || n < 0 || k < 0 {
		panic(fmt.Sprintf("kernel: outer product of %dx%dx%d", m, n, k))
	}
	if m == 0 || n == 0 {
		return
	}
	checkMatrix("c", c, ldc, m, n)
	checkMatrix("a", a, lda, k, m)
	checkMatrix("b", b, ldb, k, n)
	if k == 0 && !acc {
		for i := range m {
			clear(c[i*ldc : i*ldc+n])
		}
	}
	for k0 := 0; k0 < k; k0 += OuterBlockK {
		s.outer(c, ldc, a[k0*lda:], lda, b[k0*ldb:], ldb, m, n, min(OuterBlockK, k-k0), acc || k0 > 0)
	}
}

// OuterBlockK is the number of products that GemmOuter adds up before it adds to C, in every tier: that many rows of B
// stay in the second cache.
const OuterBlockK = 64

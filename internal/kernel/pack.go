package kernel

import "fmt"

// A packed matrix B [k,n] is a row of panels of Panel columns; a panel is [k][Panel], row after row, and the last one is
// filled up with zeros on the right. So panel p of column p·Panel begins at p·Panel·k, and a range of whole panels of
// a packed matrix is itself a packed matrix.

// PackedLen is the number of elements of a packed matrix of k rows and n columns.
func (s *Set) PackedLen(n, k int) int {
	return (n + s.Panel - 1) / s.Panel * s.Panel * k
}

// PackRows packs the transpose of w, row-major [n,k] with rows ldw apart: a linear map's weight as PyTorch holds it
// ([out,in]) becomes the packed [in,out] with which Gemm computes x·Wᵀ. It writes dst[:PackedLen(n,k)].
func (s *Set) PackRows(dst, w []float32, ldw, n, k int) {
	dst = s.packed(dst, n, k)
	checkMatrix("w", w, ldw, n, k)
	for j := 0; j < n; j += s.Panel {
		panel := dst[j*k:][:k*s.Panel]
		cols := min(s.Panel, n-j)
		if cols < s.Panel {
			clear(panel)
		}
		if k > 0 {
			s.transpose(panel, s.Panel, w[j*ldw:], ldw, cols, k)
		}
	}
}

// PackCols packs w, row-major [k,n] with rows ldw apart. It writes dst[:PackedLen(n,k)].
func (s *Set) PackCols(dst, w []float32, ldw, k, n int) {
	dst = s.packed(dst, n, k)
	checkMatrix("w", w, ldw, k, n)
	const rows = 8 // at a time, so that memory is read and written in runs
	for i := 0; i < k; i += rows {
		count := min(rows, k-i)
		for j := 0; j < n; j += s.Panel {
			block := dst[j*k+i*s.Panel:][:count*s.Panel]
			if n-j < s.Panel {
				clear(block)
			}
			s.copyRows(block, s.Panel, w[i*ldw+j:], ldw, count, min(s.Panel, n-j))
		}
	}
}

// Unpack is the inverse of PackRows: it writes w, row-major [n,k] with rows ldw apart, from the packed b.
func (s *Set) Unpack(w []float32, ldw int, b []float32, n, k int) {
	b = s.packed(b, n, k)
	checkMatrix("w", w, ldw, n, k)
	for j := 0; j < n && k > 0; j += s.Panel {
		s.transpose(w[j*ldw:], ldw, b[j*k:], s.Panel, k, min(s.Panel, n-j))
	}
}

// RepackTransposed makes, from b, the packed B [k,n] of PackRows(w [n,k]), a block of the packed w itself: rows n0 to n1
// and columns k0 to k1 of w [n,k], as a packed matrix of n1-n0 rows and k1-k0 columns.
// With it dX = dY·W needs only the form that the forward product uses: for each block of n (a multiple of
// BlockK long, so that the bits do not depend on the blocking) and of k,
//
//	s.RepackTransposed(scratch, b, n, k, n0, n1, k0, k1)
//	s.Gemm(dx[k0:], lddx, dy[n0:], lddy, scratch, m, k1-k0, n1-n0, n0 > 0)
//
// n0 and k0 are multiples of Panel; so are n1 and k1 except at the end of the matrix.
// It writes dst[:PackedLen(k1-k0, n1-n0)].
func (s *Set) RepackTransposed(dst, b []float32, n, k, n0, n1, k0, k1 int) {
	b = s.packed(b, n, k)
	if n0 < 0 || n1 < n0 || n1 > n || k0 < 0 || k1 < k0 || k1 > k || n0%s.Panel != 0 || k0%s.Panel != 0 {
		panic(fmt.Sprintf("kernel: rows %d to %d, columns %d to %d of a matrix [%d,%d] in panels of %d", n0, n1, k0, k1, n, k, s.Panel))
	}
	rows := n1 - n0
	dst = s.packed(dst, k1-k0, rows)
	for q := k0; q < k1; q += s.Panel {
		panel := dst[(q-k0)*rows:][:rows*s.Panel]
		cols := min(s.Panel, k1-q)
		if cols < s.Panel {
			clear(panel)
		}
		for p := n0; p < n1; p += s.Panel {
			s.transpose(panel[(p-n0)*s.Panel:], s.Panel, b[p*k+q*s.Panel:], s.Panel, cols, min(s.Panel, n1-p))
		}
	}
}

// PackTransposedA writes the transpose of a, row-major [m,n] with rows lda apart, as row-major [n,m] without gaps: the left
// side of the product of a weight gradient, dW [n,k] = dYᵀ [n,m] · X [m,k], whose right side is PackCols(x, ldx, m, k).
// The sums over m are then in the fixed order of Gemm.
func (s *Set) PackTransposedA(dst, a []float32, lda, m, n int) {
	checkMatrix("a", a, lda, m, n)
	dst = dst[:n*m]
	if n > 0 && m > 0 {
		s.transpose(dst, m, a, lda, m, n)
	}
}

func (s *Set) packed(b []float32, n, k int) []float32 {
	if n < 0 || k < 0 {
		panic(fmt.Sprintf("kernel: packed matrix of %d rows and %d columns", k, n))
	}
	return b[:s.PackedLen(n, k)]
}

func checkMatrix(name string, w []float32, ld, rows, cols int) {
	if rows > 0 && cols > 0 && (ld < cols || len(w) < (rows-1)*ld+cols) {
		panic(fmt.Sprintf("kernel: %s [%d,%d] with rows %d apart in %d elements", name, rows, cols, ld, len(w)))
	}
}

// transposeGeneric writes dst[j*ldd+i] = src[i*lds+j] for i below rows, j below cols.
func transposeGeneric(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for i := range rows {
		for j, x := range src[i*lds:][:cols] {
			dst[j*ldd+i] = x
		}
	}
}

// copyRowsGeneric copies [rows,cols] between matrices with rows ldd and lds apart.
func copyRowsGeneric(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for i := range rows {
		copy(dst[i*ldd:][:cols], src[i*lds:])
	}
}

package kernel

const genericPanel = 16

// gemmGeneric is the specification of Gemm: partial sums over blocks of BlockK, added in order.
func gemmGeneric(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, acc bool) {
	for k0 := 0; k0 < k; k0 += BlockK {
		kc := min(BlockK, k-k0)
		for j := 0; j < n; j += genericPanel {
			panel := b[j*k+k0*genericPanel:][:kc*genericPanel]
			for i := range m {
				row := a[i*lda+k0:][:kc]
				out := c[i*ldc+j:][:min(genericPanel, n-j)]
				for q := 0; q < len(out); q += 4 {
					gemmQuad(out[q:min(q+4, len(out))], row, panel[q:], acc || k0 > 0)
				}
			}
		}
	}
}

// gemmQuad computes up to four columns of one row: out = or += row · panel[:, :4], panel rows genericPanel apart.
func gemmQuad(out, row, panel []float32, acc bool) {
	var s0, s1, s2, s3 float32
	for i, x := range row {
		p := panel[i*genericPanel:][:4]
		s0 += float32(x * p[0])
		s1 += float32(x * p[1])
		s2 += float32(x * p[2])
		s3 += float32(x * p[3])
	}
	sums := [4]float32{s0, s1, s2, s3}
	for i := range out {
		if acc {
			out[i] += sums[i]
		} else {
			out[i] = sums[i]
		}
	}
}

// outerGeneric is GemmOuter for one block of k.
func outerGeneric(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	for i := range m {
		out := c[i*ldc:][:n]
		for j := range out {
			var sum float32
			for p := range k {
				sum += float32(a[p*lda+i] * b[p*ldb+j])
			}
			if acc {
				sum += out[j]
			}
			out[j] = sum
		}
	}
}

//go:build amd64 && !noasm

package kernel

// wideInt8 is MultiplyInt8 of one row by four whole panels at a time: one stream alone does not keep memory busy.
func wideInt8(c []float32, a []int32, rowScale float32, b *Quantized, bias []float32, n0, n1 int) (n int) {
	width, stride := 4*b.panel, len(b.bytes(0))
	added := &noBias[0]
	for n = n0; n+width <= n1; n += width {
		if bias != nil {
			added = &bias[n]
		}
		int8wideAVX2(&c[n-n0], &a[0], &b.bytes(n / b.panel)[0], stride, stride/(4*b.panel), &rowScale, &b.scales.exact[n], added)
	}
	return n
}

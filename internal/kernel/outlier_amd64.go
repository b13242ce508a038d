//go:build amd64 && !noasm

package kernel

// An outlierKernel is addOutlierGeneric for whole panels; left is the shift that brings a code to the top of its word.
type outlierKernel func(c []float32, codes []uint8, stride int, scale []float32, x float32, left int)

// add is addOutlierGeneric.
func (f outlierKernel) add(p outlierProduct) {
	panels := len(p.c) / p.panel
	whole := panels * p.panel
	if panels > 0 {
		f(p.c[:whole], p.codes[:(panels-1)*p.stride+4*p.panel], p.stride, p.scale[:whole], p.x, 24-8*p.row)
	}
	if whole < len(p.c) {
		p.c, p.codes, p.scale = p.c[whole:], p.codes[panels*p.stride:], p.scale[whole:]
		addOutlierGeneric(p)
	}
}

// splitWith is splitRowGeneric, by f for whole words of marks.
func splitWith(f func(rest []float32, marks []int32, x []float32)) func(rest []float32, marks []int32, x []float32) {
	return func(rest []float32, marks []int32, x []float32) {
		words := len(x) / 32
		f(rest[:32*words], marks[:words], x[:32*words])
		splitRowGeneric(rest[32*words:], marks[words:], x[32*words:])
	}
}

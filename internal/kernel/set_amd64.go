//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

// machineTiers gives the assembly tiers that this processor can run. A processor with AVX2 and FMA has F16C.
func machineTiers() []*Set {
	var tiers []*Set
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2 {
		tiers = append(tiers, avx2)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
			tiers = append(tiers, avx512)
		}
	}
	return tiers
}

// rest is what whole vectors of the given number of lanes leave of x.
func rest[T any](x []T, lanes int) []T { return x[len(x)/lanes*lanes:] }

// wholeThenRest makes a kernel of one that does whole vectors of the given number of lanes and of the plain one, which does the rest.
func wholeThenRest[D, S any](whole, plain func(dst []D, src []S, x float32), lanes int) func(dst []D, src []S, x float32) {
	return func(dst []D, src []S, x float32) {
		whole(dst, src, x)
		plain(rest(dst, lanes), rest(src, lanes), x)
	}
}

// transposeBlocks is transposeGeneric, with whole 8×8 blocks in registers.
func transposeBlocks(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	r, c := rows&^7, cols&^7
	if r > 0 && c > 0 {
		transpose8AVX2(&dst[0], ldd, &src[0], lds, r, c)
	}
	if r > 0 && c < cols {
		transposeGeneric(dst[c*ldd:], ldd, src[c:], lds, r, cols-c)
	}
	if r < rows {
		transposeGeneric(dst[r:], ldd, src[r*lds:], lds, rows-r, cols)
	}
}

// copyBlocks is copyRowsGeneric, with rows of a multiple of 16 columns in registers.
func copyBlocks(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cols%16 != 0 || cols == 0 || rows == 0 {
		copyRowsGeneric(dst, ldd, src, lds, rows, cols)
		return
	}
	copy16AVX2(&dst[0], ldd, &src[0], lds, rows, cols)
}

// byteRows is dequantizeBytesGeneric, with fours of rows in registers.
func byteRows(fours func(dst []float32, q []uint8, scale []float32)) func(dst []float32, q []uint8, k int, scale []float32) {
	return func(dst []float32, q []uint8, k int, scale []float32) {
		panel := len(scale)
		odd := min((4-k%4)%4*panel, len(dst))
		first, dst := dst[:odd], dst[odd:]
		dequantizeBytesGeneric(first, q, k, scale)
		k += odd / panel
		whole := len(dst) / (4 * panel) * 4 * panel
		fours(dst[:whole], q[(k+3)/4*4*panel:], scale)
		dequantizeBytesGeneric(dst[whole:], q, k+whole/panel, scale)
	}
}

// tableRows is dequantizeTableGeneric, with pairs of rows in registers.
func tableRows(pairs func(dst []float32, q []uint8, scale []float32)) func(dst []float32, q []uint8, k int, scale []float32) {
	return func(dst []float32, q []uint8, k int, scale []float32) {
		first, whole, last := rowPairs(dst, k, len(scale))
		dequantizeTableGeneric(first, q, k, scale)
		pairs(whole, q[(k+1)/2*len(scale):], scale)
		dequantizeTableGeneric(last, q, k+len(dst)/len(scale)-1, scale)
	}
}

// nibbleRows is dequantizeNibblesGeneric, likewise.
func nibbleRows(pairs func(dst []float32, q []uint8, scale, zero []float32)) func(dst []float32, q []uint8, k int, scale, zero []float32) {
	return func(dst []float32, q []uint8, k int, scale, zero []float32) {
		first, whole, last := rowPairs(dst, k, len(scale))
		dequantizeNibblesGeneric(first, q, k, scale, zero)
		pairs(whole, q[(k+1)/2*len(scale):], scale, zero)
		dequantizeNibblesGeneric(last, q, k+len(dst)/len(scale)-1, scale, zero)
	}
}

// rowPairs cuts rows from k on of a panel into an odd first one, pairs that begin with an even one, and what is left.
func rowPairs(dst []float32, k, panel int) (first, pairs, last []float32) {
	odd := k & 1 * panel
	if len(dst) < odd {
		odd = 0
	}
	first, dst = dst[:odd], dst[odd:]
	whole := len(dst) / (2 * panel) * 2 * panel
	return first, dst[:whole], dst[whole:]
}

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
			if cpu.X86.HasAVX512VNNI {
				tiers = append(tiers, avx512vnni)
				if cpu.X86.HasAVX512BF16 {
					tiers = append(tiers, avx512bf16)
					if cpu.X86.HasAMXTile && cpu.X86.HasAMXBF16 && cpu.X86.HasAMXInt8 && tilesAllowed() {
						tiers = append(tiers, amx)
					}
				}
			}
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
		first, whole, last := wholeWords(dst, k, 4, len(scale))
		dequantizeBytesGeneric(first, q, k, scale)
		fours(whole, q[(k+3)/4*len(scale)*4:], scale)
		dequantizeBytesGeneric(last, q, k+(len(first)+len(whole))/len(scale), scale)
	}
}

// tableRows is dequantizeTableGeneric, with eights of rows in registers.
func tableRows(eights func(dst []float32, q []uint8, scale []float32)) func(dst []float32, q []uint8, k int, scale []float32) {
	return func(dst []float32, q []uint8, k int, scale []float32) {
		first, whole, last := wholeWords(dst, k, codesRows, len(scale))
		dequantizeTableGeneric(first, q, k, scale)
		eights(whole, q[(k+codesRows-1)/codesRows*len(scale)*4:], scale)
		dequantizeTableGeneric(last, q, k+(len(first)+len(whole))/len(scale), scale)
	}
}

// nibbleRows is dequantizeNibblesGeneric, likewise.
func nibbleRows(eights func(dst []float32, q []uint8, scale, zero []float32)) func(dst []float32, q []uint8, k int, scale, zero []float32) {
	return func(dst []float32, q []uint8, k int, scale, zero []float32) {
		first, whole, last := wholeWords(dst, k, codesRows, len(scale))
		dequantizeNibblesGeneric(first, q, k, scale, zero)
		eights(whole, q[(k+codesRows-1)/codesRows*len(scale)*4:], scale, zero)
		dequantizeNibblesGeneric(last, q, k+(len(first)+len(whole))/len(scale), scale, zero)
	}
}

// wholeWords cuts rows from k on of a panel, so many of which share a word, into those before the first whole words, those of whole words, and what is left.
func wholeWords(dst []float32, k, rows, panel int) (first, whole, last []float32) {
	before := min(len(dst), (rows-k%rows)%rows*panel)
	first, dst = dst[:before], dst[before:]
	n := len(dst) / (rows * panel) * rows * panel
	return first, dst[:n], dst[n:]
}

//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

// machineTiers gives the assembly tiers that this processor can run. A processor with AVX2 and FMA has F16C.
func machineTiers() []*Set {
	var tiers []*Set
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2 {
		tiers = append(tiers, avx2)
	}
	return tiers
}

// avx2 is the tier of AVX2, FMA and F16C.
var avx2 = &Set{Name: "avx2", Panel: 16, Tile: 6, functions: avx2Functions()}

var avx2Tiles = &gemmTiles{
	panel:  16,
	blockM: 144,
	one:    []gemmKernel{nil, gemm1x1AVX2, gemm2x1AVX2, gemm3x1AVX2, gemm4x1AVX2, gemm5x1AVX2, gemm6x1AVX2},
	span:   []int{0, 4, 3, 2},
	wide:   []gemmKernel{nil, gemm1x4AVX2, gemm2x3AVX2, gemm3x2AVX2},
}

func avx2Functions() functions {
	f := generic.functions
	f.gemm = avx2Tiles.gemm
	return f
}

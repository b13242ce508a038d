package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// EnvTier is the environment variable that forces a tier.
const EnvTier = "TRIMTAB_CPU"

// ErrTier is wrapped by Pick's error when TRIMTAB_CPU names no tier that this program can run on this machine.
var ErrTier = errors.New("tier not available")

// Set is one tier: the same kernels, each with the same promises, made for one kind of processor.
// Its methods check lengths and panic where a caller broke them, as indexing a slice does;
// the values inside the slices never cause a panic. A Set is safe for use by many goroutines.
type Set struct {
	// Name is generic, avx2, avx512, avx512vnni, avx512bf16 or amx.
	Name string
	// Panel is the number of columns of one panel of a packed matrix.
	Panel int
	// Tile is the number of rows of Gemm's register tile: blocks of a multiple of Tile rows waste nothing.
	Tile int

	functions
}

// functions are a tier's implementations; the methods of Set have checked what they are given.
type functions struct {
	gemm      func(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, acc bool)
	outer     func(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool)
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
	copyRows  func(dst []float32, ldd int, src []float32, lds, rows, cols int)

	add, mul                        func(dst, a, b []float32)
	axpy                            func(y, x []float32, a float32)
	scale                           func(dst, x []float32, a float32)
	dot                             func(a, b []float32) float32
	sum, sumSquares, max            func(x []float32) float32
	exp, gelu, geluTanh, silu, relu func(dst, x []float32)
	tanh, sigmoid                   func(dst, x []float32)

	geluBackward, geluTanhBackward, siluBackward func(dx, x, dy []float32)
	reluBackward, tanhBackward, sigmoidBackward  func(dx, y, dy []float32)
	swiglu                                       func(dst, g, u []float32)
	swigluBackward                               func(dg, du, g, u, dy []float32)

	expSum          func(x []float32, scale, shift float32) float32
	expStore        func(dst, x []float32, scale, shift float32) float32
	softmaxBackward func(ds, p, dp []float32, dot, scale float32)

	sumSquaredDiff func(x []float32, mean float32) float32
	normalize      func(y, x, gamma, beta []float32, mean, rstd float32)
	normSums       func(x, dy, gamma []float32, mean, rstd float32) (sum, sumX float32)
	normGradX      func(dx, x, dy, gamma []float32, mean, rstd, c1, c2 float32)
	normGradGamma  func(dgamma, x, dy []float32, mean, rstd float32)

	rotate func(lo, hi, cos, sin []float32, sign float32)
	adamw  func(p, g, m, v []float32, s *AdamW)

	dequantizeSigned, dequantizeUnsigned func(dst []float32, q []uint8, most float32)
	quantizeSigned, quantizeUnsigned     func(q []uint8, x []float32, inverse float32)

	f16ToF32, bf16ToF32 func(dst []float32, src []uint16)
	f32ToF16, f32ToBF16 func(dst []uint16, src []float32)

	dequantizeBytes   func(dst []float32, q []uint8, k int, scale []float32)
	dequantizeTable   func(dst []float32, q []uint8, k int, scale []float32)
	dequantizeNibbles func(dst []float32, q []uint8, k int, scale, zero []float32)

	absMax       func(x []float32) float32
	quantizeRow  func(dst []int32, x []float32, down float32)
	int8         func(p int8Product)
	int8Gradient func(p gradientProduct)
	// int8Wide is MultiplyInt8 of one row for as many panels from column n0 on as go side by side; it says where it ended. nil where there is none.
	int8Wide func(c []float32, a []int32, rowScale float32, b *Quantized, bias []float32, n0, n1 int) (n int)
	// quantizeBytes is quantizeRow, and beginInt8 what a panel's sums begin with, for an int8 that takes rows of bytes; nil where it takes pairs.
	quantizeBytes func(dst []int32, x []float32, down float32)
	beginInt8     func(dst []int32, codes []uint8)
	// quantizePlanes is the gradient's quantizeRow where it takes rows of bytes, the low ones before the high ones; nil where it takes pairs.
	quantizePlanes func(dst []int32, x []float32, down float32)
	bf16           func(p bf16Product) // nil where bf16Generic does it
	pairs          *pairs              // nil there too
	pairStep       int                 // words of rows that a step of bf16 takes, 1 where it is left out

	splitRow   func(rest []float32, marks []int32, x []float32)
	addOutlier func(p outlierProduct)

	// stream is GemmQuantized for the rows and forms that it says it did; nil where there are none.
	stream func(s *Set, c []float32, ldc int, a []float32, lda int, q *Quantized, p0, p1, m int, acc bool, temp []float32) bool

	dropout func(dst, x []float32, d dropping, block uint64)

	peak           func(turns int)
	peakOperations int // a turn
	peakRead       func(x []float32)
	peakInt8       peakLoop[int32]
	peakBF16       peakLoop[float32] // empty where bf16 is nil
	peakTiles      *tilePeaks        // in the place of both, where products go through tiles
}

// Tiers gives the tiers that this program can run on this machine, the plain Go one first, the fastest last.
func Tiers() []*Set {
	return append([]*Set{generic}, machineTiers()...)
}

// Pick gives the fastest tier, or the one that the environment variable TRIMTAB_CPU names.
// A name that is unknown, or a tier that this machine cannot run, is an error that wraps ErrTier.
func Pick() (*Set, error) {
	return pick(Tiers(), os.Getenv(EnvTier))
}

func pick(tiers []*Set, name string) (*Set, error) {
	if name == "" {
		return tiers[len(tiers)-1], nil
	}
	var names []string
	for _, t := range tiers {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return nil, fmt.Errorf("%w: %s=%s, this machine and build can run %s", ErrTier, EnvTier, name, strings.Join(names, ", "))
}

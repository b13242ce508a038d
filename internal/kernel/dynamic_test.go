package kernel

import (
	endian "encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"trimtab/internal/near"
)

// dynamics are the two types with the kernels of a tier.
func dynamics(s *Set) map[string]dynamicKernels {
	return map[string]dynamicKernels{
		"signed":   {signed, s.dequantizeSigned, s.quantizeSigned},
		"unsigned": {unsigned, s.dequantizeUnsigned, s.quantizeUnsigned},
	}
}

type dynamicKernels struct {
	*dynamic
	dequantized func(dst []float32, q []uint8, most float32)
	quantized   func(q []uint8, x []float32, inverse float32)
}

// TestDynamicLevels compares the levels with bitsandbytes' maps (internal/reference/adamw8.py).
func TestDynamicLevels(t *testing.T) {
	for name, d := range map[string]*dynamic{"signed": signed, "unsigned": unsigned} {
		data, err := os.ReadFile("testdata/dynamic_" + name + ".f32")
		if err != nil {
			t.Fatal(err)
		}
		for code, level := range d.levels {
			want := math.Float32frombits(endian.LittleEndian.Uint32(data[4*code:]))
			near.Number(t, fmt.Sprintf("%s level %d relative to the published one", name, code), float64(level)-float64(want), 0, near.Kernel*math.Abs(float64(want)))
		}
	}
}

func TestDequantizeDynamic(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for name, d := range dynamics(s) {
			r := rand.New(rand.NewPCG(3, 4))
			for _, n := range append(lengths(r), 255, 256) {
				q, checkCodes := guardedCodes[uint8](t, n, r.IntN(64))
				got, check := guarded(t, n, r.IntN(16))
				most := []float32{0.75, 1e-39, 0}[n%3]
				for i := range q {
					q[i] = uint8(255 - i)
				}
				d.dequantized(got, q, most)
				check()
				checkCodes()
				for i := range got {
					if most != 0.75 {
						near.Check64(t, name+" of denormals", magnified(got[i:i+1]), []float64{float64(d.levels[q[i]]*most) * 0x1p126}, near.Twin)
						continue
					}
					want := float64(d.levels[q[i]]) * 0.75
					near.Number(t, fmt.Sprintf("%s code %d of %d, relative", name, q[i], n), float64(got[i])-want, 0, near.Kernel*math.Abs(want))
				}
			}
		}
	})
}

// TestQuantizeDynamic finds no level nearer than the one that a code stands for, but by a rounding error.
func TestQuantizeDynamic(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		for name, d := range dynamics(s) {
			r := rand.New(rand.NewPCG(5, 6))
			var x []float32
			for range 20000 {
				v := float32(math.Pow(10, -9*r.Float64()))
				if d.zero > 0 && r.IntN(2) == 0 {
					v = -v
				}
				x = append(x, v)
			}
			x = append(x, d.levels[:]...)
			q := make([]uint8, len(x))
			d.quantized(q, x, 1)
			different := 0
			for i, code := range q {
				want := d.code(x[i])
				if code == want {
					continue
				}
				different++
				apart, closest := math.Abs(float64(x[i]-d.levels[code])), math.Abs(float64(x[i]-d.levels[want]))
				if apart > closest*(1+1e-4) {
					t.Fatalf("%s: %g has code %d, which stands for %g; code %d stands for %g", name, x[i], code, d.levels[code], want, d.levels[want])
				}
			}
			if different > len(x)/500 {
				t.Errorf("%s: %d of %d values are halfway to the tier", name, different, len(x))
			}
		}
	})
}

// TestQuantizeDynamicEdges tries the ends, what is beyond them, NaN, infinities and denormals, at every length.
func TestQuantizeDynamicEdges(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	edges := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1.5, -1.5, nan, -nan, 1e-40, -1e-40, 1e-7, 0.9999, -0.9999, inf, -inf}
	eachTier(t, func(t *testing.T, s *Set) {
		for name, d := range dynamics(s) {
			r := rand.New(rand.NewPCG(7, 8))
			for n := range 100 {
				x, guard := guarded(t, n, r.IntN(16))
				q, check := guardedCodes[uint8](t, n, r.IntN(64))
				for i := range x {
					x[i] = edges[(i+n)%len(edges)]
					if math.IsInf(float64(x[i]), 0) {
						x[i] = 3 // finite: an infinite largest makes the factor 0
					}
				}
				d.quantized(q, x, 1)
				check()
				guard()
				for i := range q {
					if want := d.code(x[i]); q[i] != want {
						t.Errorf("%s: %g has code %d, expected %d", name, x[i], q[i], want)
					}
				}
			}
			q := make([]uint8, 16)
			d.quantized(q, []float32{inf, 1, -1, 0, inf, 1, -1, 0, inf, 1, -1, 0, inf, 1, -1, 0}, 0)
			for _, code := range q {
				if code != d.zero {
					t.Errorf("%s: beside an infinity a code is %d, expected %d", name, code, d.zero)
				}
			}
		}
	})
}

// TestAdamW8 compares with the step on what the moments stand for; what is left of them is the nearest codes to that, all but ties.
func TestAdamW8(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(9, 10))
		step, temp := NewAdamW(1e-2, 0.9, 0.999, 1e-8, 0.1, 3), make([]float32, AdamW8Temp)
		for _, n := range []int{0, 1, 255, 256, 300, 1024, 1500, 4097, 1 + r.IntN(3000), 1 + r.IntN(3000)} {
			o, moments := &operands{t: t, r: r}, [2]Moment{}
			g := o.input(randoms(r, n))
			var want [3][]float32
			for i, d := range []*dynamic{signed, unsigned} {
				q, check := guardedCodes[uint8](t, n, r.IntN(64))
				defer check()
				moments[i] = Moment{q, make([]float32, (n+MomentBlock-1)/MomentBlock)}
				for b := range moments[i].Absmax {
					moments[i].Absmax[b] = r.Float32() + 0.1
				}
				want[i] = make([]float32, n)
				for j := range q {
					q[j] = uint8(r.IntN(256))
					want[i][j] = d.levels[q[j]] * moments[i].Absmax[j/MomentBlock]
				}
			}
			p, check := guarded(t, n, r.IntN(16))
			defer check()
			copy(p, randoms(r, n))
			want[2] = append(want[2], p...)
			s.AdamW8(p, g, moments[0], moments[1], &step, temp)
			o.done()
			adamwGeneric(want[2], g, want[0], want[1], &step)
			near.Check(t, fmt.Sprintf("%d parameters", n), p, want[2], near.Kernel)
			for i, d := range []*dynamic{signed, unsigned} {
				for b, absmax := range moments[i].Absmax {
					block := want[i][b*MomentBlock : min((b+1)*MomentBlock, n)]
					near.Number(t, "absmax", float64(absmax), float64(absMaxGeneric(block)), near.Kernel)
					for j, x := range block {
						code := moments[i].Codes[b*MomentBlock+j]
						apart, closest := math.Abs(float64(x/absmax-d.levels[code])), math.Abs(float64(x/absmax-d.levels[d.code(x/absmax)]))
						if apart > closest+near.Kernel {
							t.Fatalf("block %d element %d of %d: %g is held as %g", b, j, n, x/absmax, d.levels[code])
						}
					}
				}
			}
		}
	})
}

// TestAdamW8NotFinite loses no NaN and no infinity: the block that a gradient is in has no moments any more, and no other block.
func TestAdamW8NotFinite(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		const n = 3 * MomentBlock
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
			p, g := make([]float32, n), make([]float32, n)
			g[MomentBlock+7] = bad
			moments := [2]Moment{{make([]uint8, n), make([]float32, 3)}, {make([]uint8, n), make([]float32, 3)}}
			step := NewAdamW(1e-2, 0.9, 0.999, 1e-8, 0, 1)
			s.AdamW8(p, g, moments[0], moments[1], &step, make([]float32, AdamW8Temp))
			for i, dequantize := range []func(dst []float32, q []uint8, most float32){s.dequantizeSigned, s.dequantizeUnsigned} {
				for b, absmax := range moments[i].Absmax {
					block := make([]float32, MomentBlock)
					dequantize(block, moments[i].Codes[b*MomentBlock:][:MomentBlock], absmax)
					for j, x := range block {
						if number := x == x; number != (b != 1) {
							t.Fatalf("a gradient %g: moment %d of block %d is %g", bad, j, b, x)
						}
					}
				}
			}
		}
	})
}

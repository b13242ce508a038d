package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"trimtab/internal/near"
)

// int8Rows quantizes the rows of x [m,k], gap words apart, at an offset from an aligned address.
func int8Rows(s *Set, x []float32, m, k, gap, offset int) (a []int32, lda int, scales []float32) {
	lda = Int8Words(k) + gap
	a = make([]int32, offset+m*lda)[offset:]
	scales = make([]float32, m)
	for i := range m {
		scales[i] = s.QuantizeRow(a[i*lda:], x[i*k:][:k])
	}
	return a, lda, scales
}

// multiplyInt8 is all of x [m,k] times the packed b [k,n].
func multiplyInt8(s *Set, x []float32, b *Quantized, bias []float32, m int) []float32 {
	a, lda, scales := int8Rows(s, x, m, b.k, 0, 0)
	c := make([]float32, m*b.n)
	s.MultiplyInt8(c, b.n, a, lda, scales, b, bias, m, 0, b.n, make([]float32, s.Int8Temp()))
	return c
}

// strangeRow is a row of one of several kinds.
func strangeRow(r *rand.Rand, k, kind int) []float32 {
	x := randoms(r, k)
	switch kind {
	case 1:
		clear(x)
	case 2: // denormal throughout
		for i := range x {
			x[i] = float32(float64(x[i]) * 0x1p-130)
		}
	case 3: // one element outweighs all others
		x[r.IntN(k)] = 1e30
	case 4: // halves: ties in rounding
		for i := range x {
			x[i] = float32(r.IntN(255)-127) / 2
		}
		x[0] = 127
	case 5:
		x[r.IntN(k)] = float32(math.NaN())
	case 6:
		x[r.IntN(k)] = float32(math.Inf(1 - 2*r.IntN(2)))
	case 7: // the largest there are
		for i := range x {
			x[i] = math.MaxFloat32
		}
	}
	return x
}

// number is number i of a row of QuantizeRow.
func number(s *Set, a []int32, i int) int64 {
	if s.quantizeBytes != nil {
		return int64(uint8(a[i/4]>>(i%4*8))) - 128
	}
	word := a[i/4*2+i%2]
	if i%4 > 1 {
		word >>= 16
	}
	return int64(int16(word))
}

// TestInt8QuantizeRow compares with the definition in float64, and tiers to the bit.
func TestInt8QuantizeRow(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(41, 42))
		for turn := range 400 {
			k, kind := 1+r.IntN(90), turn%8
			x := strangeRow(r, k, kind)
			in, _ := guarded(t, k, r.IntN(16))
			copy(in, x)
			const mark = 0x5a5a5a5a
			words := Int8Words(k)
			buf := make([]int32, words+200)
			for i := range buf {
				buf[i] = mark
			}
			lo := 64 + r.IntN(16)
			got := buf[lo : lo+words]
			scale := s.QuantizeRow(got, in)
			for i, v := range buf {
				if (i < lo || i >= lo+words) && v != mark {
					t.Fatalf("wrote word %d of %d", i-lo, words)
				}
			}
			want := make([]int32, words)
			wantScale := generic.QuantizeRow(want, x)
			near.Bits(t, "scale", []float32{scale}, []float32{wantScale})
			if kind == 5 || kind == 6 {
				if scale == scale {
					t.Fatalf("kind %d: scale %v", kind, scale)
				}
				continue
			}
			for i := range 2 * words {
				if number(s, got, i) != number(generic, want, i) {
					t.Fatalf("kind %d, %d elements: %x, generic %x", kind, k, got, want)
				}
			}
			for i, v := range x {
				q := float64(number(s, got, i))
				if d := math.Abs(float64(v)/float64(scale) - q); !(d <= 0.5001) || math.Abs(q) > 127 {
					t.Fatalf("kind %d: %g is %g times %g", kind, v, q, scale)
				}
			}
		}
	})
}

// TestInt8Exact compares every element with the sum of its codes in whole numbers and the four operations in order.
func TestInt8Exact(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(43, 44))
		shapes := [][3]int{{1, 1, 1}, {16, 32, 4}, {20, 20, 4*int8Steps + 9}, {3, 17, 9*int8Steps - 1}, {7, 64, 0}, {17, 5, 2}, {1, 64, 5}, {1, 130, 37}, {1, 201, 300}}
		for range 40 {
			shapes = append(shapes, [3]int{1 + r.IntN(50), 1 + r.IntN(150), 1 + r.IntN(400)})
		}
		for turn, sh := range shapes {
			m, n, k := sh[0], sh[1], sh[2]
			var x []float32
			for range m {
				x = append(x, strangeRow(r, max(k, 1), r.IntN(12))[:k]...)
			}
			w := randoms(r, n*k)
			if turn%3 == 0 && k > 0 {
				w[r.IntN(n*k)] = float32(math.NaN())
			}
			b := quantize(s, Int8, w, n, k)
			var bias []float32
			if turn%2 == 0 {
				bias = randoms(r, n)
			}
			a, lda, scales := int8Rows(s, x, m, k, r.IntN(5), r.IntN(16))
			ldc := n + r.IntN(5)
			c, check := guarded(t, (m-1)*ldc+n, r.IntN(16))
			s.MultiplyInt8(c, ldc, a, lda, scales, b, bias, m, 0, n, make([]float32, s.Int8Temp()))
			check()
			for i := range m {
				near.CheckNaN(t, fmt.Sprintf("%v row %d", sh, i), c[i*ldc:i*ldc+n], int8Expected(s, a[i*lda:], scales[i], b, bias), near.Exact)
				for j := n; j < ldc && i < m-1; j++ {
					if math.Float32bits(c[i*ldc+j]) != 0x7fc0beef {
						t.Fatalf("%v: wrote beyond row %d", sh, i)
					}
				}
			}
		}
	})
}

// int8Expected is a row of the product by its definition.
func int8Expected(s *Set, a []int32, scale float32, b *Quantized, bias []float32) []float32 {
	y := make([]float32, b.n)
	for o := range y {
		var sum int64
		for k := range b.k {
			sum += number(s, a, k) * int64(int8(b.bytes(o / b.panel)[byteAt(k, b.panel, o%b.panel)]))
		}
		y[o] = float32(float32(sum) * (scale * b.scales.at(o))) // rounded: arm64 would fuse the sum below
		if bias != nil {
			y[o] += bias[o]
		}
	}
	return y
}

// TestInt8Largest has sums at the bound of 32 bits.
func TestInt8Largest(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		const n, k = 2, MaxInt8
		w := make([]float32, n*k)
		for i := range w {
			w[i] = float32(1 - 2*(i/k))
		}
		b := quantize(s, Int8, w, n, k)
		for _, m := range []int{1, 30} {
			var x []float32
			for range m {
				x = append(x, w[:k]...)
			}
			for i, v := range multiplyInt8(s, x, b, nil, m) {
				if want := float32(k * (1 - 2*(i%2))); math.Abs(float64(v-want)) > 1 {
					t.Fatalf("%d rows: %v, want %v", m, v, want)
				}
			}
		}
	})
}

// TestInt8TiersAndSplits says that an element has the same bits in every tier, in any company.
func TestInt8TiersAndSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	const m, n, k = 61, 150, 333
	x, w, bias := randoms(r, m*k), randoms(r, n*k), randoms(r, n)
	want := multiplyInt8(generic, x, quantize(generic, Int8, w, n, k), bias, m)
	eachTier(t, func(t *testing.T, s *Set) {
		b := quantize(s, Int8, w, n, k)
		near.Bits(t, "at once", multiplyInt8(s, x, b, bias, m), want)
		a, lda, scales := int8Rows(s, x, m, k, 0, 0)
		temp := make([]float32, s.Int8Temp())
		for range 40 {
			got := make([]float32, m*n)
			for i := 0; i < m; {
				rows := 1 + r.IntN(m-i)
				for j := 0; j < n; {
					to := min(n, j+s.Panel*(1+r.IntN(6)))
					s.MultiplyInt8(got[i*n+j:], n, a[i*lda:], lda, scales[i:], b, bias, rows, j, to, temp)
					j = to
				}
				i += rows
			}
			near.Bits(t, "in parts", got, want)
		}
	})
}

// TestInt8Error measures what 8 bits cost a product of normally distributed numbers, beside the sum in float64.
func TestInt8Error(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(47, 48))
		const m, n, k = 32, 96, 768
		x, w := randoms(r, m*k), randoms(r, n*k)
		var size, off float64
		for i, v := range multiplyInt8(s, x, quantize(s, Int8, w, n, k), nil, m) {
			sum := 0.0
			for p := range k {
				sum += float64(x[i/n*k+p]) * float64(w[i%n*k+p])
			}
			size += sum * sum
			off += (float64(v) - sum) * (float64(v) - sum)
		}
		if e := math.Sqrt(off / size); !(e > 1.0/200 && e < 1.0/80) {
			t.Errorf("relative RMS error %.3g", e)
		}
	})
}

// multiplyTransposed is all of dy [m,n] times the transpose of the packed b [k,n], or what that adds to c.
func multiplyTransposed(s *Set, c, dy []float32, b *Quantized, m int, add bool) {
	a, lda, scales := gradientRows(s, dy, b, m, 3, 0)
	s.MultiplyInt8Transposed(c, b.k, a, lda, scales, b, m, 0, b.k, add, make([]float32, s.Int8Temp()))
}

// gradientRows quantizes the rows of dy [m,n], gap words apart, at an offset from an aligned address.
func gradientRows(s *Set, dy []float32, b *Quantized, m, gap, offset int) (a []int32, lda int, scales []float32) {
	lda, scales = s.GradientWords(b)+gap, make([]float32, m)
	a = make([]int32, offset+m*lda)[offset:]
	for i := range m {
		scales[i] = s.QuantizeGradient(a[i*lda:], dy[i*b.n:][:b.n], b, make([]float32, b.n))
	}
	return a, lda, scales
}

// gradientExpected is dx by its definition, from the codes.
func gradientExpected(c, dy []float32, b *Quantized, m int, add bool) {
	for i := range m {
		g := make([]float32, b.n)
		for o := range g {
			g[o] = dy[i*b.n+o] * b.scales.at(o)
		}
		scale := wholeScale(absMaxGeneric(g), gradientLimit)
		for k := range b.k {
			if b.n == 0 && !add {
				c[i*b.k+k] = 0
			}
			for from := 0; from < b.n; from += BlockK {
				var sum int64
				for o := from; o < min(from+BlockK, b.n) && scale == scale; o++ {
					sum += int64(wholeNumber(g[o], 1/scale)) * int64(int8(b.bytes(o / b.panel)[byteAt(k, b.panel, o%b.panel)]))
				}
				if sum > math.MaxInt32 || sum < -math.MaxInt32 {
					panic("a sum of more than 32 bits")
				}
				term := float32(float32(sum) * scale) // rounded: see int8Expected
				if add || from > 0 {
					term += c[i*b.k+k]
				}
				c[i*b.k+k] = term
			}
		}
	}
}

// TestInt8Gradient compares every element with its definition.
func TestInt8Gradient(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(49, 50))
		shapes := [][3]int{{1, 1, 1}, {16, 32, 64}, {7, 2*BlockK + 5, 20}, {13, BlockK, 33}, {3, 0, 5}, {2, 5, 0}, {1, 70, 48}}
		for range 40 {
			shapes = append(shapes, [3]int{1 + r.IntN(40), 1 + r.IntN(150), 1 + r.IntN(90)})
		}
		for turn, sh := range shapes {
			m, n, k := sh[0], sh[1], sh[2]
			var dy []float32
			for range m {
				dy = append(dy, strangeRow(r, max(n, 1), r.IntN(12))[:n]...)
			}
			w := randoms(r, n*k)
			if turn%5 == 0 && n*k > 0 {
				w[r.IntN(n*k)] = float32(math.NaN())
			}
			b, add := quantize(s, Int8, w, n, k), turn%2 == 1
			before := randoms(r, m*k)
			want := slices.Clone(before)
			gradientExpected(want, dy, b, m, add)
			a, lda, scales := gradientRows(s, dy, b, m, r.IntN(5), r.IntN(16))
			from := r.IntN(k/s.Panel+1) * s.Panel
			to := min(k, from+s.Panel*(1+r.IntN(3)))
			o, ldc := &operands{t: t, r: r}, to-from+r.IntN(5)
			c := o.place(columns(before, m, k, from, to), m, to-from, ldc, true)
			s.MultiplyInt8Transposed(c, ldc, a, lda, scales, b, m, from, to, add, o.output(make([]float32, s.Int8Temp())))
			o.done()
			name := fmt.Sprintf("%v, columns %d to %d, add %v", sh, from, to, add)
			near.CheckNaN(t, name, dense(c, m, to-from, ldc), columns(want, m, k, from, to), near.Exact)
		}
	})
}

// columns are those from from to to of x [m,n].
func columns(x []float32, m, n, from, to int) (y []float32) {
	for i := range m {
		y = append(y, x[i*n+from:i*n+to]...)
	}
	return y
}

// TestQuantizeGradient says that rows at all alignments have the numbers of the plain tier, and that nothing beside them is written.
func TestQuantizeGradient(t *testing.T) {
	eachTier(t, func(t *testing.T, s *Set) {
		r := rand.New(rand.NewPCG(95, 96))
		for turn := range 200 {
			n, o := 1+r.IntN(90), &operands{t: t, r: r}
			w, dy := randoms(r, 5*n), strangeRow(r, n, turn%8)
			b, plain := quantize(s, Int8, w, n, 5), quantize(generic, Int8, w, n, 5)
			got, check := guardedCodes[int32](t, s.GradientWords(b), r.IntN(16))
			want := make([]int32, generic.GradientWords(plain))
			scale := s.QuantizeGradient(got, o.input(dy), b, o.output(make([]float32, n)))
			wantScale := generic.QuantizeGradient(want, dy, plain, make([]float32, n))
			o.done()
			check()
			near.CheckNaN(t, "scale", []float32{scale}, []float32{wantScale}, near.Exact)
			if g, w := gradientNumbers(s, got), gradientNumbers(generic, want); scale == scale && !slices.Equal(g[:n], w[:n]) {
				t.Fatalf("kind %d, %d elements: %d, generic %d", turn%8, n, g, w)
			} else if slices.ContainsFunc(g[n:], func(v int16) bool { return v != 0 }) {
				t.Fatalf("behind %d elements: %d", n, g[n:])
			}
		}
	})
}

// gradientNumbers are those of a row of QuantizeGradient, in order.
func gradientNumbers(s *Set, row []int32) []int16 {
	v := make([]int16, 2*len(row))
	for j := range v {
		if s.quantizePlanes == nil {
			v[j] = int16(row[j/4*2+j%2] >> (j % 4 / 2 * 16))
		} else {
			at, shift := j/4, j%4*8
			v[j] = int16(uint16(uint8(row[at]>>shift)) | uint16(uint8(row[len(row)/2+at]>>shift))<<8)
		}
	}
	return v
}

// TestInt8GradientSplits says that an element has the same bits in every tier, in any company.
func TestInt8GradientSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	const m, n, k = 45, BlockK + 150, 133
	dy, w := randoms(r, m*n), randoms(r, n*k)
	want := make([]float32, m*k)
	multiplyTransposed(generic, want, dy, quantize(generic, Int8, w, n, k), m, false)
	eachTier(t, func(t *testing.T, s *Set) {
		b := quantize(s, Int8, w, n, k)
		lda, scales := s.GradientWords(b), make([]float32, m)
		a, temp := make([]int32, m*lda), make([]float32, max(s.Int8Temp(), n))
		for i := range m {
			scales[i] = s.QuantizeGradient(a[i*lda:], dy[i*n:][:n], b, temp)
		}
		for range 10 {
			got := make([]float32, m*k)
			for i := 0; i < m; {
				rows := 1 + r.IntN(m-i)
				for j := 0; j < k; {
					to := min(k, j+s.Panel*(1+r.IntN(6)))
					s.MultiplyInt8Transposed(got[i*k+j:], k, a[i*lda:], lda, scales[i:], b, rows, j, to, false, temp)
					j = to
				}
				i += rows
			}
			near.Bits(t, "in parts", got, want)
		}
	})
}

// TestInt8GradientError holds the gradient against that of the weights which the codes stand for, in float64: it is off by less, in
// the norm of a row, than rounding dy to bfloat16 may be, 2⁻⁹/√3, whatever stands out among the numbers.
func TestInt8GradientError(t *testing.T) {
	s := Tiers()[len(Tiers())-1]
	r := rand.New(rand.NewPCG(53, 54))
	for _, n := range []int{768, 3072} {
		for name, draw := range map[string]func(i int) float64{
			"normal":              func(int) float64 { return r.NormFloat64() },
			"one stands out":      func(i int) float64 { return r.NormFloat64() * (1 + 1000*float64(i%n/(n-1))) },
			"over eight decades":  func(int) float64 { return r.NormFloat64() * math.Pow(10, -8*r.Float64()) },
			"a few hundred times": func(i int) float64 { return r.NormFloat64() * (1 + 300*float64(i%97/96)) },
		} {
			const m, k = 8, 64
			dy, w := make([]float32, m*n), randoms(r, n*k)
			for i := range dy {
				dy[i] = float32(draw(i))
			}
			b := quantize(s, Int8, w, n, k)
			got, held := make([]float32, m*k), dequantized(s, b)
			multiplyTransposed(s, got, dy, b, m, false)
			var size, off float64
			for i, v := range got {
				sum := 0.0
				for o := range n {
					sum += float64(dy[i/k*n+o]) * float64(held[o*k+i%k])
				}
				size += sum * sum
				off += (float64(v) - sum) * (float64(v) - sum)
			}
			e := math.Sqrt(off / size)
			t.Logf("%d, %s: %.2g", n, name, e)
			if !(e < 0x1p-9/math.Sqrt(3)) {
				t.Errorf("%d, %s: relative error %.3g", n, name, e)
			}
		}
	}
}

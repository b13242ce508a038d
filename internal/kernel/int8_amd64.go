//go:build amd64 && !noasm

package kernel

import "math"

// An int8Kernel computes a tile of C over some steps from widened codes, a directKernel from codes as they lie. All columns of
// the panel exist in C and in bias. Without rowScale C takes the sums; acc is 1 to begin with those that it has.
type (
	int8Kernel   func(c *float32, ldc int, a *int32, lda int, b *int32, steps, acc int, rowScale, scale, bias *float32)
	directKernel func(c *float32, ldc int, a *int32, lda int, b *uint8, steps, acc int, rowScale, scale, bias *float32)
)

// int8Tiles is a tier's tiles of a panel by their number of rows.
type int8Tiles struct {
	panel  int
	tiles  []int8Kernel
	direct []directKernel
	widen  func(dst []int32, codes []uint8)
}

// directRows is the most rows that take codes as they lie, in as many tiles as that needs.
const directRows = 16

// noBias leaves what it is added to as it is, zeros of either sign too. No panel is wider.
var noBias = func() (v [32]float32) {
	for i := range v {
		v[i] = float32(math.Copysign(0, -1))
	}
	return v
}()

// multiply is int8Generic. What would reach beyond the last column goes through whole tiles beside C.
func (t *int8Tiles) multiply(p int8Product) {
	if p.cols == t.panel {
		t.whole(p)
		return
	}
	part, height := p, len(t.tiles)-1
	beside := p.temp[2*int8Steps*t.panel:]
	part.c, part.ldc = beside[:height*t.panel], t.panel
	if p.bias != nil {
		part.bias = beside[height*t.panel:][:t.panel]
		copy(part.bias, p.bias)
	}
	for i := 0; i < p.m; i += part.m {
		part.m = min(height, p.m-i)
		part.a, part.rowScale = p.a[i*p.lda:], p.rowScale[i:]
		t.whole(part)
		for r := range part.m {
			copy(p.c[(i+r)*p.ldc:][:p.cols], part.c[r*t.panel:])
		}
	}
}

// whole is multiply where all columns exist: few rows take the codes as they lie, more of them share what is widened once.
func (t *int8Tiles) whole(p int8Product) {
	bias := &noBias[0]
	if p.bias != nil {
		bias = &p.bias[0]
	}
	steps := len(p.codes) / (4 * t.panel)
	if height := len(t.direct) - 1; p.m <= directRows {
		for i := 0; i < p.m; {
			rows := min(height, p.m-i)
			t.direct[rows](&p.c[i*p.ldc], p.ldc, &p.a[i*p.lda], p.lda, &p.codes[0], steps, 0, &p.rowScale[i], &p.scale[0], bias)
			i += rows
		}
		return
	}
	pairs := Words(p.temp)
	for blocks, from := (steps+int8Steps-1)/int8Steps, 0; blocks > 0; blocks-- {
		n := (steps - from + blocks - 1) / blocks
		t.widen(pairs, p.codes[from*4*t.panel:][:n*4*t.panel])
		t.block(p, pairs, bias, from, n, blocks == 1)
		from += n
	}
}

// block multiplies n steps from one on, whose codes are in pairs; the last ones finish the sums.
func (t *int8Tiles) block(p int8Product, pairs []int32, bias *float32, from, n int, last bool) {
	height := len(t.tiles) - 1
	for tiles, i := (p.m+height-1)/height, 0; tiles > 0; tiles-- {
		rows := (p.m - i + tiles - 1) / tiles
		rowScale := &p.rowScale[i]
		if !last {
			rowScale = nil
		}
		t.tiles[rows](&p.c[i*p.ldc], p.ldc, &p.a[i*p.lda+2*from], p.lda, &pairs[0], n, flag(from > 0), rowScale, &p.scale[0], bias)
		i += rows
	}
}

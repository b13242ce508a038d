//go:build amd64 && !noasm

package kernel

import "math"

// An int8Kernel computes a tile of C over some steps from widened codes, a directKernel from codes as they lie, a firstKernel from those too,
// and leaves them widened. All columns of the panel exist in C and in bias. Without rowScale C takes the sums; acc is 1 to
// begin with those that it has, 2 to add to what it has.
type (
	int8Kernel   func(c *float32, ldc int, a *int32, lda int, b *int32, steps, acc int, rowScale, scale, bias *float32)
	directKernel func(c *float32, ldc int, a *int32, lda int, b *uint8, steps, acc int, rowScale, scale, bias *float32)
	firstKernel  func(c *float32, ldc int, a *int32, lda int, b *uint8, steps, acc int, rowScale, scale, bias *float32, pairs *int32)
)

// int8Tiles is a tier's tiles of a panel by their number of rows.
type int8Tiles struct {
	panel  int
	tiles  []int8Kernel
	direct []directKernel
	first  firstKernel
	turn   func(dst *int32, src *uint8, stride, panels int)
}

// ones leave what they are multiplied with as it is.
var ones = func() (v [32]float32) {
	for i := range v {
		v[i] = 1
	}
	return v
}()

// directRows is the most rows that take codes as they lie, in as many tiles as that needs.
const directRows = 16

// noBias leaves what it is added to as it is, zeros of either sign too. Nothing that takes it is wider.
var noBias = func() (v [64]float32) {
	for i := range v {
		v[i] = float32(math.Copysign(0, -1))
	}
	return v
}()

// output is the columns of C in which a panel's tiles stand.
type output struct {
	c           []float32
	ldc         int
	cols, panel int
	beside      []float32 // room for a tile
}

// tile runs f on the rows from i on of C; where some of a panel's columns do not exist, on a whole tile beside it. With kept, f reads what
// is there.
func (o *output) tile(i, rows int, kept bool, f func(c *float32, ldc int)) {
	if o.cols == o.panel {
		f(&o.c[i*o.ldc], o.ldc)
		return
	}
	for r := 0; r < rows && kept; r++ {
		copy(o.beside[r*o.panel:], o.c[(i+r)*o.ldc:][:o.cols])
	}
	f(&o.beside[0], o.panel)
	for r := range rows {
		copy(o.c[(i+r)*o.ldc:][:o.cols], o.beside[r*o.panel:])
	}
}

// temps cuts temp into what Int8Temp says.
func (t *int8Tiles) temps(temp []float32) (pairs []int32, beside, bias []float32) {
	n := 2 * int8Steps * t.panel
	m := n + (len(t.tiles)-1)*t.panel
	return Words(temp[:n]), temp[n:m], temp[m:][:t.panel]
}

// wholeBias is a bias for every column of the panel, in room for it where some do not exist.
func (p *int8Product) wholeBias(room []float32) *float32 {
	switch {
	case p.bias == nil:
		return &noBias[0]
	case p.cols < len(room):
		copy(room, p.bias)
		return &room[0]
	}
	return &p.bias[0]
}

// multiply is int8Generic: few rows take the codes as they lie, of more the first ones, and leave the others what they widened.
func (t *int8Tiles) multiply(p int8Product) {
	pairs, beside, wholeBias := t.temps(p.temp)
	out := output{p.c, p.ldc, p.cols, t.panel, beside}
	bias := p.wholeBias(wholeBias)
	steps := len(p.codes) / (4 * t.panel)
	if height := len(t.direct) - 1; p.m <= directRows {
		for i := 0; i < p.m; {
			rows := min(height, p.m-i)
			out.tile(i, rows, false, func(c *float32, ldc int) {
				t.direct[rows](c, ldc, &p.a[i*p.lda], p.lda, &p.codes[0], steps, 0, &p.rowScale[i], &p.scale[0], bias)
			})
			i += rows
		}
		return
	}
	first := len(t.direct) - 1
	for blocks, from := (steps+int8Steps-1)/int8Steps, 0; blocks > 0; blocks-- {
		n, codes := (steps-from+blocks-1)/blocks, &p.codes[from*4*t.panel]
		var scales []float32 // of the rows, with the last block
		if blocks == 1 {
			scales = p.rowScale
		}
		acc := flag(from > 0)
		out.tile(0, first, from > 0, func(c *float32, ldc int) {
			t.first(c, ldc, &p.a[2*from], p.lda, codes, n, acc, place(scales, 0), &p.scale[0], bias, &pairs[0])
		})
		eachTile(p.m-first, len(t.tiles)-1, func(i, rows int) {
			i += first
			out.tile(i, rows, from > 0, func(c *float32, ldc int) {
				t.tiles[rows](c, ldc, &p.a[i*p.lda+2*from], p.lda, &pairs[0], n, acc, place(scales, i), &p.scale[0], bias)
			})
		})
		from += n
	}
}

// place is where element i of v is, nil if there is no v.
func place(v []float32, i int) *float32 {
	if v == nil {
		return nil
	}
	return &v[i]
}

// eachTile cuts m rows into tiles of about one height, at most so high.
func eachTile(m, height int, f func(i, rows int)) {
	for tiles, i := (m+height-1)/height, 0; tiles > 0; tiles-- {
		rows := (m - i + tiles - 1) / tiles
		f(i, rows)
		i += rows
	}
}

// gradient is int8GradientGeneric.
func (t *int8Tiles) gradient(p gradientProduct) {
	pairs, beside, _ := t.temps(p.temp)
	out := output{p.c, p.ldc, p.cols, t.panel, beside}
	for n := 0; n < p.b.n; n += BlockK {
		panels := (min(BlockK, p.b.n-n) + t.panel - 1) / t.panel
		t.turnBlock(pairs, p.b, p.k, n, panels)
		add := p.add || n > 0
		eachTile(p.m, len(t.tiles)-1, func(i, rows int) {
			out.tile(i, rows, add, func(c *float32, ldc int) {
				t.tiles[rows](c, ldc, &p.a[i*p.lda+n/2], p.lda, &pairs[0], panels*t.panel/4, 2*flag(add), &p.rowScale[i], &ones[0], &noBias[0])
			})
		})
	}
}

// turnBlock is turnInt8Generic for whole panels of columns of b.
func (t *int8Tiles) turnBlock(dst []int32, b *Quantized, k, n, panels int) {
	if k+t.panel > b.k {
		turnInt8Generic(dst, b, k, n, panels*t.panel/4)
		return
	}
	stride := len(b.bytes(0))
	t.turn(&dst[0], &b.codes[n/t.panel*stride+k*t.panel], stride, panels)
}

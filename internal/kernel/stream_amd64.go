//go:build amd64 && !noasm

package kernel

// A halvesKernel computes a tile of whole panels of bfloat16 for one block of k; panels are stride bytes apart. acc is 1 to add to c.
type halvesKernel func(c *float32, ldc int, a *float32, lda int, b *uint16, stride, k, acc int)

// A codesKernel does that for 4-bit codes, k a multiple of 8. A row of scales and of zero points, of all of the tile's panels, serves each
// group; work has room for four rows more.
type codesKernel func(c *float32, ldc int, a *float32, lda int, q *uint8, stride, k, group int, scales, zeros, work *float32, acc int)

// A streamTile is a kernel for a number of rows; it is vectors wide, half as many panels, or, if 1, one half of a panel at a time.
type streamTile struct {
	vectors int
	halves  halvesKernel
	codes   codesKernel
}

// streamTiles are a tier's, at [form][m] for m rows.
type streamTiles map[Form][]streamTile

// stream is GemmQuantized, if there is a tile for so many rows.
func (t streamTiles) stream(s *Set, c []float32, ldc int, a []float32, lda int, q *Quantized, p0, p1, m int, acc bool, temp []float32) bool {
	tiles := t[q.form]
	if m >= len(tiles) || q.form != BF16 && q.k%codesRows != 0 {
		return false
	}
	tiles[m].panelsOf(s, c, ldc, a, lda, q, p0, p1, m, acc, temp)
	return true
}

// panels is how many panels the tile covers.
func (t *streamTile) panels() int { return max(1, t.vectors/2) }

// panelsOf computes panels p0 to p1. A tile that reaches over the last panel wanted, or whose last panel is not full, goes through temp; so
// does every panel of a matrix that has fewer than a tile.
func (t *streamTile) panelsOf(s *Set, c []float32, ldc int, a []float32, lda int, q *Quantized, p0, p1, m int, acc bool, temp []float32) {
	wide, width := t.panels(), t.panels()*s.Panel
	step := wide
	if q.panels() < wide {
		step = 1
	}
	sums, temp := temp[:streamRows*streamWidth], temp[streamRows*streamWidth:]
	for p := p0; p < p1; p += step {
		if p+wide <= p1 && (p+wide)*s.Panel <= q.n {
			t.tile(s, c[(p-p0)*s.Panel:], ldc, a, lda, q, p, m, acc, temp)
			continue
		}
		from := p
		if step > 1 {
			from = min(p, q.panels()-wide)
		}
		at, cols := (p-from)*s.Panel, min(min(p+step, p1)*s.Panel, q.n)-p*s.Panel
		for i := range m {
			copy(sums[i*width+at:], c[i*ldc+(p-p0)*s.Panel:][:cols])
		}
		t.tile(s, sums, width, a, lda, q, from, m, acc, temp)
		for i := range m {
			copy(c[i*ldc+(p-p0)*s.Panel:][:cols], sums[i*width+at:])
		}
	}
}

// tile computes the tile whose first panel is p, block of k after block. Where there are not as many panels, it computes panel p several times.
func (t *streamTile) tile(s *Set, c []float32, ldc int, a []float32, lda int, q *Quantized, p, m int, acc bool, temp []float32) {
	width, whole := t.panels()*s.Panel, p+t.panels() <= q.panels()
	stride := 0
	if q.form == BF16 {
		if whole {
			stride = 2 * q.k * s.Panel
		}
		for k0 := 0; k0 < q.k; k0 += BlockK {
			t.halves(&c[0], ldc, &a[k0], lda, &q.halves[(p*q.k+k0)*s.Panel], stride, min(BlockK, q.k-k0), flag(acc || k0 > 0))
		}
		return
	}
	codes := q.nibbles(p)
	if whole {
		stride = len(codes)
	}
	size := q.groups * width
	scales, zeros, work := temp[:size], temp[size:2*size], temp[2*size:]
	for i := range t.panels() {
		at := p
		if whole {
			at += i
		}
		q.groupScales(s, scales[i*s.Panel:], width, at)
		if q.form == Int4 {
			q.groupZeros(zeros[i*s.Panel:], width, at)
		}
	}
	group := q.form.group()
	for k0 := 0; k0 < q.k; k0 += BlockK {
		for half := 0; half < s.Panel; half += t.vectors * s.Panel / 2 {
			t.codes(&c[half], ldc, &a[k0], lda, &codes[(k0/codesRows*s.Panel+half)*4], stride, min(BlockK, q.k-k0), group,
				&scales[k0/group*width+half], &zeros[k0/group*width+half], &work[0], flag(acc || k0 > 0))
		}
	}
}

var avx2Streams = streamTiles{
	BF16: {1: {vectors: 8, halves: streamBF16x1AVX2}, {vectors: 4, halves: streamBF16x2AVX2}, {vectors: 4, halves: streamBF16x3AVX2}, {vectors: 2, halves: streamBF16x4AVX2}},
	NF4:  {1: {vectors: 4, codes: streamNF4x1AVX2}, {vectors: 2, codes: streamNF4x2AVX2}, {vectors: 2, codes: streamNF4x3AVX2}, {vectors: 1, codes: streamNF4x4AVX2}},
	Int4: {1: {vectors: 4, codes: streamInt4x1AVX2}, {vectors: 2, codes: streamInt4x2AVX2}, {vectors: 2, codes: streamInt4x3AVX2}, {vectors: 1, codes: streamInt4x4AVX2}},
}

var avx512Streams = streamTiles{
	BF16: {1: {vectors: 4, halves: streamBF16x1AVX512}, {vectors: 4, halves: streamBF16x2AVX512}, {vectors: 4, halves: streamBF16x3AVX512}, {vectors: 4, halves: streamBF16x4AVX512}},
	NF4:  {1: {vectors: 4, codes: streamNF4x1AVX512}, {vectors: 4, codes: streamNF4x2AVX512}, {vectors: 4, codes: streamNF4x3AVX512}, {vectors: 4, codes: streamNF4x4AVX512}},
	Int4: {1: {vectors: 4, codes: streamInt4x1AVX512}, {vectors: 4, codes: streamInt4x2AVX512}, {vectors: 4, codes: streamInt4x3AVX512}, {vectors: 4, codes: streamInt4x4AVX512}},
}

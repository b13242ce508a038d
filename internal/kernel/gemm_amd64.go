//go:build amd64 && !noasm

package kernel

//go:generate go -C _asm run . ..

// A gemmKernel computes one tile of C over one block of k. Its panels are stride elements apart; of a single panel only cols columns
// exist. acc is 1 to add to c. In every turnSteps of k a high tile asks for two lines from next on, which goes ahead bytes further; a low one asks for
// its own panels.
type gemmKernel func(c *float32, ldc int, a *float32, lda int, b *float32, stride, k, cols, acc int, next *float32, ahead int)

// turnSteps is how many steps of k a tile's loop takes in a turn.
const turnSteps = 4

// An outerKernel computes one tile of GemmOuter of which cols columns exist.
type outerKernel func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols, acc int)

// gemmTiles is a tier's register tiles and the blocking that suits its caches.
type gemmTiles struct {
	panel  int
	blockM int          // rows of A that stay in the second cache for one block of k
	one    []gemmKernel // one[r]: r rows, one panel
	span   []int        // span[r]: the panels of wide[r], for few rows
	wide   []gemmKernel // wide[r]: r rows, span[r] panels
	outers []outerKernel
}

// gemm is Gemm for a tier of tiles. Few rows run down whole panels, so that B streams through once; more go
// block by block of k, so that a block of A and a panel of B stay in cache.
func (t *gemmTiles) gemm(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, acc bool) {
	if m < len(t.one) {
		t.stream(c, ldc, a, lda, b, m, n, k, acc)
		return
	}
	for k0 := 0; k0 < k; k0 += BlockK {
		kc := min(BlockK, k-k0)
		for blocks, i := (m+t.blockM-1)/t.blockM, 0; i < m; blocks-- {
			rows := (m - i + blocks - 1) / blocks
			t.block(c[i*ldc:], ldc, a[i*lda+k0:], lda, b[k0*t.panel:], rows, n, k, kc, acc || k0 > 0)
			i += rows
		}
	}
}

// stream is gemm for m rows that fit one tile.
func (t *gemmTiles) stream(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, acc bool) {
	stride := k * t.panel
	for j := 0; j < n; {
		kernel, width := t.one[m], 1
		if m < len(t.wide) && n-j >= t.span[m]*t.panel {
			kernel, width = t.wide[m], t.span[m]
		}
		cols := min(t.panel*width, n-j)
		for k0 := 0; k0 < k; k0 += BlockK {
			kc := min(BlockK, k-k0)
			panel := b[j*k+k0*t.panel:]
			kernel(&c[j], ldc, &a[k0], lda, &panel[0], stride, kc, cols, flag(acc || k0 > 0), &panel[0], 0)
		}
		j += cols
	}
}

// block is gemm for m rows and a block of kc steps of k, panel after panel. While a panel is used, the next one is fetched:
// evenly, because more misses at once than memory can take hold up what is needed now.
func (t *gemmTiles) block(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k, kc int, acc bool) {
	height := len(t.one) - 1
	tiles := (m + height - 1) / height
	for j := 0; j < n; j += t.panel {
		panel := b[j*k:]
		next, ahead := panel, 0
		if j+t.panel < n {
			next, ahead = b[(j+t.panel)*k:], min(2*lineBytes, (4*t.panel*turnSteps+tiles-1)/tiles)
		}
		cols := min(t.panel, n-j)
		for left, i, at := tiles, 0, 0; left > 0; left-- {
			rows := (m - i + left - 1) / left
			t.one[rows](&c[i*ldc+j], ldc, &a[i*lda], lda, &panel[0], 0, kc, cols, flag(acc), &next[min(at/4, kc*t.panel-1)], ahead)
			i, at = i+rows, at+kc/turnSteps*ahead
		}
	}
}

// outer is GemmOuter for one block of k.
func (t *gemmTiles) outer(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	height := len(t.outers) - 1
	for j := 0; j < n; j += t.panel {
		cols := min(t.panel, n-j)
		for left, i := (m+height-1)/height, 0; left > 0; left-- {
			rows := (m - i + left - 1) / left
			t.outers[rows](&c[i*ldc+j], ldc, &a[i], lda, &b[j], ldb, k, cols, flag(acc))
			i += rows
		}
	}
}

// peakChains is the number of vectors of sums in the generated loops of peak.go.
const peakChains = 12

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

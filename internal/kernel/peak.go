package kernel

import "runtime"

// PeakFMA runs turns of a loop of nothing but independent multiply-adds in registers and gives the number of
// floating-point operations done, two for each: the time that it takes is this tier's ceiling for Gemm.
func (s *Set) PeakFMA(turns int) (operations float64) {
	s.peak(max(turns, 1))
	return float64(max(turns, 1)) * float64(s.peakOperations)
}

// PeakInt8 does the same with what this tier's products of codes are made of: multiplications of whole numbers and their additions, each of which
// counts as an operation. The time is the ceiling for MultiplyInt8.
func (s *Set) PeakInt8(turns int) (operations float64) {
	if s.peakTiles != nil {
		return s.peakTiles.run(s.peakTiles.int8, turns, tileBytes)
	}
	return s.peakInt8.run(turns)
}

// PeakBF16 does it with products of bfloat16: the ceiling for MultiplyBF16 and MultiplyBF16Transposed, in a tier that has them.
func (s *Set) PeakBF16(turns int) (operations float64) {
	if s.peakTiles != nil {
		return s.peakTiles.run(s.peakTiles.bf16, turns, tileTerms)
	}
	return s.peakBF16.run(turns)
}

// tilePeaks are loops of products on tiles of zeros.
type tilePeaks struct{ int8, bf16 func(turns int) }

// run counts the operations of four products of 16 rows and 16 columns over so many terms a turn.
func (*tilePeaks) run(loop func(turns int), turns, terms int) (operations float64) {
	turns = max(turns, 1)
	loop(turns)
	return 2 * 4 * 16 * 16 * float64(terms) * float64(turns)
}

// A peakLoop multiplies and adds in registers: add adds, turns times, the products of each lane's word of x and of y to each of so many vectors of sums.
type peakLoop[T int32 | float32] struct {
	lanes, chains int
	products      int // in a word
	add           func(sums []T, x, y []int32, turns int)
}

func (l *peakLoop[T]) run(turns int) (operations float64) {
	turns = max(turns, 1)
	l.add(make([]T, l.chains*l.lanes), make([]int32, l.lanes), make([]int32, l.lanes), turns)
	return 2 * float64(turns*l.chains*l.lanes*l.products)
}

// genericInt8Loop is of pairs of 16 bits, as int8Generic is.
var genericInt8Loop = peakLoop[int32]{lanes: 4, chains: 1, products: 2, add: peakInt8Generic}

func peakInt8Generic(sums, x, y []int32, turns int) {
	sums, x, y = sums[:4], x[:4], y[:4]
	a, b, c, d := sums[0], sums[1], sums[2], sums[3]
	for range turns {
		a += pairProduct(x[0], y[0])
		b += pairProduct(x[1], y[1])
		c += pairProduct(x[2], y[2])
		d += pairProduct(x[3], y[3])
	}
	sums[0], sums[1], sums[2], sums[3] = a, b, c, d
}

// pairProduct is the sum of the products of the halves of two words.
func pairProduct(x, y int32) int32 { return int32(int16(x))*int32(int16(y)) + (x>>16)*(y>>16) }

// PeakRead does nothing but read x: the time that it takes, where x is larger than the caches, is this machine's ceiling for
// products of few rows.
func (s *Set) PeakRead(x []float32) { s.peakRead(x) }

func peakReadGeneric(x []float32) {
	var a, b, c, d float32
	for ; len(x) >= 4; x = x[4:] {
		a += x[0]
		b += x[1]
		c += x[2]
		d += x[3]
	}
	runtime.KeepAlive(a + b + c + d)
}

const genericPeakOperations = 2 * 8

func peakGeneric(turns int) {
	var a, b, c, d, e, f, g, h, x float32
	for range turns {
		a += float32(x * x)
		b += float32(x * x)
		c += float32(x * x)
		d += float32(x * x)
		e += float32(x * x)
		f += float32(x * x)
		g += float32(x * x)
		h += float32(x * x)
	}
	if a+b+c+d+e+f+g+h != 0 {
		panic("kernel: sums of zeros are not zero")
	}
}

package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// stepping are the arguments of an optimizer's operations, for their chunks: moments are m and v or, in 8 bits, m8 and v8.
type stepping struct {
	p, g, m, v []float32
	m8, v8     kernel.Moment
	step       kernel.AdamW
	scale      float32
	sums       []float64
}

// AdamW updates p from g and the moments m and v.
func (d *Device) AdamW(p, g, m, v []float32, o compute.AdamW) {
	d.adamW(stepping{p: p, g: g[:len(p)], m: m[:len(p)], v: v[:len(p)]}, o)
}

// AdamW8 is AdamW on moments in 8 bits. A piece is whole blocks of them.
func (d *Device) AdamW8(p, g []float32, m, v compute.Moment, o compute.AdamW) {
	d.adamW(stepping{p: p, g: g[:len(p)], m8: kernel.Moment(m), v8: kernel.Moment(v)}, o)
}

func (d *Device) adamW(a stepping, o compute.AdamW) {
	a.step, a.scale = kernel.NewAdamW(o.LearningRate, o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay, o.Step), o.GradientScale
	d.adam = a
	d.run((len(a.p)+chunkLen-1)/chunkLen, func(d *Device, w *worker, i int) {
		for from := i * chunkLen; from < min((i+1)*chunkLen, len(d.adam.p)); from += pieceLen {
			d.adamPiece(w, from, min(from+pieceLen, len(d.adam.p)))
		}
	})
	d.adam = stepping{}
}

// adamPiece steps elements [from, to).
func (d *Device) adamPiece(w *worker, from, to int) {
	a := &d.adam
	g := a.g[from:to]
	if a.scale != 1 {
		scaled := w.floats(workerTemp, to-from)
		d.k.Scale(scaled, g, a.scale)
		g = scaled
	}
	if a.m8.Codes == nil {
		d.k.AdamW(a.p[from:to], g, a.m[from:to], a.v[from:to], &a.step)
		return
	}
	d.k.AdamW8(a.p[from:to], g, a.m8.Slice(from, to), a.v8.Slice(from, to), &a.step, w.floats(workerTemp2, kernel.AdamW8Temp))
}

// sumLen is how many squares are added in float32 before float64 goes on.
const sumLen = 512

// SumSquares is Σ x²: runs of sumLen in float32, their sums in float64.
func (d *Device) SumSquares(x []float32) float64 {
	sums := d.partial((len(x) + chunkLen - 1) / chunkLen)
	d.adam = stepping{g: x, sums: sums}
	d.run(len(sums), func(d *Device, _ *worker, i int) {
		a := &d.adam
		var sum float64
		for from := i * chunkLen; from < min((i+1)*chunkLen, len(a.g)); from += sumLen {
			sum += float64(d.k.SumSquares(a.g[from:min(from+sumLen, len(a.g))]))
		}
		a.sums[i] = sum
	})
	d.adam = stepping{}
	var sum float64
	for _, s := range sums {
		sum += s
	}
	return sum
}

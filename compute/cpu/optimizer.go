package cpu

import (
	"trimtab/compute"
	"trimtab/internal/kernel"
)

// stepping are the arguments of an optimizer's operations, for their chunks.
type stepping struct {
	p, g, m, v []float32
	step       kernel.AdamW
	scale      float32
	sums       []float64
}

// AdamW updates p from g and the moments m and v.
func (d *Device) AdamW(p, g, m, v []float32, o compute.AdamW) {
	n := len(p)
	step := kernel.NewAdamW(o.LearningRate, o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay, o.Step)
	d.adam = stepping{p: p, g: g[:n], m: m[:n], v: v[:n], step: step, scale: o.GradientScale}
	d.run((n+chunkLen-1)/chunkLen, func(d *Device, w *worker, i int) {
		a := &d.adam
		for from := i * chunkLen; from < min((i+1)*chunkLen, len(a.p)); from += pieceLen {
			to := min(from+pieceLen, len(a.p))
			g := a.g[from:to]
			if a.scale != 1 {
				scaled := w.floats(workerTemp, to-from)
				d.k.Scale(scaled, g, a.scale)
				g = scaled
			}
			d.k.AdamW(a.p[from:to], g, a.m[from:to], a.v[from:to], &a.step)
		}
	})
	d.adam = stepping{}
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

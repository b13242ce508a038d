package cpu

import (
	"time"

	"trimtab/compute"
	"trimtab/internal/kernel"
)

// Multiplies is what products of many rows with frozen weights held in p are computed in, forward and backward: float32, or int8's whole numbers, or, where the kernels
// multiply it, bfloat16; of 4-bit weights where they do so on tiles.
func (d *Device) Multiplies(p compute.Precision) compute.Precision {
	switch {
	case p == compute.LLMInt8:
		return compute.Int8
	case p == compute.Int8:
		return p
	case p == compute.BF16 && d.k.MultipliesBF16(), (p == compute.NF4 || p == compute.Int4) && d.k.RowsOnTiles() > 0:
		return compute.BF16
	}
	return compute.F32
}

// Ceiling measures, for about the given time, how many multiplications and additions a
// second all threads together can do in registers with the instructions that multiply weights held in p: what no product with them can pass. It is the best of
// short runs.
func (d *Device) Ceiling(p compute.Precision, budget time.Duration) float64 {
	const turns, runs = 4096, 16
	peak := d.k.PeakFMA
	switch d.Multiplies(p) {
	case compute.Int8:
		peak = d.k.PeakInt8
	case compute.BF16:
		peak = d.k.PeakBF16
	}
	best := 0.0
	for begin := time.Now(); time.Since(begin) < budget || best == 0; {
		start := time.Now()
		d.run(runs*d.Threads(), func(*Device, *worker, int) { peak(turns) })
		seconds := time.Since(start).Seconds()
		best = max(best, float64(runs*d.Threads())*peak(turns)/seconds)
	}
	return best
}

// ReadCeiling measures, for about the given time, how many bytes a second all threads together can read from memory: what
// no product of few rows with weights that are larger than the caches can pass. It is the best of passes over 256 MiB.
func (d *Device) ReadCeiling(budget time.Duration) float64 {
	memory := kernel.Make[float32](1 << 26)
	for i := 0; i < len(memory); i += 1024 {
		memory[i] = 1 // a page that nobody wrote may be none
	}
	best := 0.0
	for begin := time.Now(); time.Since(begin) < budget || best == 0; {
		start := time.Now()
		d.read(memory)
		best = max(best, 4*float64(len(memory))/time.Since(start).Seconds())
	}
	return best
}

// readStep is how many elements a thread reads at once.
const readStep = 1 << 16

// read does nothing but read x.
func (d *Device) read(x []float32) {
	d.ops = operands{v: x}
	d.run((len(x)+readStep-1)/readStep, func(d *Device, _ *worker, i int) {
		v := d.ops.v
		d.k.PeakRead(v[i*readStep : min((i+1)*readStep, len(v))])
	})
	d.ops = operands{}
}

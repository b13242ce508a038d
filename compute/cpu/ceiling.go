package cpu

import "time"

// Ceiling measures, for about the given time, how many floating-point operations a
// second all threads together can do in registers: what no product can pass. It is the best of
// short runs.
func (d *Device) Ceiling(budget time.Duration) float64 {
	const turns, runs = 4096, 16
	best := 0.0
	for begin := time.Now(); time.Since(begin) < budget || best == 0; {
		start := time.Now()
		d.run(runs*d.Threads(), func(d *Device, _ *worker, _ int) { d.k.PeakFMA(turns) })
		seconds := time.Since(start).Seconds()
		best = max(best, float64(runs*d.Threads()*turns)*d.operations()/seconds)
	}
	return best
}

// operations is what one turn of PeakFMA does.
func (d *Device) operations() float64 { return d.k.PeakFMA(1) }

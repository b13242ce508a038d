package recipe

import (
	"time"

	"trimtab/compute"
	"trimtab/compute/cpu"
)

// watched is a device that remembers how long its products and its attention took.
type watched struct {
	*cpu.Device
	products, attention time.Duration
}

// since adds the time since begun to what *sum holds.
func since(begun time.Time, sum *time.Duration) { *sum += time.Since(begun) }

func (d *watched) Linear(y, x compute.Mat, w compute.Weight, bias []float32) {
	defer since(time.Now(), &d.products)
	d.Device.Linear(y, x, w, bias)
}

func (d *watched) LinearBackward(dx, dy compute.Mat, w compute.Weight, add bool) {
	defer since(time.Now(), &d.products)
	d.Device.LinearBackward(dx, dy, w, add)
}

func (d *watched) LinearRows(y, x compute.Mat, w compute.Weight, bias []float32, rows []int32) {
	defer since(time.Now(), &d.products)
	d.Device.LinearRows(y, x, w, bias, rows)
}

func (d *watched) LinearRowsBackward(dx, dy compute.Mat, w compute.Weight, rows []int32, add bool) {
	defer since(time.Now(), &d.products)
	d.Device.LinearRowsBackward(dx, dy, w, rows, add)
}

func (d *watched) MatMul(c, a, b compute.Mat, ta, tb bool, alpha float32, add bool) {
	defer since(time.Now(), &d.products)
	d.Device.MatMul(c, a, b, ta, tb, alpha, add)
}

func (d *watched) Attend(out compute.Mat, lse []float32, q, k, v compute.Mat, a *compute.Attention) {
	defer since(time.Now(), &d.attention)
	d.Device.Attend(out, lse, q, k, v, a)
}

func (d *watched) AttendBackward(dq, dk, dv, dbias, dout, q, k, v compute.Mat, lse []float32, a *compute.Attention, addQ, addK, addV bool) {
	defer since(time.Now(), &d.attention)
	d.Device.AttendBackward(dq, dk, dv, dbias, dout, q, k, v, lse, a, addQ, addK, addV)
}

// watchedSteps times steps, and what their device spent them on.
type watchedSteps struct {
	stopwatch
	dev   *watched
	first watched // dev after the first step
}

// step ends a step.
func (s *watchedSteps) step() {
	s.stopwatch.step()
	if len(s.seconds) == 1 {
		s.first = *s.dev
	}
}

// into fills the figures of steps over so many tokens, whose products are flops.
func (s *watchedSteps) into(f *Figures, tokens int, flops int64) {
	s.stopwatch.into(f, tokens, flops)
	var all float64
	for _, t := range s.seconds[1:] {
		all += t
	}
	f.OutsideProducts = 1 - (s.dev.products-s.first.products).Seconds()/all
	f.AttentionShare = (s.dev.attention - s.first.attention).Seconds() / all
}

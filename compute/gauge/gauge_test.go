package gauge_test

import (
	"testing"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/compute/gauge"
)

// counting counts the calls of one operation.
type counting struct {
	compute.Device
	linear, attend int
}

func (c *counting) Linear(y, x compute.Mat, w compute.Weight, bias []float32) {
	c.linear++
	c.Device.Linear(y, x, w, bias)
}

func (c *counting) Attend(out compute.Mat, lse []float32, q, k, v compute.Mat, a *compute.Attention) {
	c.attend++
	c.Device.Attend(out, lse, q, k, v, a)
}

func TestEachShapeIsTimedOnce(t *testing.T) {
	real, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range compute.Precisions() {
		c := &counting{Device: real}
		d := gauge.New(c)
		matrix := func(rows, cols int) compute.Mat { return compute.NewMat(rows, cols, d.Alloc(rows*cols)) }
		w := d.Pack(compute.Mat{Rows: 48, Cols: 64}, p)
		if w.Out() != 48 || w.In() != 64 || w.Precision() != p || int64(w.Bytes()) != p.Bytes(48, 64) {
			t.Fatalf("%v: a weight of %d bytes, %v", p, w.Bytes(), w)
		}
		x, y, longer := matrix(9, 64), matrix(9, 48), matrix(10, 64)
		work := func() error {
			for range 3 {
				d.Linear(y, x, w, nil)
			}
			return nil
		}
		if err := work(); err != nil || c.linear != 0 {
			t.Errorf("%v: %d products ran outside of a measurement (%v)", p, c.linear, err)
		}
		first, err := d.Measure(work)
		ran := c.linear
		if err != nil || ran < 2 || first.Other <= 0 || first.Attention != 0 {
			t.Errorf("%v: %d products ran, %+v (%v)", p, ran, first, err)
		}
		if again, err := d.Measure(work); err != nil || c.linear != ran || again.Other <= 0 {
			t.Errorf("%v: a second measurement ran %d products, %+v (%v)", p, c.linear-ran, again, err)
		}
		if _, err := d.Measure(func() error { d.Linear(matrix(10, 48), longer, w, nil); return nil }); err != nil || c.linear == ran {
			t.Errorf("%v: another shape ran no product (%v)", p, err)
		}
		a := &compute.Attention{Heads: 2, KVHeads: 2, HeadDim: 16, Scale: 0.25, Query: []compute.Span{{Len: 9}}, Key: []compute.Span{{Len: 9}}}
		q := matrix(9, 32)
		if times, err := d.Measure(func() error { d.Attend(matrix(9, 32), nil, q, q, q, a); return nil }); err != nil || c.attend < 2 || times.Attention <= 0 {
			t.Errorf("%v: %d attentions ran, %+v (%v)", p, c.attend, times, err)
		}
	}
}

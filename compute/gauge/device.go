package gauge

import (
	"time"

	"trimtab/compute"
)

// Device stands in for another device.
type Device struct {
	compute.Device
	// Time is what the operations that ran so far take on the other device.
	Time Time

	running  bool // operations are timed; else they do nothing
	rounds   bool // matrices are multiplied in bfloat16
	known    map[call]time.Duration
	standIns map[Shape]compute.Weight
	testing  time.Duration // spent in finding out

	elsewhere []float32 // fills the caches
}

// Time is what operations take.
type Time struct {
	// Attention is that of the operations whose work is as the squares of the segments' lengths, Other of all others.
	Attention, Other time.Duration
}

// New stands in for dev.
func New(dev compute.Device) *Device {
	return &Device{Device: dev, known: map[call]time.Duration{}, standIns: map[Shape]compute.Weight{}}
}

// Measure times the operations that f calls, and what f does besides. Outside of it they do nothing.
func (d *Device) Measure(f func() error) (Time, error) {
	d.Time, d.testing, d.running = Time{}, 0, true
	defer func() { d.running = false }()
	begun := time.Now()
	err := f()
	d.Time.Other += time.Since(begun) - d.testing
	return d.Time, err
}

// Shape is a weight of which nothing is there but its shape. It is a [compute.Weight].
type Shape struct {
	rows, cols int
	precision  compute.Precision
	table      bool
}

// Out and In are the matrix's rows and columns.
func (s Shape) Out() int { return s.rows }

// In is the number of columns.
func (s Shape) In() int { return s.cols }

// Bytes is what the weight would occupy; a table is its owner's memory.
func (s Shape) Bytes() int {
	if s.table {
		return 0
	}
	return int(s.precision.Bytes(s.rows, s.cols))
}

// Precision says how elements would be held.
func (s Shape) Precision() compute.Precision { return s.precision }

// Pack holds the shape of w.
func (d *Device) Pack(w compute.Source, p compute.Precision) compute.Weight {
	out, in := w.OutIn()
	return Shape{rows: out, cols: in, precision: p}
}

// Rows holds the shape of w.
func (d *Device) Rows(w compute.Mat) compute.Weight {
	return Shape{rows: w.Rows, cols: w.Cols, table: true}
}

// Unpack does nothing: there are no elements.
func (d *Device) Unpack(compute.Mat, compute.Weight) {}

// standIn is a weight of w's shape on the other device.
func (d *Device) standIn(w compute.Weight) compute.Weight {
	s := w.(Shape)
	made, ok := d.standIns[s]
	if !ok {
		m := compute.NewMat(s.rows, s.cols, d.Alloc(s.rows*s.cols))
		if s.table {
			made = d.Device.Rows(m)
		} else {
			made = d.Device.Pack(m, s.precision)
		}
		d.standIns[s] = made
	}
	return made
}

// call identifies operations that take the same time.
type call struct {
	name   string
	mats   [5][3]int // rows, columns, stride
	weight Shape
	flags  [4]bool
	number int // what else decides
}

// of is a call on matrices.
func of(name string, mats ...compute.Mat) call {
	c := call{name: name}
	for i, m := range mats {
		if m.Exists() {
			c.mats[i] = [3]int{m.Rows, m.Cols, m.Stride}
		}
	}
	return c
}

// with is the call with a weight.
func (c call) with(w compute.Weight) call {
	c.weight = w.(Shape)
	return c
}

// when is the call with flags.
func (c call) when(flags ...bool) call {
	copy(c.flags[:], flags)
	return c
}

// times is the call with a number.
func (c call) times(n int) call {
	c.number = n
	return c
}

const (
	// runs is how often an operation is timed at most, patience after how much time no more.
	runs     = 3
	patience = 40 * time.Millisecond
	// caches is how many elements are more than the second caches hold, and than most that processors share.
	caches = 16 << 20
)

// time is what a call takes: the quickest of a few runs after a first one. Before each the caches are filled with something
// else, as in a model, whose other weights and activations come between.
func (d *Device) time(c call, f func()) time.Duration {
	if !d.running {
		return 0
	}
	took, known := d.known[c]
	if known {
		return took
	}
	if d.elsewhere == nil {
		d.elsewhere = d.Alloc(caches)
		for i := range d.elsewhere { // memory that nobody wrote is one page of zeros
			d.elsewhere[i] = 1
		}
	}
	begun := time.Now()
	f()
	for run := 0; run == 0 || run < runs && time.Since(begun) < patience; run++ {
		d.Device.SumSquares(d.elsewhere)
		start := time.Now()
		f()
		if now := time.Since(start); run == 0 || now < took {
			took = now
		}
	}
	d.testing += time.Since(begun)
	d.known[c] = took
	return took
}

// do counts a call.
func (d *Device) do(c call, f func()) { d.Time.Other += d.time(c, f) }

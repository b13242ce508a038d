package cpu

import "trimtab/compute"

// rotating are the arguments of Rotate, for its chunks.
type rotating struct {
	y, x, cos, sin compute.Mat
	positions      []int32
	inverse, add   bool
	step           int
}

// Rotate turns each head's pairs (i, i+dim/2) by the angle of the row's position.
func (d *Device) Rotate(y, x compute.Mat, positions []int32, cos, sin compute.Mat, dim int, inverse, add bool) {
	like("Rotate", x, y)
	like("Rotate", cos, sin)
	shaped("Rotate", cos, cos.Rows, dim/2)
	shaped("Rotate", x, len(positions), x.Cols/dim*dim)
	step := rowStep(x.Cols)
	d.rotate = rotating{y: y, x: x, cos: cos, sin: sin, positions: positions, inverse: inverse, add: add, step: step}
	d.run((x.Rows+step-1)/step, func(d *Device, w *worker, i int) {
		o := &d.rotate
		for r := i * o.step; r < min((i+1)*o.step, o.x.Rows); r++ {
			d.rotateRow(o, w, r)
		}
	})
	d.rotate = rotating{}
}

func (d *Device) rotateRow(o *rotating, w *worker, r int) {
	y, cos, sin := o.y.Row(r), o.cos.Row(int(o.positions[r])), o.sin.Row(int(o.positions[r]))
	to := y
	if o.add {
		to = w.floats(workerTemp, len(y))
	}
	copy(to, o.x.Row(r))
	if o.inverse {
		d.k.RotaryBackward(to, cos, sin)
	} else {
		d.k.Rotary(to, cos, sin)
	}
	finish(d.k, y, to, o.add)
}

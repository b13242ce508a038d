package cpu

import "trimtab/compute"

// lossing are the arguments of a loss, for its chunks.
type lossing struct {
	dx, x  compute.Mat
	lse    []float32
	target []int32
	weight []float32
	sums   []float64 // a row's part of the loss
	scale  float32
	add    bool
	step   int
}

func (d *Device) lossRows(l lossing, f chunk) {
	l.step = rowStep(l.x.Cols)
	d.losses = l
	d.run((l.x.Rows+l.step-1)/l.step, f)
	d.losses = lossing{}
}

// of is the weight of a target.
func (l *lossing) of(target int32) float32 {
	if l.weight == nil {
		return 1
	}
	return l.weight[target]
}

// CrossEntropy is loss[0] = scale·Σᵢ weight[target[i]]·(lse(x[i]) - x[i,target[i]]), summed in
// float64 in the order of rows.
func (d *Device) CrossEntropy(loss, lse []float32, x compute.Mat, target []int32, weight []float32, scale float32) {
	long("CrossEntropy", weight, x.Cols)
	long("CrossEntropy", lse, x.Rows)
	sums := d.partial(x.Rows)
	d.lossRows(lossing{x: x, lse: lse, target: target[:x.Rows], weight: weight, sums: sums}, func(d *Device, _ *worker, i int) {
		l := &d.losses
		for r := i * l.step; r < min((i+1)*l.step, l.x.Rows); r++ {
			x := l.x.Row(r)
			lse := d.k.LogSumExp(x, 1)
			keep(l.lse, r, lse)
			l.sums[r] = 0
			if t := l.target[r]; t >= 0 {
				l.sums[r] = float64(l.of(t)) * (float64(lse) - float64(x[t]))
			}
		}
	})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	loss[0] = float32(float64(scale) * sum)
}

// CrossEntropyBackward is dx (+)= dloss·scale·weight·(softmax(x) - onehot).
func (d *Device) CrossEntropyBackward(dx compute.Mat, dloss float32, x compute.Mat, lse []float32, target []int32, weight []float32, scale float32, add bool) {
	like("CrossEntropyBackward", x, dx)
	long("CrossEntropyBackward", weight, x.Cols)
	l := lossing{dx: dx, x: x, lse: lse[:x.Rows], target: target[:x.Rows], weight: weight, scale: dloss * scale, add: add}
	d.lossRows(l, func(d *Device, w *worker, i int) {
		l := &d.losses
		for r := i * l.step; r < min((i+1)*l.step, l.x.Rows); r++ {
			d.lossRow(l, w, r)
		}
	})
}

// lossRow is row r of the gradient.
func (d *Device) lossRow(l *lossing, w *worker, r int) {
	dx, x, t := l.dx.Row(r), l.x.Row(r), l.target[r]
	if t < 0 {
		if !l.add {
			clear(dx)
		}
		return
	}
	s := l.scale * l.of(t)
	if l.add {
		p := w.floats(workerTemp, len(x))
		d.k.ExpShift(p, x, 1, l.lse[r])
		d.k.Axpy(dx, p, s)
	} else {
		d.k.ExpShift(dx, x, 1, l.lse[r])
		d.k.Scale(dx, dx, s)
	}
	dx[t] -= s
}

package cpu

import "trimtab/compute"

// rowBlock is how many rows one partial sum of columns covers. It is a constant, so
// that sums do not depend on threads.
const rowBlock = 128

// ColumnSum is dv += Σᵢ x[i].
func (d *Device) ColumnSum(dv []float32, x compute.Mat) {
	long("ColumnSum", dv, x.Cols)
	d.columnSums(operands{a: x, v: dv}, func(d *Device, w *worker, i int) {
		sum := d.partialRow(i)
		clear(sum)
		for r := i * rowBlock; r < min((i+1)*rowBlock, d.ops.a.Rows); r++ {
			d.k.Add(sum, sum, d.ops.a.Row(r))
		}
	})
}

// ColumnDot is dv += Σᵢ a[i]∘b[i].
func (d *Device) ColumnDot(dv []float32, a, b compute.Mat) {
	like("ColumnDot", a, b)
	long("ColumnDot", dv, a.Cols)
	d.columnSums(operands{a: a, b: b, v: dv}, func(d *Device, w *worker, i int) {
		sum, t := d.partialRow(i), w.floats(workerTemp, d.ops.a.Cols)
		clear(sum)
		for r := i * rowBlock; r < min((i+1)*rowBlock, d.ops.a.Rows); r++ {
			d.k.Mul(t, d.ops.a.Row(r), d.ops.b.Row(r))
			d.k.Add(sum, sum, t)
		}
	})
}

// columnSums runs f for each block of rows of o.a, which leaves a partial sum in
// d.partialRow, and adds them to o.v in order.
func (d *Device) columnSums(o operands, f chunk) {
	d.ops = o
	blocks := (o.a.Rows + rowBlock - 1) / rowBlock
	d.floats(sharedPartial, blocks*o.a.Cols)
	d.run(blocks, f)
	for i := range blocks {
		d.k.Add(o.v, o.v, d.partialRow(i))
	}
	d.ops = operands{}
}

// partialRow is the partial sum of block i.
func (d *Device) partialRow(i int) []float32 {
	n := d.ops.a.Cols
	return d.shared[sharedPartial][i*n : (i+1)*n]
}

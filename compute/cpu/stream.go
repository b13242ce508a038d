package cpu

// Products of few rows read B once and use it little: they run at the speed of
// memory, from the matrix as it lies.

// streamWork is about how many multiply-adds a thread takes at once.
const streamWork = 1 << 16

// cut is how many columns, a multiple of unit, make about streamWork if each needs work.
func (d *Device) cut(cols, work, unit int) int {
	step := max(1, streamWork/max(1, work))
	return min((step+unit-1)/unit*unit, max(1, cols))
}

// stream runs f for the columns of c, step a chunk.
func (d *Device) stream(step int, f chunk) {
	d.product.colStep = step
	d.run((d.product.c.Cols+step-1)/step, f)
}

// put writes v to *p, or adds it.
func put(p *float32, v float32, add bool) {
	if add {
		v += *p
	}
	*p = v
}

// dotChunk computes columns of c as inner products of rows of a and rows of b.
func (d *Device) dotChunk(_ *worker, i int) {
	p := &d.product
	for j := i * p.colStep; j < min((i+1)*p.colStep, p.c.Cols); j++ {
		row := p.b.Row(j)
		for r := range p.c.Rows {
			v := p.alpha * d.k.Dot(p.a.Row(r), row)
			if p.bias != nil {
				v += p.bias[j]
			}
			put(&p.c.Row(r)[j], v, p.add)
		}
	}
}

// axpyChunk computes columns of c as sums of parts of the rows of b.
func (d *Device) axpyChunk(_ *worker, i int) {
	p := &d.product
	from, to := i*p.colStep, min((i+1)*p.colStep, p.c.Cols)
	for r := range p.c.Rows {
		c := part(p.c, r, from, to)
		switch {
		case p.add:
		case p.bias != nil:
			copy(c, p.bias[from:to])
		default:
			clear(c)
		}
		for l, v := range p.a.Row(r)[:p.k] {
			d.k.Axpy(c, part(p.b, l, from, to), p.alpha*v)
		}
	}
}

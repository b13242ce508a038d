package cases

import (
	"fmt"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// All is every case of every operation.
func All() []*Case {
	var all []*Case
	for _, family := range []func() []*Case{
		products, elementwise, activations, norms, indexing, attentions, rotations, losses,
	} {
		all = append(all, family()...)
	}
	return all
}

// Of gives the cases of one operation.
func Of(op compute.Op) []*Case {
	var of []*Case
	for _, c := range All() {
		if c.Op == op {
			of = append(of, c)
		}
	}
	return of
}

// x is an input that has a gradient.
func x(name string, rows, cols int) Operand {
	return Operand{Name: name, Rows: rows, Cols: cols, Grad: Activation}
}

// vec is a vector that trains.
func vec(name string, n int) Operand {
	return Operand{Name: name, Rows: 1, Cols: n, Grad: Parameter}
}

// frozen is an input without a gradient.
func frozen(name string, rows, cols int) Operand { return Operand{Name: name, Rows: rows, Cols: cols} }

// result is an output.
func result(name string, rows, cols int) Operand { return Operand{Name: name, Rows: rows, Cols: cols} }

// gap puts n elements between rows.
func (o Operand) gap(n int) Operand { o.Gap = n; return o }

// sized multiplies the values.
func (o Operand) sized(s float32) Operand { o.Size = s; return o }

// absent leaves the operand out if not there.
func (o Operand) absent(out bool) Operand { o.Absent = out; return o }

// filled makes the values by f.
func (o Operand) filled(f func(chance.Key, []float32)) Operand { o.Fill = f; return o }

// shape is a size of a matrix and the gap between its rows.
type shape struct{ rows, cols, gap int }

func (s shape) String() string {
	if s.gap > 0 {
		return fmt.Sprintf("%dx%d+%d", s.rows, s.cols, s.gap)
	}
	return fmt.Sprintf("%dx%d", s.rows, s.cols)
}

// shapes are what every operation on rows is tried on: none, one, odd, more than
// a register, a block and a chunk, with gaps and without.
var shapes = []shape{{0, 5, 0}, {1, 1, 0}, {3, 17, 0}, {17, 33, 5}, {131, 64, 0}, {40, 768, 3}, {2, 5003, 0}}

package cases

import (
	"math"

	"trimtab/internal/chance"
)

// Slope is a derivative of a case's twin along a direction: by finite differences
// and by the twin's backward.
type Slope struct{ Difference, Gradient float64 }

// Slopes gives, for n random directions through all inputs that have a gradient and
// a random cotangent c each, the derivative of c·result along the direction. (The sum of
// the results would not do: softmax and norms have none.)
func (c *Case) Slopes(n int) []Slope {
	var slopes []Slope
	for i := range n {
		slopes = append(slopes, c.slope(i))
	}
	return slopes
}

func (c *Case) slope(n int) Slope {
	const h = 1e-4
	values := c.Inputs()
	in, direction := make([]Matrix, len(c.In)), make([]Matrix, len(c.In))
	length := 0.0
	for i, o := range c.In {
		in[i] = wide(o, values[i])
		if o.Grad != None && !o.Absent {
			direction[i] = wide(o, c.normals(o, n))
			length += dot(direction[i].Data, direction[i].Data)
		}
	}
	length = math.Sqrt(max(length, 1))
	out := c.Twin.Forward(in)
	cotangent := wide(c.Out[0], c.normals(c.Out[0], n))
	scale := 1 / math.Sqrt(float64(max(1, len(cotangent.Data))))
	for i := range cotangent.Data {
		cotangent.Data[i] *= scale
	}
	at := func(step float64) float64 {
		moved := make([]Matrix, len(in))
		for i, m := range in {
			moved[i] = m
			if direction[i].Exists() {
				moved[i] = NewMatrix(m.Rows, m.Cols)
				for j, v := range m.Data {
					moved[i].Data[j] = v + step/length*direction[i].Data[j]
				}
			}
		}
		return dot(cotangent.Data, c.Twin.Forward(moved)[0].Data)
	}
	// Five points: the error is of the fourth order in h.
	s := Slope{Difference: (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)}
	for i, d := range c.gradients(in, out, cotangent) {
		if d.Exists() {
			s.Gradient += dot(d.Data, direction[i].Data) / length
		}
	}
	return s
}

func (c *Case) normals(o Operand, n int) []float32 {
	v := make([]float32, o.Rows*o.Cols)
	chance.Normals(chance.Key{Seed: chance.SiteOf(c.FullName()), Step: uint64(n), Site: chance.SiteOf(o.Name)}, v)
	return v
}

func dot(a, b []float64) float64 {
	var s float64
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

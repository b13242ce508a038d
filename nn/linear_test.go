package nn

import (
	"fmt"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/chance"
	"trimtab/internal/near"
	"trimtab/tensor"
)

// doubling is a delta that adds x·v, v [in, out], and y once more.
type doubling struct{ v *autograd.Parameter }

func (d doubling) Linear(p *Pass, _ *Linear, x, y *autograd.Value) *autograd.Value {
	return p.Add(p.Scale(y, 2), p.MatMul(x, p.Parameter(d.v), false, false, 1))
}

// TestForwardRows compares outputs, and the gradients of what trains, with those of all outputs times a matrix of ones and zeros.
func TestForwardRows(t *testing.T) {
	const in, out = 9, 23
	rows, target := []int32{7, 0, 22, 7}, []int32{1, 0, 3, 2, 1}
	dev, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	draw := func(name string, shape ...int) *autograd.Parameter {
		p := autograd.NewParameter(dev, name, shape...)
		chance.Normals(chance.Key{Site: chance.SiteOf(name)}, p.Data)
		return p
	}
	x, weight, turned, bias, v := draw("x", len(target), in), draw("weight", out, in), draw("turned", in, out), draw("bias", out), draw("v", in, out)
	for what := range 32 { // the bits: what trains, and of what kind the map is
		trainWeight, trainBias, withBias, transposed, delta := what&1 > 0, what&2 > 0, what&4 > 0, what&8 > 0, what&16 > 0
		if trainBias && !withBias {
			continue
		}
		frozen := func(p *autograd.Parameter, trains bool) *Param {
			q := &Param{Name: p.Name, Shape: tensor.Shape(p.Shape), dev: dev, set: p.Data, transposed: p == turned}
			if trains {
				q.Attach(p)
			}
			return q
		}
		l := &Linear{Site: Site{"l"}, In: in, Out: out, Transposed: transposed}
		w, trained := weight, []*autograd.Parameter{x}
		if transposed {
			w = turned
		}
		l.Weight = frozen(w, trainWeight)
		if trainWeight {
			trained = append(trained, w)
		}
		if withBias {
			l.Bias = frozen(bias, trainBias)
		}
		if trainBias {
			trained = append(trained, bias)
		}
		if delta {
			l.Attach(doubling{v})
			trained = append(trained, v)
		}
		run := func(f func(p *Pass, x *autograd.Value) *autograd.Value) (y []float32, gradients [][]float32) {
			tape := autograd.New(dev)
			p := NewPass(tape, &Batch{})
			picked := f(p, p.Parameter(x))
			for _, q := range trained {
				q.ZeroGrad()
			}
			if err := tape.Backward(p.CrossEntropy(picked, target, nil, 1), picked); err != nil {
				t.Fatal(err)
			}
			for i := range picked.Rows {
				y = append(y, picked.Data().Row(i)...)
			}
			for _, q := range trained {
				gradients = append(gradients, append([]float32(nil), q.Grad...))
			}
			return y, gradients
		}
		got, gotGradients := run(func(p *Pass, x *autograd.Value) *autograd.Value { return l.ForwardRows(p, x, rows) })
		want, wantGradients := run(func(p *Pass, x *autograd.Value) *autograd.Value {
			pick := compute.NewMat(out, len(rows), dev.Alloc(out*len(rows)))
			for j, r := range rows {
				pick.Row(int(r))[j] = 1
			}
			return p.MatMul(l.Forward(p, x), p.Constant(pick), false, false, 1)
		})
		name := fmt.Sprintf("weight trains %v, bias %v, there is one %v, transposed %v, delta %v", trainWeight, trainBias, withBias, transposed, delta)
		near.Check(t, name, got, want, near.Product)
		for i, g := range gotGradients {
			near.Check(t, fmt.Sprintf("%s: gradient of %s", name, trained[i].Name), g, wantGradients[i], near.Product)
		}
	}
}

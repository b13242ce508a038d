package delta

import (
	"errors"
	"math"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/nn"
)

// magnitudes makes DoRA's magnitude vector: of a fresh delta the norms of the rows of w + s·B·A.
func (d *loraLinear) magnitudes(b *build) error {
	name := peftModel + d.layer.Name + ".lora_magnitude_vector.weight"
	d.magnitude = b.tensor(name, d.layer.Name+".lora_magnitude_vector", zeros, d.layer.Out)
	d.inverse = b.device().Alloc(d.layer.Out)
	if b.source != nil {
		return nil
	}
	w, err := d.layer.Weight.Copy(name)
	if err != nil {
		return err
	}
	d.add(w.Data)
	for o := range d.layer.Out {
		d.magnitude.Data[o] = d.rowNorm(w.Data, o)
	}
	return nil
}

// rowNorm is the norm of the row of w that makes output o.
func (d *loraLinear) rowNorm(w []float32, o int) float32 {
	first, step := d.row(o)
	sum := 0.0
	for i := range d.layer.In {
		v := float64(w[first+i*step])
		sum += v * v
	}
	return float32(math.Sqrt(sum))
}

// row is where the elements of a row lie in the published layout.
func (d *loraLinear) row(o int) (first, step int) {
	if d.layer.Transposed {
		return o, d.layer.Out
	}
	return o * d.layer.In, 1
}

var errTrains = errors.New("DoRA needs a weight that does not train")

// dora is m∘(W·x + s·B·A·x)/‖W + s·B·A‖ + bias. The norm takes no part in the gradient, as in
// the paper (section 4.3), so that it is known when the pass is recorded. In training with dropout
// the correction, not the base's own output, is of the dropped input, as PEFT has it.
func (d *loraLinear) dora(p *nn.Pass, x, y *autograd.Value, same bool) *autograd.Value {
	if d.layer.Weight.Trains() {
		p.Fail(errTrains)
		return y
	}
	w, err := d.layer.Weight.Weight()
	if err != nil {
		p.Fail(err)
		return y
	}
	rank := d.a.Shape[0]
	p.Device().RowNorms(d.inverse, w, compute.NewMat(d.layer.Out, rank, d.b.Data), compute.NewMat(rank, d.layer.In, d.a.Data), d.scale)
	for i, n := range d.inverse {
		d.inverse[i] = 1 / n
	}
	ratio := p.Mul(p.Parameter(d.magnitude), p.Constant(compute.NewMat(1, len(d.inverse), d.inverse)))
	bias := d.layer.Bias.Row(p)
	if same {
		return plus(p, p.MulRow(d.onto(p, x, minus(p, y, bias)), ratio), bias)
	}
	plain := p.Linear(x, w, nil)
	y = p.Add(y, p.MulRow(d.onto(p, x, plain), ratio))
	return p.Add(y, p.Scale(plain, -1))
}

// plus and minus add and take away a row that may be missing.
func plus(p *nn.Pass, y, row *autograd.Value) *autograd.Value {
	if row == nil {
		return y
	}
	return p.AddRow(y, row)
}

func minus(p *nn.Pass, y, row *autograd.Value) *autograd.Value {
	if row == nil {
		return y
	}
	return p.AddRow(y, p.Scale(row, -1))
}

// rescale gives the rows of w the trained magnitude over the norms of alone's.
func (d *loraLinear) rescale(w, alone []float32) {
	for o := range d.layer.Out {
		factor := d.magnitude.Data[o] / d.rowNorm(alone, o)
		first, step := d.row(o)
		for i := range d.layer.In {
			w[first+i*step] *= factor
		}
	}
}

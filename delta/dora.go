package delta

import (
	"math"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/nn"
)

// magnitudes makes DoRA's magnitude vector: of a fresh delta the norms of the rows of w + s·B·A.
func (d *loraLinear) magnitudes(b *build) (*autograd.Parameter, error) {
	base := peftModel + d.layer.Name + ".lora_magnitude_vector.weight"
	m := b.tensor(base, d.layer.Name+".lora_magnitude_vector", zeros, d.layer.Out)
	d.inverse = b.device().Alloc(d.layer.Out)
	if b.source != nil {
		return m, nil
	}
	w, err := d.layer.Weight.Weight()
	if err != nil {
		return nil, err
	}
	d.norms(b.device(), m.Data, w)
	return m, nil
}

func (d *loraLinear) norms(dev compute.Device, dst []float32, w compute.Weight) {
	rank := d.a.Shape[0]
	dev.RowNorms(dst, w, compute.NewMat(d.layer.Out, rank, d.b.Data), compute.NewMat(rank, d.layer.In, d.a.Data), d.scale)
}

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
	d.norms(p.Device(), d.inverse, w)
	for i, n := range d.inverse {
		d.inverse[i] = 1 / n
	}
	ratio := p.Mul(p.Parameter(d.magnitude), p.Constant(compute.NewMat(1, len(d.inverse), d.inverse)))
	bias := d.layer.Bias.Row(p)
	if same {
		y = plus(p, p.MulRow(d.onto(p, x, minus(p, y, bias)), ratio), bias)
		return y
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
func (d *loraLinear) rescale(w, alone []float32) error {
	in, out := d.layer.In, d.layer.Out
	rowStep, colStep := in, 1
	if d.layer.Transposed {
		rowStep, colStep = 1, out
	}
	for o := range out {
		sum := 0.0
		for i := range in {
			v := float64(alone[o*rowStep+i*colStep])
			sum += v * v
		}
		factor := d.magnitude.Data[o] / float32(math.Sqrt(sum))
		for i := range in {
			w[o*rowStep+i*colStep] *= factor
		}
	}
	return nil
}

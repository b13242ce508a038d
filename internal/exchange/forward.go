package exchange

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tensor"
)

// outputs are the values of one recorded pass.
type outputs struct {
	logits, loss *autograd.Value // logits is nil of a bare model, loss without labels
}

// Forward runs a model, with the deltas attached to it, and returns its outputs
// as transformers names them.
func (in *Input) Forward(base *model.Base, dev compute.Device) (map[string]*tensor.Tensor, error) {
	p, err := in.pass(autograd.New(dev))
	if err != nil {
		return nil, err
	}
	var hidden []*autograd.Value
	p.Observe = func(_ int, h *autograd.Value) { hidden = append(hidden, h) }
	out, err := in.record(p, base)
	if err != nil {
		return nil, err
	}
	wanted := hidden
	for _, v := range []*autograd.Value{out.logits, out.loss} {
		if v != nil {
			wanted = append(wanted, v)
		}
	}
	if err := p.Tape.Forward(wanted...); err != nil {
		return nil, err
	}
	result := map[string]*tensor.Tensor{}
	for i, h := range hidden {
		result[fmt.Sprintf("hidden_states.%d", i)] = in.spread(h, p.Batch)
	}
	switch {
	case base.Task == model.SequenceClassification:
		result["logits"] = matrix(out.logits)
	case out.logits != nil:
		result["logits"] = in.spread(out.logits, p.Batch)
	}
	if out.loss != nil {
		result["loss"] = tensor.FromFloat32s(tensor.Shape{}, []float32{out.loss.Data().Data[0]})
	}
	return result, nil
}

// pass begins a pass over the input.
func (in *Input) pass(t *autograd.Tape) (*nn.Pass, error) {
	b, err := nn.Pack(in.Segments...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Path, err)
	}
	return nn.NewPass(t, b), nil
}

// record records the model with its head, and the loss where there are labels.
func (in *Input) record(p *nn.Pass, base *model.Base) (outputs, error) {
	var out outputs
	switch base.Task {
	case model.SequenceClassification:
		out.logits = base.Model.(model.Classifier).Classify(p)
	case model.MaskedLM, model.CausalLM:
		out.logits = model.Logits(base.Model.(model.LanguageModel), p, base.Hidden(p), nil)
	default:
		base.Hidden(p)
		return out, p.Err()
	}
	if err := p.Err(); err != nil {
		return out, err
	}
	targets, err := in.targets(p.Batch, base.Task, out.logits.Cols)
	if err != nil || targets == nil {
		return out, err
	}
	count := 0
	for _, t := range targets {
		if t >= 0 {
			count++
		}
	}
	if count == 0 {
		return out, fmt.Errorf("%s: labels: %w: none counts", in.Path, ErrInput)
	}
	out.loss = p.CrossEntropy(out.logits, targets, nil, 1/float32(count))
	return out, p.Err()
}

// spread lays the rows of a batch out as [segments, width, columns], with zeros
// where there is no token. Rows that deltas put before segments widen it.
func (in *Input) spread(v *autograd.Value, b *nn.Batch) *tensor.Tensor {
	width, m := in.Width+int(b.Prefix), v.Data()
	data := make([]float32, len(b.Segments)*width*m.Cols)
	for i, s := range b.Segments {
		for j := range int(s.Len) {
			copy(data[(i*width+j)*m.Cols:], m.Row(int(s.Start)+j))
		}
	}
	return tensor.FromFloat32s(tensor.Shape{len(b.Segments), width, m.Cols}, data)
}

// matrix copies a value.
func matrix(v *autograd.Value) *tensor.Tensor {
	m := v.Data()
	data := make([]float32, 0, m.Rows*m.Cols)
	for i := range m.Rows {
		data = append(data, m.Row(i)...)
	}
	return tensor.FromFloat32s(tensor.Shape{m.Rows, m.Cols}, data)
}

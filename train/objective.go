package train

import (
	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/nn"
)

// Objective is what is to become small: a loss over numbered examples.
type Objective interface {
	// Lengths are the numbers of tokens of all examples, as they enter the model.
	Lengths() []int
	// Count is what an example adds to the loss's denominator: the number, or weight, of its targets.
	// step is the micro-batch's number in the run, for objectives that draw anew each time (dynamic masking).
	Count(example int, step uint64) float64
	// Batch packs examples into b, which is empty.
	Batch(b *nn.Batch, examples []int, step uint64) error
	// Loss records the loss [1, 1] of the batch that the pass holds: the sum over targets times scale.
	Loss(p *nn.Pass, examples []int, step uint64, scale float32) *autograd.Value
}

// Score records metrics; Better says whether more of the first is better.
type Score struct {
	// Name and Value are a metric.
	Name  string
	Value float64
	// Less says that smaller is better: a loss, a perplexity.
	Less bool
}

// better reports whether s improves on old.
func (s Score) better(old float64) bool {
	if s.Less {
		return s.Value < old
	}
	return s.Value > old
}

// gradient runs one micro-batch and returns its share of the loss.
func (r *Run) gradient(examples []int, micro uint64, scale float32) (float64, error) {
	loss, err := record(r.tape, &r.batch, r.Objective, &r.Options, r.Parameters, examples, micro, scale)
	if err != nil {
		return 0, err
	}
	if err := r.tape.Backward(loss); err != nil {
		return 0, err
	}
	return float64(loss.Data().Data[0]), nil
}

// Cost tells the memory and work of a batch of examples in a run that trains params, without running it.
func Cost(dev compute.Device, o Objective, opts Options, params []*autograd.Parameter, examples []int) (autograd.Cost, error) {
	var batch nn.Batch
	t := autograd.New(dev)
	loss, err := record(t, &batch, o, &opts, params, examples, 0, 1)
	if err != nil {
		return autograd.Cost{}, err
	}
	return t.Cost(loss)
}

// Rehearse runs a batch of examples forward and backward on t as a run that trains params does, and learns nothing from it: to see what it takes.
func Rehearse(t *autograd.Tape, o Objective, opts Options, params []*autograd.Parameter, examples []int) error {
	end, err := opts.autocast(t.Device())
	if err != nil {
		return err
	}
	defer end()
	var batch nn.Batch
	loss, err := record(t, &batch, o, &opts, params, examples, 0, 1)
	if err != nil {
		return err
	}
	return t.Backward(loss)
}

// record records micro-batch number micro on t, and gives its share of the loss.
func record(t *autograd.Tape, batch *nn.Batch, o Objective, opts *Options, params []*autograd.Parameter, examples []int, micro uint64, scale float32) (*autograd.Value, error) {
	batch.Reset()
	if err := o.Batch(batch, examples, micro); err != nil {
		return nil, err
	}
	t.Reset()
	t.Kept, t.Gradients = opts.kept(), nil
	if opts.lends() {
		t.Gradients = params
	}
	p := nn.NewPass(t, batch)
	p.Training, p.Seed, p.Step = true, opts.Seed, micro
	p.Dropout, p.Checkpoint = opts.Dropout, opts.Checkpointing
	return o.Loss(p, examples, micro, scale), nil
}

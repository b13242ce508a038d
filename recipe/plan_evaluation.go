package recipe

import (
	"fmt"
	"time"

	"trimtab/autograd"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/prompt"
)

// evaluation is how examples are evaluated, as answer and scoreTokens do it.
type evaluation struct {
	lengths []int
	load
	record func(tape *autograd.Tape, examples []int) (*autograd.Value, error) // the scores of a batch
}

// evaluation looks at how e is evaluated.
func (p *planner) evaluation(e *Examples) (*evaluation, error) {
	most := evalTokens
	fill := func(b *nn.Batch, examples []int) error { return pack(b, e.Segments, examples) }
	scores := func(pass *nn.Pass) *autograd.Value { return p.j.Classifier.Classify(pass) }
	if p.j.Classifier == nil {
		o, err := p.j.languageObjective(e, true)
		if err != nil {
			return nil, err
		}
		m := p.j.Base.Model.(model.LanguageModel)
		most = evalLogits
		fill = func(b *nn.Batch, examples []int) error { return o.Batch(b, examples, 0) }
		scores = func(pass *nn.Pass) *autograd.Value { return model.Logits(m, pass, m.Hidden(pass), nil) }
	}
	n := lengths(e.Segments)
	batches, err := evalBatches(n, most)
	if err != nil {
		return nil, err
	}
	return &evaluation{n, loadOf(n, batches), recordOf(fill, scores)}, nil
}

// recordOf records the scores of a batch.
func recordOf(fill func(*nn.Batch, []int) error, scores func(*nn.Pass) *autograd.Value) func(*autograd.Tape, []int) (*autograd.Value, error) {
	return func(tape *autograd.Tape, examples []int) (*autograd.Value, error) {
		var b nn.Batch
		if err := fill(&b, examples); err != nil {
			return nil, err
		}
		tape.Reset()
		return tape.LogSoftmax(scores(nn.NewPass(tape, &b))), nil
	}
}

// calibration looks at what prompt.calibrate asks of the model; nil if it asks nothing.
func (p *planner) calibration() (*evaluation, error) {
	j := p.j
	if j.Prompt == nil || !j.Recipe.Prompt.calibrates() {
		return nil, nil
	}
	var segments []nn.Segment
	if j.Recipe.Prompt.Calibrate == "train" {
		examples, err := p.examples, error(nil)
		if examples == nil { // nothing trains
			if examples, _, err = j.splits(); err != nil {
				return nil, err
			}
		}
		segments = examples.Segments
	} else {
		inputs, err := j.blank()
		if err != nil {
			return nil, err
		}
		for _, in := range inputs {
			segments = append(segments, in.Segment())
		}
	}
	n := lengths(segments)
	fill := func(b *nn.Batch, examples []int) error { return pack(b, segments, examples) }
	scores := func(pass *nn.Pass) *autograd.Value { return p.j.Classifier.Classify(pass) }
	return &evaluation{n, loadOf(n, prompt.CalibrationBatches(segments)), recordOf(fill, scores)}, nil
}

// evaluationArena is the arena of the largest batch of what is evaluated or calibrated with.
func (p *planner) evaluationArena() (bytes int64, err error) {
	all := []*evaluation{p.calibrated}
	for _, e := range p.evaluated {
		v, err := p.evaluation(e)
		if err != nil {
			return 0, err
		}
		all = append(all, v)
	}
	for _, v := range all {
		if v == nil {
			continue
		}
		tape := autograd.New(p.dev)
		if _, err := v.record(tape, v.largest); err != nil {
			return 0, err
		}
		cost, err := tape.Cost(nil)
		if err != nil {
			return 0, fmt.Errorf("evaluation: %w", err)
		}
		bytes = max(bytes, cost.ArenaBytes)
	}
	return bytes, nil
}

// evaluationTime is the time of evaluating all once.
func (p *planner) evaluationTime() (total time.Duration, err error) {
	for _, e := range p.evaluated {
		v, err := p.evaluation(e)
		if err != nil {
			return 0, err
		}
		took, err := p.timeOf(v)
		if err != nil {
			return 0, fmt.Errorf("evaluation: %w", err)
		}
		total += took
	}
	return total, nil
}

// timeOf is the time of all batches of v.
func (p *planner) timeOf(v *evaluation) (time.Duration, error) {
	seconds, err := p.seconds(v.lengths, v.load, func(tape *autograd.Tape, examples []int) error {
		scores, err := v.record(tape, examples)
		if err != nil {
			return err
		}
		return tape.Forward(scores)
	})
	return time.Duration(seconds * float64(time.Second)), err
}

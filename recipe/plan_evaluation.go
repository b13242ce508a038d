package recipe

import (
	"fmt"
	"time"

	"trimtab/autograd"
	"trimtab/model"
	"trimtab/nn"
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
	record := func(tape *autograd.Tape, examples []int) (*autograd.Value, error) {
		var b nn.Batch
		if err := fill(&b, examples); err != nil {
			return nil, err
		}
		tape.Reset()
		return tape.LogSoftmax(scores(nn.NewPass(tape, &b))), nil
	}
	return &evaluation{n, loadOf(n, batches), record}, nil
}

// evaluationArena is the arena of the largest batch of what is evaluated.
func (p *planner) evaluationArena() (bytes int64, err error) {
	for _, e := range p.evaluated {
		v, err := p.evaluation(e)
		if err != nil {
			return 0, err
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
func (p *planner) evaluationTime() (time.Duration, error) {
	total := 0.0
	for _, e := range p.evaluated {
		v, err := p.evaluation(e)
		if err != nil {
			return 0, err
		}
		seconds, err := p.seconds(v.lengths, v.load, func(tape *autograd.Tape, examples []int) error {
			scores, err := v.record(tape, examples)
			if err != nil {
				return err
			}
			return tape.Forward(scores)
		})
		if err != nil {
			return 0, fmt.Errorf("evaluation: %w", err)
		}
		total += seconds
	}
	return time.Duration(total * float64(time.Second)), nil
}

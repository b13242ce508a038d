package recipe

import (
	"time"

	"trimtab/autograd"
	"trimtab/compute/gauge"
	"trimtab/train"
)

// probeTokens is how many tokens a batch has at most that is timed operation by operation. Longer ones take so much longer:
// products of as many rows have reached their speed.
const probeTokens = 1024

// stepTime is the mean time of a step.
func (p *planner) stepTime() (time.Duration, error) {
	seconds, err := p.seconds(p.run.Objective.Lengths(), p.steps.load, func(tape *autograd.Tape, examples []int) error {
		return train.Rehearse(tape, p.run.Objective, p.run.Options, p.run.Parameters, examples)
	})
	if err != nil {
		return 0, err
	}
	update, err := p.update()
	return time.Duration((seconds + update) * float64(time.Second)), err
}

// seconds is the time of batches of examples of n tokens, each of which pass runs: two of different sizes are timed operation by
// operation, and all others lie on the line through them, attention by the squares of lengths.
func (p *planner) seconds(n []int, l load, pass func(tape *autograd.Tape, examples []int) error) (float64, error) {
	large := atMost(n, l.typical, probeTokens)
	small := large[:(len(large)+2)/3]
	took, err := p.probe(large, pass)
	if err != nil {
		return 0, err
	}
	tokens, rest := float64(tokensOf(n, large)), took.Other.Seconds()
	attention := took.Attention.Seconds() / pairsOf(n, large)
	perToken, perBatch := rest/tokens, 0.0
	if len(small) < len(large) {
		less, err := p.probe(small, pass)
		if err != nil {
			return 0, err
		}
		slope := (rest - less.Other.Seconds()) / (tokens - float64(tokensOf(n, small)))
		if slope > 0 && slope < perToken {
			perToken, perBatch = slope, rest-slope*tokens
		}
	}
	return l.batches*perBatch + l.tokens*perToken + l.pairs*attention, nil
}

// atMost are the first examples that have so many tokens together, or the first one.
func atMost(lengths, examples []int, tokens int) []int {
	for i, e := range examples {
		if tokens -= lengths[e]; tokens < 0 && i > 0 {
			return examples[:i]
		}
	}
	return examples
}

// probe times a batch.
func (p *planner) probe(examples []int, pass func(tape *autograd.Tape, examples []int) error) (gauge.Time, error) {
	tape := autograd.New(p.dev)
	run := func() error { return pass(tape, examples) }
	if _, err := p.dev.Measure(run); err != nil { // what takes memory the first time
		return gauge.Time{}, err
	}
	return p.dev.Measure(run)
}

// updated is how many parameters are stepped to know the time of all: with gradients and moments more than caches hold.
const updated = 16 << 20

// update is the time of an optimizer's step, in seconds.
func (p *planner) update() (float64, error) {
	var some []*autograd.Parameter
	total, n := 0, 0
	for _, q := range p.j.Parameters {
		total += len(q.Data)
		if take := min(len(q.Data), updated-n); take > 0 {
			some = append(some, autograd.NewParameter(p.real, q.Name, take))
			n += take
		}
	}
	optimizer := train.NewOptimizer(p.real, some, p.run.Options)
	best := time.Duration(0)
	for run := range 3 {
		begun := time.Now()
		optimizer.Update(0)
		if took := time.Since(begun); run == 0 || took < best {
			best = took
		}
	}
	return best.Seconds() * float64(total) / float64(n), nil
}

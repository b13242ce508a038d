package train

import (
	"fmt"
	"math"

	"trimtab/data"
)

// defaultBatchTokens is what a batch holds where the options do not say.
const defaultBatchTokens = 4096

// Packing is how the options fill batches.
func (o *Options) Packing() data.PackOptions {
	p := data.PackOptions{Tokens: o.BatchTokens, Examples: o.BatchSize, Seed: o.Seed}
	if p.Tokens == 0 && p.Examples == 0 {
		p.Tokens = defaultBatchTokens
	}
	return p
}

// Steps is how many steps a run of an objective takes.
func Steps(o Options, objective Objective) (int, error) {
	c, err := newCourse(&o, objective.Lengths())
	if err != nil {
		return 0, err
	}
	return c.total, nil
}

// Walk visits the steps of a run in order, without taking them: the examples of
// each step, in its batches. It ends at the first error.
func Walk(o Options, objective Objective, visit func(batches [][]int) error) error {
	c, err := newCourse(&o, objective.Lengths())
	if err != nil {
		return err
	}
	for at := (position{}); at.Step < c.total; {
		batches, _, err := c.next(&at)
		if err != nil {
			return err
		}
		if err := visit(batches); err != nil {
			return err
		}
	}
	return nil
}

// course is the order of a run: which batches make which step.
type course struct {
	options *Options
	lengths []int
	total   int // steps

	epoch int
	steps [][][]int // of the epoch: steps of batches of examples
}

// newCourse counts the steps of the run.
func newCourse(o *Options, lengths []int) (*course, error) {
	c := &course{options: o, lengths: lengths, epoch: -1}
	if len(lengths) == 0 {
		return nil, fmt.Errorf("%w: there are no examples to train on", ErrOptions)
	}
	if err := c.load(0); err != nil {
		return nil, err
	}
	if o.MaxSteps > 0 {
		c.total = o.MaxSteps
		return c, nil
	}
	whole := int(o.Epochs)
	for e := range whole {
		if err := c.load(e); err != nil {
			return nil, err
		}
		c.total += len(c.steps)
	}
	if rest := o.Epochs - float64(whole); rest > 0 {
		if err := c.load(whole); err != nil {
			return nil, err
		}
		const rounding = 1e-6 // of the number of epochs: it is no step
		c.total += int(math.Ceil((rest - rounding) * float64(len(c.steps))))
	}
	c.total = max(c.total, 1)
	return c, nil
}

// load lays out an epoch.
func (c *course) load(epoch int) error {
	if c.epoch == epoch {
		return nil
	}
	batches, err := data.Pack(c.lengths, uint64(epoch), c.options.Packing())
	if err != nil {
		return err
	}
	c.epoch, c.steps = epoch, c.steps[:0]
	for n := c.options.Accumulation; len(batches) > 0; batches = batches[min(n, len(batches)):] {
		c.steps = append(c.steps, batches[:min(n, len(batches))])
	}
	return nil
}

// position is where a run is: what its next step is.
type position struct {
	Step  int `json:"step"`  // steps taken
	Epoch int `json:"epoch"` // epochs finished
	Index int `json:"index"` // steps taken in the epoch
	Micro int `json:"micro"` // batches taken
}

// knows reports whether a run can be at a position.
func (c *course) knows(at position) (bool, error) {
	if at.Step < 0 || at.Epoch < 0 || at.Index < 0 || at.Micro < at.Step {
		return false, nil
	}
	if err := c.load(at.Epoch); err != nil {
		return false, err
	}
	return at.Index < len(c.steps), nil
}

// next is the batches of the next step, and whether an epoch ends with it.
func (c *course) next(at *position) (batches [][]int, ends bool, err error) {
	if err := c.load(at.Epoch); err != nil {
		return nil, false, err
	}
	batches = c.steps[at.Index]
	at.Step, at.Index, at.Micro = at.Step+1, at.Index+1, at.Micro+len(batches)
	if at.Index == len(c.steps) {
		at.Epoch, at.Index, ends = at.Epoch+1, 0, true
	}
	return batches, ends, nil
}

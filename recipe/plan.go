package recipe

import (
	"errors"
	"fmt"
	"math"
	"time"

	"trimtab/compute"
	"trimtab/compute/gauge"
	"trimtab/data"
	"trimtab/tokenizer"
	"trimtab/train"
)

// Plan is what a run will take.
type Plan struct {
	// Parameters is how many numbers train, BaseParameters how many the base has.
	Parameters, BaseParameters int
	// Steps is how many steps the run takes, StepTokens the tokens of the largest batch.
	Steps, StepTokens int
	// StepFlops are the operations of the largest batch, forward and backward.
	StepFlops int64
	// StepTime is a step's, on average over the run; 0 where nothing trains.
	StepTime time.Duration
	// EvaluationTime is what it takes to evaluate validation and test data once: the run's, where nothing trains.
	EvaluationTime time.Duration
	// CalibrationTime is what prompt.calibrate takes before the run; 0 where nothing is calibrated.
	CalibrationTime time.Duration
	// Memory is what will be resident when it is most.
	Memory Memory
}

// planner plans a recipe, and what might change in it.
type planner struct {
	j    *Job
	dev  *gauge.Device
	real compute.Device
	run  *train.Run // nil where nothing trains

	examples   *Examples   // what is learnt from; nil where nothing trains
	evaluated  []*Examples // what is evaluated: validation and test data
	calibrated *evaluation // what prompt.calibrate asks; nil where it asks nothing
	evaluating int64       // bytes of the arena that both take
	held       int64       // bytes of data and tokenizer on the heap
	tables     []table     // those that may stay in their file
	steps      course
}

// course is what the steps of a run are like: their number, and the means of one.
type course struct {
	total int
	load
}

// load is what batches are together.
type load struct {
	batches float64
	tokens  float64
	pairs   float64 // squares of lengths
	largest []int   // the batch of most tokens
	typical []int   // a batch of about as many tokens as most have
}

// Plan tells what the recipe's run will take. Of the base only names and shapes are read, and nothing is trained; the time
// is that of the step's operations, each of which runs a few times on dev.
func (r *Recipe) Plan(dev compute.Device) (*Plan, error) {
	p, err := r.planner(dev)
	if err != nil {
		return nil, err
	}
	plan, err := p.plan()
	return plan, firstOf(err, p.close())
}

// planner reads the recipe's data and the shapes of its base.
func (r *Recipe) planner(dev compute.Device) (*planner, error) {
	p := &planner{dev: gauge.New(dev), real: dev}
	before := live()
	labels, err := r.labels()
	if err != nil {
		return nil, err
	}
	tok, err := OpenTokenizer(r.Base)
	if err != nil {
		return nil, err
	}
	p.held = live() - before
	if p.j, err = r.unread(p.dev, tok, labels); err != nil {
		return nil, err
	}
	if err := p.prepare(); err != nil {
		return nil, firstOf(err, p.close())
	}
	return p, nil
}

// unread puts the recipe together as a run does, but for what the base would have to compute: of it only names and shapes are read.
func (r *Recipe) unread(dev compute.Device, tok *tokenizer.Tokenizer, labels *data.Labels) (*Job, error) {
	o, err := r.baseOptions(labels)
	if err != nil {
		return nil, err
	}
	o.Unread = true
	base, err := OpenModel(r.Base, dev, o)
	if err != nil {
		return nil, err
	}
	j := &Job{Recipe: r, Device: dev, Base: base, Tokenizer: tok, Labels: labels}
	for _, step := range []func() error{j.wire, j.attach, j.fits} {
		if err := step(); err != nil {
			return nil, firstOf(err, j.Close())
		}
	}
	return j, nil
}

// prepare reads the data and looks at the run on them.
func (p *planner) prepare() error {
	before := live()
	err := p.read()
	if err != nil {
		return err
	}
	p.held += live() - before
	p.tables = p.readTables()
	if p.calibrated, err = p.calibration(); err != nil {
		return err
	}
	if p.evaluating, err = p.evaluationArena(); err != nil {
		return err
	}
	return p.look()
}

// look looks at the run's steps.
func (p *planner) look() (err error) {
	if p.examples == nil {
		return nil
	}
	if p.run, err = p.j.run(p.examples, nil); err != nil {
		return err
	}
	p.steps, err = courseOf(p.run)
	return err
}

// change makes the settings the recipe's. The data stay as they were read.
func (p *planner) change(s settings) error {
	r := *p.j.Recipe
	r.Quantization, r.Training = s.precision.String(), s.training
	j, err := r.unread(p.dev, p.j.Tokenizer, p.j.Labels)
	if err != nil {
		return err
	}
	err = p.close()
	p.j = j
	return firstOf(err, p.look())
}

// read reads the recipe's data: what trains, if anything does, and what is evaluated.
func (p *planner) read() (err error) {
	j, r := p.j, p.j.Recipe
	sources := []*Source{r.Data.Test}
	if len(j.Parameters) == 0 && (j.Prompt != nil || r.Data.Train == nil) {
		sources = append(sources, r.Data.Validation)
	} else {
		var validation *Examples
		if p.examples, validation, err = j.splits(); err != nil {
			return err
		}
		if validation != nil {
			p.evaluated = append(p.evaluated, validation)
		}
	}
	for _, s := range sources {
		if s == nil {
			continue
		}
		d, full, err := r.read(s)
		if err != nil {
			return err
		}
		e, err := j.examples(d, full, true)
		if err != nil {
			return err
		}
		p.evaluated = append(p.evaluated, e)
	}
	return nil
}

// close lets go of the base's files.
func (p *planner) close() error { return p.j.Close() }

// plan is the plan of the recipe as it is.
func (p *planner) plan() (*Plan, error) {
	plan := &Plan{Steps: p.steps.total}
	for _, q := range p.j.Base.Tree.Params() {
		plan.BaseParameters += q.Elements()
	}
	plan.Parameters = p.trained()
	var err error
	if p.run != nil {
		plan.StepTokens = tokensOf(p.run.Objective.Lengths(), p.steps.largest)
		cost, err := train.Cost(p.dev, p.run.Objective, p.run.Options, p.run.Parameters, p.steps.largest)
		if err != nil {
			return nil, err
		}
		plan.StepFlops = cost.Flops
		if plan.StepTime, err = p.stepTime(); err != nil {
			return nil, err
		}
	}
	if plan.EvaluationTime, err = p.evaluationTime(); err != nil {
		return nil, err
	}
	if p.calibrated != nil {
		if plan.CalibrationTime, err = p.timeOf(p.calibrated); err != nil {
			return nil, fmt.Errorf("calibration: %w", err)
		}
	}
	plan.Memory, err = p.memory(p.settings())
	return plan, err
}

// trained is how many numbers train.
func (p *planner) trained() int {
	n := 0
	for _, q := range p.j.Parameters {
		n += len(q.Data)
	}
	return n
}

// enough is how many batches are looked at to know them all.
const enough = 20000

var errEnough = errors.New("enough")

// courseOf looks at the batches of a run.
func courseOf(run *train.Run) (course, error) {
	c := course{}
	var err error
	if c.total, err = train.Steps(run.Options, run.Objective); err != nil {
		return c, err
	}
	steps, batches := 0, [][]int(nil)
	err = train.Walk(run.Options, run.Objective, func(step [][]int) error {
		steps++
		batches = append(batches, step...)
		if len(batches) >= enough {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return c, err
	}
	c.load = loadOf(run.Objective.Lengths(), batches)
	for _, sum := range []*float64{&c.batches, &c.tokens, &c.pairs} {
		*sum /= float64(steps)
	}
	return c, nil
}

// loadOf looks at batches of examples of n tokens.
func loadOf(n []int, batches [][]int) load {
	l := load{batches: float64(len(batches))}
	most := 0
	for _, b := range batches {
		tokens := tokensOf(n, b)
		if tokens > most {
			most, l.largest = tokens, b
		}
		l.tokens += float64(tokens)
		l.pairs += pairsOf(n, b)
	}
	mean := l.tokens / l.batches
	for _, b := range batches {
		off := func(b []int) float64 { return math.Abs(float64(tokensOf(n, b)) - mean) }
		if l.typical == nil || off(b) < off(l.typical) {
			l.typical = b
		}
	}
	return l
}

func tokensOf(lengths, examples []int) (sum int) {
	for _, e := range examples {
		sum += lengths[e]
	}
	return sum
}

func pairsOf(lengths, examples []int) (sum float64) {
	for _, e := range examples {
		sum += float64(lengths[e]) * float64(lengths[e])
	}
	return sum
}

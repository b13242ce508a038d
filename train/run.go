package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/nn"
)

// ErrInterrupted is returned by a run that was stopped and has left a checkpoint.
var ErrInterrupted = errors.New("interrupted")

// ErrDiverged is wrapped by the error of a run whose loss, gradient or scores are no numbers any more.
var ErrDiverged = errors.New("not finite")

// Run is one training.
type Run struct {
	// Device is what it runs on.
	Device compute.Device
	// Options are its settings.
	Options Options
	// Parameters are what trains: names must be unique.
	Parameters []*autograd.Parameter
	// Objective is what is made small.
	Objective Objective
	// Evaluate measures the present state; the first score decides which is best. Nil: no evaluation, the last state is kept.
	Evaluate func(context.Context) ([]Score, error)
	// Tape is what steps are recorded on: who evaluates on it too needs no memory of his own. Nil: a new one.
	Tape *autograd.Tape
	// Dir is the folder for checkpoints and metrics.jsonl; empty: none are written.
	Dir string
	// Resume goes on from the newest checkpoint in Dir, if there is one, and removes what a killed run left of others. Without it a Dir that an earlier run has
	// written to is an error that wraps os.ErrExist.
	Resume bool
	// Identity is what a checkpoint must have been made for: a hash of recipe, base and data.
	Identity string
	// Report is told of every step and evaluation. Nil: nobody is.
	Report func(Progress)

	tape   *autograd.Tape
	batch  nn.Batch
	course *course
	opt    *Optimizer
	state  state
	best   [][]float32

	metrics *os.File // nil until the first line
	lines   *json.Encoder
	line    stepLine
}

// Progress is what a run reports.
type Progress struct {
	// Step of Total was taken, in an epoch counted from 0.
	Step, Total int
	Epoch       float64
	// Loss and GradientNorm are the step's, Rate its learning rate.
	Loss, GradientNorm, Rate float64
	// Tokens is how many the step ran over.
	Tokens int
	// Scores are those of an evaluation after the step; nil if there was none. Best says that the first is the best so far.
	Scores []Score
	Best   bool
}

// Result is how a run ended.
type Result struct {
	// Steps were taken of Total; Stopped says that early stopping ended it.
	Steps, Total int
	Stopped      bool
	// Loss is that of the last step.
	Loss float64
	// Best are the scores of the state that was kept, BestStep its step. Nil if nothing was evaluated.
	Best     []Score
	BestStep int
}

// Train runs to the end, or until ctx is done: then it leaves a checkpoint and
// returns ErrInterrupted. Afterwards the parameters are those of the best evaluation.
func (r *Run) Train(ctx context.Context) (result Result, err error) {
	if err := r.begin(); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, r.closeMetrics()) }()
	end, err := r.Options.autocast(r.Device)
	if err != nil {
		return Result{}, err
	}
	defer end()
	for r.state.Pending || !r.state.Stopped && r.state.At.Step < r.course.total {
		if ctx.Err() != nil {
			return r.result(), errors.Join(ErrInterrupted, r.save())
		}
		if err := r.turn(ctx); err != nil {
			if ctx.Err() != nil && r.state.Pending { // its step is done and counts; its evaluation is to come
				err = errors.Join(ErrInterrupted, r.save())
			}
			return r.result(), err
		}
	}
	r.restoreBest()
	return r.result(), nil
}

// turn takes a step, unless an evaluation is pending from the run before, and does what is due after it.
func (r *Run) turn(ctx context.Context) error {
	progress, ends := Progress{Step: r.state.At.Step, Total: r.course.total}, false
	if !r.state.Pending {
		var err error
		if progress, ends, err = r.step(); err != nil {
			return err
		}
		if err := r.log(progress); err != nil {
			return err
		}
		last := r.state.At.Step == r.course.total
		r.state.Pending = r.Evaluate != nil && (last || due(r.Options.EvalSteps, r.state.At.Step, ends))
	}
	evaluated := r.state.Pending
	if evaluated {
		if err := r.evaluate(ctx, &progress); err != nil {
			return err
		}
		r.state.Pending = false
		if err := r.logScores(progress); err != nil {
			return err
		}
	}
	if r.state.At.Step < r.course.total && due(r.Options.SaveSteps, r.state.At.Step, evaluated || ends) {
		if err := r.save(); err != nil {
			return err
		}
	}
	if r.Report != nil {
		r.Report(progress)
	}
	return nil
}

// due reports whether something is to happen every n steps, or at events if n is 0.
func due(n, step int, event bool) bool {
	if n == 0 {
		return event
	}
	return step%n == 0
}

func (r *Run) begin() error {
	if err := r.Options.Validate(); err != nil {
		return err
	}
	if len(r.Parameters) == 0 {
		return fmt.Errorf("%w: nothing trains", ErrOptions)
	}
	if key := r.Options.evaluates(); key != "" && r.Evaluate == nil {
		return fmt.Errorf("%w: %s is given, and there is nothing to evaluate on", ErrOptions, key)
	}
	names := map[string]bool{}
	for _, p := range r.Parameters {
		if names[p.Name] {
			return fmt.Errorf("%w: two parameters are called %s", ErrOptions, p.Name)
		}
		names[p.Name] = true
		p.ZeroGrad()
	}
	var err error
	if r.course, err = newCourse(&r.Options, r.Objective.Lengths()); err != nil {
		return err
	}
	if r.tape = r.Tape; r.tape == nil {
		r.tape = autograd.New(r.Device)
	}
	r.opt = NewOptimizer(r.Device, r.Parameters, r.Options)
	r.state, r.best = state{}, nil
	switch {
	case r.Dir == "":
		return nil
	case r.Resume:
		return r.load()
	}
	return r.unused()
}

// step takes the next step.
func (r *Run) step() (Progress, bool, error) {
	micro := r.state.At.Micro
	batches, ends, err := r.course.next(&r.state.At)
	if err != nil {
		return Progress{}, false, err
	}
	count, tokens := 0.0, 0
	for i, examples := range batches {
		for _, e := range examples {
			count += r.Objective.Count(e, uint64(micro+i))
			tokens += r.course.lengths[e]
		}
	}
	if count <= 0 {
		return Progress{}, false, fmt.Errorf("step %d: its examples have no targets", r.state.At.Step)
	}
	loss := 0.0
	for i, examples := range batches {
		l, err := r.gradient(examples, uint64(micro+i), float32(1/count))
		if err != nil {
			return Progress{}, false, fmt.Errorf("step %d: %w", r.state.At.Step, err)
		}
		loss += l
	}
	if notFinite(loss) {
		return Progress{}, false, fmt.Errorf("step %d: %w: its loss is %v; a smaller learning_rate or max_grad_norm may help", r.state.At.Step, ErrDiverged, loss)
	}
	rate := r.Options.Rate(r.opt.Step, r.course.total)
	norm := r.opt.Update(rate)
	if notFinite(norm) {
		return Progress{}, false, fmt.Errorf("step %d: %w: its gradient's norm is %v; a smaller learning_rate may help", r.state.At.Step, ErrDiverged, norm)
	}
	r.state.Loss = loss
	epoch := float64(r.state.At.Epoch) + float64(r.state.At.Index)/float64(len(r.course.steps))
	return Progress{Step: r.state.At.Step, Total: r.course.total, Epoch: epoch, Loss: loss, GradientNorm: norm, Rate: rate, Tokens: tokens}, ends, nil
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// evaluate scores the present state, keeps it if it is the best, and decides about early stopping.
func (r *Run) evaluate(ctx context.Context, p *Progress) error {
	scores, err := r.Evaluate(ctx)
	if err != nil {
		return fmt.Errorf("evaluation after step %d: %w", p.Step, err)
	}
	for _, s := range scores {
		if notFinite(s.Value) {
			return fmt.Errorf("evaluation after step %d: %w: %s is %v", p.Step, ErrDiverged, s.Name, s.Value)
		}
	}
	first, err := r.metric(scores)
	if err != nil {
		return err
	}
	p.Scores = scores
	if r.state.Best == nil || first.better(r.state.BestValue) {
		p.Best = true
		r.state.Best, r.state.BestValue, r.state.BestStep, r.state.Patience = scores, first.Value, p.Step, 0
		r.keepBest()
		return nil
	}
	r.state.Patience++
	r.state.Stopped = r.Options.Patience > 0 && r.state.Patience >= r.Options.Patience
	return nil
}

// metric is the score that decides.
func (r *Run) metric(scores []Score) (Score, error) {
	var names []string
	for _, s := range scores {
		if r.Options.Metric == "" || s.Name == r.Options.Metric {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Score{}, fmt.Errorf("%w: metric_for_best_model is %q; there are %v", ErrOptions, r.Options.Metric, names)
}

func (r *Run) keepBest() {
	if r.best == nil {
		for _, p := range r.Parameters {
			r.best = append(r.best, make([]float32, len(p.Data)))
		}
	}
	for i, p := range r.Parameters {
		copy(r.best[i], p.Data)
	}
}

func (r *Run) restoreBest() {
	for i := range r.best {
		copy(r.Parameters[i].Data, r.best[i])
	}
}

func (r *Run) result() Result {
	return Result{Steps: r.state.At.Step, Total: r.course.total, Stopped: r.state.Stopped, Loss: r.state.Loss, Best: r.state.Best, BestStep: r.state.BestStep}
}

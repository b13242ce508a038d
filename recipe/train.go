package recipe

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"trimtab/compute"
	"trimtab/model"
	"trimtab/train"
)

// TrainOptions say how a recipe is trained.
type TrainOptions struct {
	// Resume goes on from the newest checkpoint of the run's folder.
	Resume bool
	// Report is told of every step. Nil: nobody is.
	Report func(train.Progress)
}

// Outcome is what came of a run.
type Outcome struct {
	train.Result
	// Dir is the run's folder.
	Dir string
	// Parameters is how many numbers trained.
	Parameters int
	// TrainCut and ValidationCut are how many inputs were cut to length.
	TrainCut, ValidationCut int
	// Test are the scores on the recipe's test data; nil if it has none.
	Test []train.Score
}

// Train runs the recipe and leaves its folder.
func (r *Recipe) Train(ctx context.Context, dev compute.Device, o TrainOptions) (*Outcome, error) {
	folder, err := claim(r.OutputDir)
	if err != nil {
		return nil, err
	}
	defer folder.release()
	if err := unfinished(r.OutputDir); err != nil {
		return nil, err
	}
	if !o.Resume {
		if err := vacant(r.OutputDir); err != nil {
			return nil, err
		}
	}
	j, err := r.Open(dev)
	if err != nil {
		return nil, err
	}
	outcome, err := j.train(ctx, o)
	return outcome, firstOf(err, j.Close())
}

// train trains the job in the recipe's folder, which is claimed.
func (j *Job) train(ctx context.Context, o TrainOptions) (*Outcome, error) {
	r := j.Recipe
	if len(j.Parameters) == 0 && (j.Prompt != nil || r.Data.Train == nil) {
		return j.zeroShot(ctx)
	}
	examples, validation, err := j.splits()
	if err != nil {
		return nil, err
	}
	run, err := j.run(examples, validation)
	if err != nil {
		return nil, err
	}
	run.Dir, run.Resume, run.Report = r.OutputDir, o.Resume, o.Report
	if run.Identity, err = j.identity(examples, validation); err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // what reading the data left
	outcome := &Outcome{Dir: r.OutputDir, TrainCut: examples.Cut}
	if validation != nil {
		outcome.ValidationCut = validation.Cut
	}
	for _, p := range run.Parameters {
		outcome.Parameters += len(p.Data)
	}
	if outcome.Result, err = run.Train(ctx); err != nil {
		return outcome, err
	}
	if r.Data.Test != nil {
		if outcome.Test, _, err = j.Evaluate(ctx, r.Data.Test); err != nil {
			if ctx.Err() != nil { // the last checkpoint leads here again
				err = train.ErrInterrupted
			}
			return outcome, err
		}
	}
	return outcome, j.save(outcome, examples.Data.Hash())
}

// zeroShot leaves a run in which nothing trains: the base is only asked, or measured.
func (j *Job) zeroShot(ctx context.Context) (*Outcome, error) {
	outcome := &Outcome{Dir: j.Recipe.OutputDir}
	if j.Recipe.Data.ValidationSplit > 0 {
		return outcome, j.Recipe.fail("data.validation_split_percentage holds rows back from training, and nothing trains: name the rows in data.validation")
	}
	if s := j.Recipe.Data.Validation; s != nil {
		scores, e, err := j.Evaluate(ctx, s)
		if err != nil {
			return outcome, err
		}
		outcome.Best, outcome.ValidationCut = scores, e.Cut
	}
	if s := j.Recipe.Data.Test; s != nil {
		scores, _, err := j.Evaluate(ctx, s)
		if err != nil {
			return outcome, err
		}
		outcome.Test = scores
	}
	return outcome, j.save(outcome, "")
}

// run is the training of the job on examples, not yet tied to a folder.
func (j *Job) run(examples, validation *Examples) (*train.Run, error) {
	if len(j.Parameters) == 0 {
		return nil, j.Recipe.fail("nothing trains: deltas is empty, and there is no new head and no soft token")
	}
	objective, err := j.objective(examples)
	if err != nil {
		return nil, err
	}
	run := &train.Run{Device: j.Device, Options: j.Recipe.Training, Parameters: j.Parameters, Objective: objective, Tape: j.tape()}
	if validation != nil {
		run.Evaluate = func(ctx context.Context) ([]train.Score, error) { return j.evaluate(ctx, validation) }
	}
	return run, nil
}

// objective is the loss of the recipe's task.
func (j *Job) objective(e *Examples) (train.Objective, error) {
	if j.Classifier == nil {
		return j.languageObjective(e, false)
	}
	weights, err := j.classWeights(e.Classes)
	if err != nil {
		return nil, err
	}
	return &classified{model: j.Classifier, e: e, weights: weights}, nil
}

// languageObjective is the loss of a language model's task; fixed hides the same tokens each time.
func (j *Job) languageObjective(e *Examples, fixed bool) (scored, error) {
	m := j.Base.Model.(model.LanguageModel)
	if j.Recipe.Task == "causal_lm" {
		c := &causal{model: m, e: e}
		return c, targeted(c, e, "of one token has no next one to learn")
	}
	k, err := newMasked(m, j.Tokenizer, e.Segments, j.Recipe.Masking, j.Recipe.Training.Seed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.Recipe.path, err)
	}
	k.fixed = fixed
	if err := targeted(k, e, "without tokens has none to hide"); err != nil {
		return nil, err
	}
	return k, nil
}

// targeted is an error that names the first row of which nothing is learnt.
func targeted(o train.Objective, e *Examples, why string) error {
	for i, row := range e.Data.Rows {
		if o.Count(i, 0) < 1 {
			return fmt.Errorf("%s:%d: %w: a text %s", e.Data.Name, row.Line, ErrText, why)
		}
	}
	return nil
}

// ErrText is wrapped by errors about texts of which a language model learns nothing.
var ErrText = errors.New("text is too short")

// identity is what a checkpoint must have been made for: the recipe but for its folder, the base and the data.
func (j *Job) identity(examples ...*Examples) (string, error) {
	bare := *j.Recipe
	bare.OutputDir = ""
	var parts []string
	if j.Base.File != nil {
		fingerprint, err := j.Base.Fingerprint(cacheFolder())
		if err != nil {
			return "", err
		}
		parts = append(parts, fingerprint)
	}
	for _, e := range examples {
		if e != nil {
			parts = append(parts, e.Data.Hash())
		}
	}
	return identity(&bare, parts...)
}

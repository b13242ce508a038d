package recipe

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/data"
	"trimtab/delta"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/prompt"
	"trimtab/tokenizer"
)

// Job is a wired recipe: a base in memory with what the recipe puts on it.
type Job struct {
	// Recipe is what it was wired from.
	Recipe *Recipe
	// Device is what it runs on.
	Device compute.Device
	// Base and Tokenizer are the recipe's base.
	Base      *model.Base
	Tokenizer *tokenizer.Tokenizer
	// Labels are the classes; nil in language modelling.
	Labels *data.Labels
	// Classifier answers: the base's head, or a template and verbalizer. Nil in language modelling.
	Classifier model.Classifier
	// Prompt is the classifier, if it is a prompt's.
	Prompt *prompt.Classifier
	// Deltas are on the base, in this order.
	Deltas []*delta.Delta
	// Parameters are what trains.
	Parameters []*autograd.Parameter

	only *autograd.Tape // of training and evaluation, which take turns
}

// tape is the job's one tape: what trains and what is evaluated share its memory.
func (j *Job) tape() *autograd.Tape {
	if j.only == nil {
		j.only = autograd.New(j.Device)
	}
	return j.only
}

// Examples are rows as they enter the model.
type Examples struct {
	// Segments are the inputs, Classes their labels (nil where there are none).
	Segments []nn.Segment
	Classes  []int
	// Cut is how many inputs were cut to length.
	Cut int
	// Data are the rows they were made of.
	Data *data.Dataset

	ids store // of all segments
}

// Open wires a recipe, whose labels are found in the training data where it does not
// name them. training.seed addresses the chance of what is new.
func (r *Recipe) Open(dev compute.Device) (*Job, error) {
	labels, err := r.labels()
	if err != nil {
		return nil, err
	}
	return r.open(dev, labels, (*Job).attach)
}

// open wires a recipe whose labels are known; deltas puts its deltas on the base.
func (r *Recipe) open(dev compute.Device, labels *data.Labels, deltas func(*Job) error) (*Job, error) {
	o, err := r.baseOptions(labels)
	if err != nil {
		return nil, err
	}
	base, tok, err := OpenBase(r.Base, dev, o)
	if err != nil {
		return nil, err
	}
	j, err := r.on(base, tok, dev, labels, deltas)
	if err != nil {
		return nil, firstOf(err, base.Close())
	}
	return j, nil
}

// baseOptions say how the recipe's base is opened.
func (r *Recipe) baseOptions(labels *data.Labels) (model.Options, error) {
	precision, err := compute.ParsePrecision(r.Quantization)
	if err != nil {
		return model.Options{}, r.fail("quantization: " + err.Error())
	}
	o := model.Options{Seed: r.Training.Seed, Task: model.Task(r.Task), Precision: precision}
	switch {
	case r.Task == "classification" && r.Prompt == nil:
		o.Labels = labels.Names
	case r.Task == "classification":
		o.Task = "" // the head that the config names: a language model's
	}
	return o, nil
}

// on wires a recipe on an open base, which is as it was if that fails.
func (r *Recipe) on(base *model.Base, tok *tokenizer.Tokenizer, dev compute.Device, labels *data.Labels, deltas func(*Job) error) (*Job, error) {
	j := &Job{Recipe: r, Device: dev, Base: base, Tokenizer: tok, Labels: labels}
	for _, step := range []func() error{j.wire, func() error { return deltas(j) }, j.fits, j.calibrate} {
		if err := step(); err != nil {
			return nil, firstOf(err, j.takeOff())
		}
	}
	return j, nil
}

// wire decides who answers: a prompt, the base's head, or the language model itself.
func (j *Job) wire() error {
	r := j.Recipe
	switch {
	case r.Prompt != nil:
		if err := j.ask(); err != nil {
			return err
		}
	case r.Task == "classification":
		j.Classifier = j.Base.Model.(model.Classifier)
	default:
		if _, ok := j.Base.Model.(model.LanguageModel); !ok {
			return r.fail("task " + r.Task + " needs a language model, and " + r.Base + " is none")
		}
	}
	return nil
}

// ask makes a classifier of the base's language model, its template and verbalizer.
func (j *Job) ask() error {
	r := j.Recipe
	lm, ok := j.Base.Model.(model.LanguageModel)
	if !ok {
		return r.fail("prompt: " + r.Base + " has no language model head to ask")
	}
	t, err := prompt.ParseTemplate(r.Prompt.Template)
	if err != nil {
		return fmt.Errorf("%s: prompt.template: %w", r.path, err)
	}
	causal := lm.Info().Causal
	bt, err := t.Bind(j.Tokenizer, prompt.BindOptions{Causal: causal})
	if err != nil {
		return fmt.Errorf("%s: prompt.template: %w", r.path, err)
	}
	v, err := prompt.ParseVerbalizer(r.Prompt.Verbalizer, j.Labels.Names)
	if err != nil {
		return fmt.Errorf("%s: prompt.verbalizer: %w", r.path, err)
	}
	bv, err := v.Bind(j.Tokenizer, bt.Masks())
	if err != nil {
		return fmt.Errorf("%s: prompt.verbalizer: %w", r.path, err)
	}
	if r.calibration != nil {
		if bv, err = bv.Calibrated(r.calibration); err != nil {
			return err
		}
	}
	if j.Prompt, err = prompt.NewClassifier(j.Device, lm, bt, bv, r.Training.Seed); err != nil {
		return fmt.Errorf("%s: prompt: %w", r.path, err)
	}
	j.Prompt.Attach()
	j.Classifier = j.Prompt
	if j.Prompt.Soft != nil {
		j.Parameters = append(j.Parameters, j.Prompt.Soft.Parameter)
	}
	return nil
}

// calibrates reports whether something is subtracted.
func (p *Prompt) calibrates() bool { return p.Calibrate == "true" || p.Calibrate == "train" }

// calibrate subtracts what the model answers to an empty text, or on average to the training texts, where the
// recipe says so: the model before it is trained. A run that is opened again has kept that.
func (j *Job) calibrate() error {
	if j.Prompt == nil || !j.Recipe.Prompt.calibrates() || j.Recipe.calibration != nil {
		return nil
	}
	if j.Recipe.Prompt.Calibrate == "train" {
		examples, _, err := j.splits()
		if err != nil {
			return err
		}
		return j.Prompt.CalibrateOn(examples.Segments)
	}
	in, err := j.blank()
	if err != nil {
		return err
	}
	return j.Prompt.Calibrate(in)
}

// blank is the input of an empty text.
func (j *Job) blank() ([]*prompt.Input, error) {
	t := j.Prompt.Template
	in, _, err := t.WrapAll([]prompt.Example{t.Template().Blank("")}, j.wrapOptions())
	if err != nil {
		return nil, fmt.Errorf("%s: prompt.calibrate: %w", j.Recipe.path, err)
	}
	return in, nil
}

// labels are the recipe's classes: those it names, its verbalizer's, or those of the training data.
func (r *Recipe) labels() (*data.Labels, error) {
	switch {
	case r.Task != "classification":
		return nil, nil
	case len(r.Data.Labels) > 0:
		return data.NewLabels(r.Data.Labels)
	case r.Prompt != nil:
		v, err := prompt.ParseVerbalizer(r.Prompt.Verbalizer, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: prompt.verbalizer: %w", r.path, err)
		}
		return data.NewLabels(v.Classes)
	case r.Data.Train == nil:
		return nil, r.fail("data.labels is missing, and there is no training data to find the labels in")
	}
	d, s, err := r.read(r.Data.Train)
	if err != nil {
		return nil, err
	}
	if s.Label == "" {
		return nil, r.fail(fmt.Sprintf("data.train.label is missing: %s has the fields %q", d.Name, d.Fields))
	}
	labels, err := d.CollectLabels(s.Label, data.Sorted)
	if err != nil {
		return nil, err
	}
	r.rows = d
	return labels, r.enough(d.Name, labels.Names)
}

// Close takes everything off the base and lets go of its files.
func (j *Job) Close() error { return firstOf(j.takeOff(), j.Base.Close()) }

// takeOff takes everything off the base: it is as it was before.
func (j *Job) takeOff() error {
	err := j.detach()
	if j.Prompt != nil {
		j.Prompt.Detach()
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

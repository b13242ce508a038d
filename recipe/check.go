package recipe

import (
	"fmt"
	"slices"
	"strings"

	"trimtab/data"
	"trimtab/prompt"
)

// check reports what keys cannot be together or cannot be missing.
func (r *Recipe) check() error {
	for _, check := range []func() error{r.checkTask, r.checkPrompt, r.checkData, r.checkLength} {
		if err := check(); err != nil {
			return err
		}
	}
	r.Training.Resolve()
	if err := r.Training.Validate(); err != nil {
		return fmt.Errorf("%s: training: %w", r.path, err)
	}
	if known, name := metrics[r.Task], r.Training.Metric; name != "" && !slices.Contains(known, name) {
		return r.fail(fmt.Sprintf("training.metric_for_best_model is %q, and task %s has %s", name, r.Task, strings.Join(known, ", ")))
	}
	return nil
}

// checkTask finds keys that only another task reads.
func (r *Recipe) checkTask() error {
	if r.Base == "" {
		return r.fail("model_name_or_path is missing")
	}
	if r.Task == "masked_lm" {
		return r.Masking.check(r.path)
	}
	if m := r.Masking; m.Probability != 0.15 || m.WholeWord == nil || !*m.WholeWord {
		return r.fail("masking is for task masked_lm, not " + r.Task)
	}
	return nil
}

func (r *Recipe) checkPrompt() error {
	switch {
	case r.Prompt == nil:
		return nil
	case r.Task != "classification":
		return r.fail("prompt is for task classification, not " + r.Task)
	case r.Prompt.Template == "":
		return r.fail("prompt.template is missing")
	case r.Prompt.Verbalizer == nil:
		return r.fail("prompt.verbalizer is missing")
	}
	return nil
}

func (r *Recipe) checkData() error {
	d := &r.Data
	if d.FewShot != nil && d.FewShot.K < 1 {
		return r.fail(fmt.Sprintf("data.few_shot.k is %d, and must be above 0", d.FewShot.K))
	}
	if err := r.checkSplit(); err != nil {
		return err
	}
	for _, s := range d.sources() {
		if s.File == "" {
			return r.fail("data." + s.key + ".file is missing")
		}
	}
	if len(d.Labels) > 0 {
		if err := r.enough("data.labels", d.Labels); err != nil {
			return err
		}
	}
	if r.Task != "classification" {
		return r.checkUnlabelled()
	}
	return nil
}

// checkSplit finds what a share held back for validation cannot stand beside.
func (r *Recipe) checkSplit() error {
	const key = "data.validation_split_percentage"
	switch d, p := &r.Data, r.Data.ValidationSplit; {
	case p == 0:
		return nil
	case !(p > 0 && p < 100):
		return r.fail(fmt.Sprintf("%s is %g, and must be above 0 and below 100", key, p))
	case d.Train == nil:
		return r.fail(key + " holds rows of data.train back, and there is none")
	case d.Validation != nil:
		return r.fail(key + " and data.validation both say what to validate on: leave one out")
	case d.FewShot != nil:
		return r.fail(key + " and data.few_shot, which holds its own rows back for validation, do not go together: leave one out")
	}
	return nil
}

// checkUnlabelled finds keys of labels, which a language model's task has not.
func (r *Recipe) checkUnlabelled() error {
	key := ""
	switch {
	case r.ClassWeights != nil:
		key = "class_weights"
	case r.Data.FewShot != nil:
		key = "data.few_shot"
	case len(r.Data.Labels) > 0:
		key = "data.labels"
	}
	for _, s := range r.Data.sources() {
		if key == "" && s.Label != "" {
			key = "data." + s.key + ".label"
		}
	}
	if key != "" {
		return r.fail(key + " is for task classification, not " + r.Task)
	}
	return nil
}

// enough is an error unless names are two classes or more, each named once.
func (r *Recipe) enough(key string, names []string) error {
	if _, err := data.NewLabels(names); err != nil {
		return fmt.Errorf("%s: %s: %w", r.path, key, err)
	}
	if len(names) < 2 {
		return r.fail(fmt.Sprintf("%s: found the classes %q, and there must be two or more", key, names))
	}
	return nil
}

func (r *Recipe) checkLength() error {
	switch l := r.MaxLength; {
	case l.Tokens < 0:
		return r.fail(fmt.Sprintf("max_length.tokens is %d, and must be above 0", l.Tokens))
	case l.Tokens == 0 && (l.Truncation == prompt.Head || l.Truncation == prompt.Balanced):
		return r.fail(fmt.Sprintf("max_length.truncation is %s, and max_length.tokens does not say to what length", l.Truncation))
	}
	return nil
}

// keyed is a source with its key in the recipe.
type keyed struct {
	*Source
	key string
}

// sources are those that the recipe names.
func (d *Data) sources() []keyed {
	all := []keyed{{d.Train, "train"}, {d.Validation, "validation"}, {d.Test, "test"}}
	return slices.DeleteFunc(all, func(s keyed) bool { return s.Source == nil })
}

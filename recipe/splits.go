package recipe

import (
	"fmt"
	"math"

	"trimtab/data"
)

// splits are the rows of a recipe: train, and validation where there is any.
func (j *Job) splits() (train, validation *Examples, err error) {
	r := j.Recipe
	if r.Data.Train == nil {
		return nil, nil, r.fail("data.train is missing")
	}
	d, s, err := r.read(r.Data.Train)
	if err != nil {
		return nil, nil, err
	}
	held := (*data.Dataset)(nil)
	switch {
	case r.Data.FewShot != nil:
		d, held, err = j.fewShot(d, s)
	case r.Data.ValidationSplit > 0:
		d, held, err = j.hold(d)
	}
	if err != nil {
		return nil, nil, err
	}
	if train, err = j.examples(d, s, true); err != nil {
		return nil, nil, err
	}
	if r.Data.Validation != nil {
		if held, s, err = r.read(r.Data.Validation); err != nil {
			return nil, nil, err
		}
	}
	if held == nil {
		return train, nil, nil
	}
	validation, err = j.examples(held, s, true)
	return train, validation, err
}

// hold keeps a share of the rows back for validation, to the nearest row, as training.seed draws them.
func (j *Job) hold(d *data.Dataset) (train, held *data.Dataset, err error) {
	rows, rest, err := share(len(d.Rows), d.Name, j.Recipe.Data.ValidationSplit, j.Recipe.Training.Seed)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", j.Recipe.path, err)
	}
	return d.Subset(rows), d.Subset(rest), nil
}

// share draws which of the n rows of name a percentage holds back.
func share(n int, name string, percent float64, seed uint64) (train, held []int, err error) {
	k := int(math.Round(float64(n) * percent / 100))
	if k < 1 || k >= n {
		return nil, nil, fmt.Errorf("%w: data.validation_split_percentage is %g, which of the %d rows of %s leaves %d to train on and %d for validation: neither may be empty",
			ErrRecipe, percent, n, name, n-k, k)
	}
	return data.Split(n, k, seed)
}

// fewShot draws some rows a class and, where there is no validation file, as many for validation.
func (j *Job) fewShot(d *data.Dataset, s Source) (train, held *data.Dataset, err error) {
	r := j.Recipe
	few := r.Data.FewShot
	if j.Labels == nil {
		return nil, nil, r.fail("data.few_shot samples by class, and task " + r.Task + " has none")
	}
	classes, err := d.Classes(s.Label, j.Labels)
	if err != nil {
		return nil, nil, err
	}
	k := 0
	if r.Data.Validation == nil {
		k = few.K
	}
	if err := j.enoughRows(d, classes, few.K+k); err != nil {
		return nil, nil, err
	}
	rows, rest, err := data.FewShot(classes, few.K, k, few.Seed)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", d.Name, err)
	}
	if k > 0 {
		held = d.Subset(rest)
	}
	return d.Subset(rows), held, nil
}

// enoughRows is an error that names the first class of which there are fewer than n rows.
func (j *Job) enoughRows(d *data.Dataset, classes []int, n int) error {
	count := make([]int, len(j.Labels.Names))
	for _, c := range classes {
		count[c]++
	}
	for c, have := range count {
		if have < n {
			return j.Recipe.fail(fmt.Sprintf("data.few_shot asks for %d examples a class, validation included, and in %s class %q has %d", n, d.Name, j.Labels.Names[c], have))
		}
	}
	return nil
}

package recipe

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trimtab/autograd"
	"trimtab/delta"
	"trimtab/tokenizer"
)

// attach puts the recipe's deltas on the base, fresh, and a delta for the new head
// where none of them trains it.
func (j *Job) attach() error {
	for i, keys := range j.Recipe.Deltas {
		where := fmt.Sprintf("%s: deltas[%d]", j.Recipe.path, i)
		if err := j.put(where, j.withHead(keys)); err != nil {
			return err
		}
	}
	if j.headIsFrozen() {
		return j.put(j.Recipe.path+": head", map[string]any{"method": "head"})
	}
	return nil
}

// withHead is a PEFT configuration that saves the classification head too, as PEFT does for SEQ_CLS.
func (j *Job) withHead(keys map[string]any) map[string]any {
	if _, peft := keys["peft_type"]; !peft || j.Prompt != nil || !j.headIsFrozen() {
		return keys
	}
	full := maps.Clone(keys)
	if full["task_type"] == nil {
		full["task_type"] = "SEQ_CLS"
	}
	if full["modules_to_save"] == nil {
		full["modules_to_save"] = j.Base.Info().Head
	}
	return full
}

// put makes a delta of a configuration and attaches it.
func (j *Job) put(where string, keys map[string]any) error {
	text, err := json.Marshal(keys)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	config, err := delta.Parse(where, text)
	if err != nil {
		return err
	}
	o := delta.Options{Seed: j.Recipe.Training.Seed, Encode: j.encode}
	d, err := delta.New(config, j.Base, o)
	if err == nil && j.sharesNames(d) { // its own chance, and names of its own
		o.Name = fmt.Sprintf("deltas.%d.", len(j.Deltas))
		d, err = delta.New(config, j.Base, o)
	}
	if err != nil {
		return err
	}
	return j.keep(where, d)
}

// sharesNames reports whether a parameter has the name of one that trains already.
func (j *Job) sharesNames(d *delta.Delta) bool {
	return slices.ContainsFunc(d.Parameters(), func(p *autograd.Parameter) bool {
		return slices.ContainsFunc(j.Parameters, func(q *autograd.Parameter) bool { return p.Name == q.Name })
	})
}

// keep attaches a delta and notes what trains.
func (j *Job) keep(where string, d *delta.Delta) error {
	if err := d.Attach(); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	for _, q := range j.Base.Tree.Params() {
		if q.Attached() > 1 {
			return firstOf(fmt.Errorf("%s: %w: it trains %s, which a delta before it trains already", where, ErrRecipe, q.Name), d.Detach())
		}
	}
	j.Deltas = append(j.Deltas, d)
	j.Parameters = append(j.Parameters, d.Parameters()...)
	return nil
}

// encode is the ids of a text with special tokens.
func (j *Job) encode(text string) ([]int32, error) {
	e, err := j.Tokenizer.Encode(text, tokenizer.Options{NoTruncation: true, NoPadding: true})
	if err != nil {
		return nil, err
	}
	return e.IDs, nil
}

// headIsFrozen reports whether the base has a classification head that nothing trains yet.
func (j *Job) headIsFrozen() bool {
	head := j.Base.Info().Head
	if len(head) == 0 || j.Prompt != nil {
		return false
	}
	trains := func(p *autograd.Parameter) bool {
		return slices.ContainsFunc(head, func(module string) bool { return strings.Contains("."+p.Name, "."+module+".") })
	}
	return !slices.ContainsFunc(j.Parameters, trains)
}

// detach takes the deltas off again, last first.
func (j *Job) detach() error {
	var err error
	for i := len(j.Deltas) - 1; i >= 0; i-- {
		if j.Deltas[i].Attached() {
			err = firstOf(err, j.Deltas[i].Detach())
		}
	}
	j.Deltas = nil
	return err
}

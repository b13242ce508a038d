package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/recipe"
)

// runReport is what inspect says of a run.
type runReport struct {
	Kind     string         `json:"kind"`
	Path     string         `json:"path"`
	Base     string         `json:"base"`
	Task     string         `json:"task"`
	Template string         `json:"template,omitempty"`
	Run      *recipe.Report `json:"run"`
	Deltas   []*deltaReport `json:"deltas"`
	Example  *wrapped       `json:"example,omitempty"`
}

func (o *inspecting) run(a *app, out *printer, dir string, texted bool) error {
	report, err := recipe.ReadReport(dir)
	if err != nil {
		return err
	}
	r, err := recipe.Read(filepath.Join(dir, "recipe.yaml"))
	if err != nil {
		return err
	}
	run := &runReport{Kind: "run", Path: dir, Base: r.Base, Task: r.Task, Run: report, Deltas: []*deltaReport{}}
	if r.Prompt != nil {
		run.Template = r.Prompt.Template
	}
	for _, name := range report.Deltas {
		d, err := reportDelta(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		run.Deltas = append(run.Deltas, d)
	}
	if texted || o.fields != nil {
		if run.Example, err = o.runExample(a, dir, texted); err != nil {
			return err
		}
	}
	if o.json {
		return out.json(run)
	}
	run.print(out)
	return nil
}

// runExample is what the template of a run makes of the example.
func (o *inspecting) runExample(a *app, dir string, texted bool) (w *wrapped, err error) {
	opening := running{recipe.OpenOptions{Base: o.model}}
	j, _, err := opening.open(a, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if j.Prompt == nil {
		return nil, fmt.Errorf("%s: the run has no template: a classification head answers", dir)
	}
	example, err := o.example(j.Prompt.Template.Template(), texted)
	if err != nil {
		return nil, err
	}
	return o.wrap(j.Prompt.Template, example)
}

func (r *runReport) print(out *printer) {
	rows := [][]string{{"run", r.Path}, {"base", r.Base}, {"task", r.Task}}
	if r.Template != "" {
		rows = append(rows, []string{"template", r.Template})
	}
	if r.Run.Labels != nil {
		rows = append(rows, []string{"labels", strings.Join(r.Run.Labels, ", ")})
	}
	for _, d := range r.Deltas {
		rows = append(rows, []string{"delta", fmt.Sprintf("%s, %s parameters, %s", d.Method, number(d.Parameters), size(d.Bytes))})
	}
	rows = append(rows, []string{"trained", number(r.Run.Parameters) + " parameters"}, []string{"steps", number(r.Run.Steps)})
	for _, m := range []struct {
		name   string
		scores map[string]float64
	}{{"validation", r.Run.Validation}, {"test", r.Run.Test}} {
		if m.scores != nil {
			rows = append(rows, []string{m.name, metrics(m.scores)})
		}
	}
	out.table(rows)
	r.Example.print(out)
}

// metrics writes scores by name.
func metrics(scores map[string]float64) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		words = append(words, fmt.Sprintf("%s %.4f", name, scores[name]))
	}
	return strings.Join(words, "  ")
}

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

func (a *app) eval() *cobra.Command {
	var o running
	var json bool
	cmd := &cobra.Command{
		Use:   "eval RUN [FILE]",
		Short: "Measure a run on a data set",
		Long: `Measures a run on a file of examples with labels, in the form of the recipe's training data; without a file on the
recipe's test data, and where it has none on its validation data.`,
		Example: `  trimtab eval runs/sst2
  trimtab eval runs/sst2 reviews.tsv --json`,
		Args: arguments("RUN", "FILE..."),
	}
	jsonFlag(cmd, &json)
	o.flags(cmd)
	cmd.RunE = does(func(out *printer, args []string) (err error) {
		if len(args) > 2 {
			return usage("one FILE at a time")
		}
		j, _, err := o.open(a, args[0])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, j.Close()) }()
		s, err := evaluated(j.Recipe, args)
		if err != nil {
			return err
		}
		list, examples, err := j.Evaluate(cmd.Context(), s)
		if err != nil {
			return err
		}
		if json {
			return out.json(struct {
				File     string             `json:"file"`
				Examples int                `json:"examples"`
				Cut      int                `json:"cut"`
				Scores   map[string]float64 `json:"scores"`
			}{s.File, len(examples.Segments), examples.Cut, byName(list)})
		}
		rows := [][]string{{"file", s.File}, {"examples", number(len(examples.Segments))}}
		if examples.Cut > 0 {
			rows = append(rows, []string{"cut to length", number(examples.Cut)})
		}
		for _, m := range list {
			rows = append(rows, []string{m.Name, fmt.Sprintf("%.4f", m.Value)})
		}
		out.table(rows)
		return nil
	})
	return cmd
}

// evaluated is the data set that a command line means.
func evaluated(r *recipe.Recipe, args []string) (*recipe.Source, error) {
	if len(args) == 2 {
		return &recipe.Source{File: args[1]}, nil
	}
	return r.Held()
}

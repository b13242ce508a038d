package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"trimtab/data"
	"trimtab/recipe"
)

// predicting are the settings of the verb predict.
type predicting struct {
	running
	json, jsonl bool
	texts       []string
}

func (a *app) predict() *cobra.Command {
	var o predicting
	cmd := &cobra.Command{
		Use:   "predict [RUN [FILE]]",
		Short: "Answer for text, a file or standard input",
		Long: `Answers for each --text, for each row of a file in the form of the recipe's training data, or for each line of
standard input ("-", or no file). Without RUN it is the one that the demo left. Prints an object a line: {"text", "label", "scores"}; scores are probabilities.`,
		Example: `  trimtab predict runs/sst2 --text "A film to remember."
  trimtab predict runs/sst2 reviews.tsv
  trimtab predict --text "The soup was cold."
  echo '{"premise": "It rains.", "hypothesis": "It is wet."}' | trimtab predict runs/rte --jsonl`,
		Args: arguments("RUN..."),
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", true, "print JSON; --json=false prints the label, a tab and the text")
	f.BoolVar(&o.jsonl, "jsonl", false, "read objects with the fields of the recipe's data from standard input, a line each")
	f.StringArrayVar(&o.texts, "text", nil, "a `text` to answer for; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("text", "jsonl")
	cmd.RunE = does(func(out *printer, args []string) (err error) {
		if len(args) == 0 {
			args = []string{recipe.DemoDir}
		}
		file := len(args) == 2 && args[1] != "-"
		if len(args) > 2 || file && (o.texts != nil || o.jsonl) {
			return usage("one FILE, or --text, or standard input")
		}
		j, _, err := o.open(a, args[0])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, j.Close()) }()
		ctx := cmd.Context()
		switch {
		case file:
			d, s, err := j.Recipe.Rows(&recipe.Source{File: args[1]})
			return o.answer(ctx, out, j, d, s, err)
		case o.jsonl:
			d, s, err := j.Recipe.RowsFrom(out.stdin, "standard input", &recipe.Source{Format: "jsonl"})
			return o.answer(ctx, out, j, d, s, err)
		case o.texts != nil:
			d, s := j.Texts("--text", o.texts)
			return o.answer(ctx, out, j, d, s, nil)
		}
		return eachBatch(out.stdin, nil, func(batch []line) error {
			texts := make([]string, len(batch))
			for i, l := range batch {
				texts[i] = l.text
			}
			d, s := j.Texts("standard input", texts)
			for i, l := range batch {
				d.Rows[i].Line = l.number
			}
			return o.answer(ctx, out, j, d, s, nil)
		})
	})
	return cmd
}

// answered is what predict prints of a row.
type answered struct {
	Text string `json:"text"`
	recipe.Answer
}

// answer prints the answers for rows, unless reading them failed.
func (o *predicting) answer(ctx context.Context, out *printer, j *recipe.Job, d *data.Dataset, s recipe.Source, err error) error {
	if err != nil {
		return err
	}
	answers, err := j.Predict(ctx, d, s)
	if err != nil {
		return err
	}
	for i, a := range answers {
		text, err := d.Value(i, s.Text)
		if err != nil {
			return err
		}
		if !o.json {
			out.printf("%s\t%s\n", a.Label, text)
			continue
		}
		if err := out.json(answered{text, a}); err != nil {
			return err
		}
	}
	return out.Flush()
}

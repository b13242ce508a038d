package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trimtab/recipe"
	"trimtab/train"
)

// reading are the flags of verbs that read a recipe.
type reading struct{ sets []string }

func (o *reading) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.sets, "set", nil, "`key=value` in place of the recipe's, such as training.learning_rate=3e-4; may be repeated")
}

// read reads a recipe; "-" is standard input.
func (o *reading) read(out *printer, path string) (*recipe.Recipe, error) {
	for _, s := range o.sets {
		if key, _, ok := strings.Cut(s, "="); !ok || key == "" {
			return nil, usage("--set " + s + ": expected key=value")
		}
	}
	if path != "-" {
		return recipe.Read(path, o.sets...)
	}
	text, err := io.ReadAll(out.stdin)
	if err != nil {
		return nil, wrapPath("standard input", err)
	}
	return recipe.Parse("standard input", text, o.sets...)
}

func (a *app) train() *cobra.Command {
	var o reading
	var json, resume, dry bool
	var export string
	cmd := &cobra.Command{
		Use:   "train RECIPE",
		Short: "Train what a recipe says, and leave a run folder",
		Long: `Trains what a recipe says and leaves a run folder: deltas, head, metrics.jsonl, the recipe as resolved, run.json.
Ctrl-C stops after the present step and leaves a checkpoint; --resume goes on from it with the same bits.

--export trains nothing: it writes down the initial tensors, the batches and the settings of the run, for
internal/reference/sst2.py to do the same in PyTorch.`,
		Example: `  trimtab train sst2.yaml
  trimtab train sst2.yaml --set training.learning_rate=3e-4 --set output_dir=runs/slower --dry-run`,
		Args: arguments("RECIPE"),
	}
	jsonFlag(cmd, &json)
	o.flags(cmd)
	cmd.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint of the run's folder, if there is one")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what it would take, as plan does")
	cmd.Flags().StringVar(&export, "export", "", "write the run down to a new `folder` instead of training")
	cmd.MarkFlagsMutuallyExclusive("resume", "dry-run", "export")
	cmd.RunE = does(func(out *printer, args []string) error {
		r, err := o.read(out, args[0])
		if err != nil {
			return err
		}
		if dry {
			return a.printPlan(out, r, 0, json)
		}
		dev, err := a.device()
		if err != nil {
			return err
		}
		if export != "" {
			return r.Export(dev, export)
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		p := newProgress(os.Stderr)
		outcome, err := r.Train(ctx, dev, recipe.TrainOptions{Resume: resume, Report: p.report})
		p.close()
		if err != nil {
			return goOn(err)
		}
		return printOutcome(out, outcome, json)
	})
	return cmd
}

// outcomeReport is what train prints with --json.
type outcomeReport struct {
	OutputDir     string             `json:"output_dir"`
	Parameters    int                `json:"trained_parameters"`
	Steps         int                `json:"steps"`
	Stopped       bool               `json:"stopped_early"`
	Loss          float64            `json:"loss"`
	BestStep      int                `json:"best_step,omitempty"`
	Validation    map[string]float64 `json:"validation,omitempty"`
	Test          map[string]float64 `json:"test,omitempty"`
	TrainCut      int                `json:"train_cut"`
	ValidationCut int                `json:"validation_cut"`
}

func printOutcome(out *printer, o *recipe.Outcome, json bool) error {
	r := outcomeReport{OutputDir: o.Dir, Parameters: o.Parameters, Steps: o.Steps, Stopped: o.Stopped, Loss: o.Loss, BestStep: o.BestStep,
		Validation: byName(o.Best), Test: byName(o.Test), TrainCut: o.TrainCut, ValidationCut: o.ValidationCut}
	if json {
		return out.json(r)
	}
	steps := number(o.Steps)
	if o.Stopped {
		steps += " of " + number(o.Total) + ", stopped early"
	}
	rows := [][]string{{"run", o.Dir}, {"trained", number(o.Parameters) + " parameters"}, {"steps", steps}}
	if o.Best != nil {
		rows = append(rows, []string{"validation", scores(o.Best, false) + "  at step " + number(o.BestStep)})
	}
	if o.Test != nil {
		rows = append(rows, []string{"test", scores(o.Test, false)})
	}
	if cut := o.TrainCut + o.ValidationCut; cut > 0 {
		rows = append(rows, []string{"cut to length", number(cut) + " inputs"})
	}
	out.table(rows)
	return nil
}

// byName are metrics by their names; nil for none.
func byName(list []train.Score) map[string]float64 {
	if list == nil {
		return nil
	}
	m := map[string]float64{}
	for _, s := range list {
		m[s.Name] = s.Value
	}
	return m
}

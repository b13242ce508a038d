package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

func (a *app) plan() *cobra.Command {
	var o reading
	var json bool
	var memory string
	cmd := &cobra.Command{
		Use:   "plan RECIPE",
		Short: "Say what a recipe would take: parameters, memory, time",
		Long: `Says how many parameters a recipe trains, how much memory the run takes when it takes most, and about how much time a step
takes on average, and an evaluation of the validation and test data. No weight is read and nothing is trained: memory is counted;
time is that of each operation of a batch, which runs a few times on this machine.

--memory says what to change for the run to fit, in this order: activations in bfloat16, smaller batches with more of them a
step, gradient checkpointing, moments in 8 bits, the precision of the frozen weights. If nothing fits, the exit status is 1.`,
		Example: `  trimtab plan sst2.yaml --set training.batch_tokens=8192
  trimtab plan sst2.yaml --memory 2GiB`,
		Args: arguments("RECIPE"),
	}
	jsonFlag(cmd, &json)
	o.flags(cmd)
	cmd.Flags().StringVar(&memory, "memory", "", "the most `memory` that may be resident, such as 2GiB or 800MB: say what to set for the run to fit")
	cmd.RunE = does(func(out *printer, args []string) error {
		limit, err := bytesOf(memory)
		if err != nil {
			return err
		}
		r, err := o.read(out, args[0])
		if err != nil {
			return err
		}
		return a.printPlan(out, r, limit, json)
	})
	return cmd
}

// planReport is what plan prints with --json.
type planReport struct {
	Parameters     int     `json:"trained_parameters"`
	BaseParameters int     `json:"base_parameters"`
	Steps          int     `json:"steps"`
	StepTokens     int     `json:"tokens_a_batch"`
	StepFlops      int64   `json:"flops_a_batch"`
	StepSeconds    float64 `json:"seconds_a_step"`
	EvalSeconds    float64 `json:"seconds_an_evaluation"`
	CalSeconds     float64 `json:"seconds_of_calibration,omitempty"`
	PeakBytes      int64   `json:"peak_bytes"`
	ProgramBytes   int64   `json:"program_bytes"`
	DataBytes      int64   `json:"data_bytes"`
	WeightBytes    int64   `json:"weight_bytes"`
	TrainingBytes  int64   `json:"training_bytes"`
	ArenaBytes     int64   `json:"arena_bytes"`
	// Limit is --memory, Set what must be set for the run to fit.
	Limit int64    `json:"memory_limit,omitempty"`
	Set   []string `json:"set,omitempty"`
}

// printPlan prints the recipe's plan, or where there is a limit of memory one that fits.
func (a *app) printPlan(out *printer, r *recipe.Recipe, limit int64, json bool) error {
	dev, err := a.device()
	if err != nil {
		return err
	}
	fit := &recipe.Fit{}
	if limit > 0 {
		fit, err = r.Fit(dev, limit)
	} else {
		fit.Plan, err = r.Plan(dev)
	}
	if err != nil {
		return err
	}
	p, m := fit.Plan, fit.Memory
	if json {
		return out.json(planReport{p.Parameters, p.BaseParameters, p.Steps, p.StepTokens, p.StepFlops, p.StepTime.Seconds(), p.EvaluationTime.Seconds(), p.CalibrationTime.Seconds(),
			m.Total(), m.Program, m.Data, m.Weights, m.Trained, m.Arena, limit, fit.Set})
	}
	out.table(planRows(fit, limit))
	return nil
}

// planRows is the plan as a table.
func planRows(fit *recipe.Fit, limit int64) [][]string {
	p, m := fit.Plan, fit.Memory
	rows := [][]string{{"trains", fmt.Sprintf("%s, %.2g %% of the base's %s", number(p.Parameters), 100*float64(p.Parameters)/float64(p.BaseParameters), number(p.BaseParameters))}}
	if p.Steps > 0 {
		rows = append(rows, []string{"steps", fmt.Sprintf("%s, the largest batch of %s tokens", number(p.Steps), number(p.StepTokens))})
	}
	rows = append(rows, [][]string{
		{"memory", size(m.Total())},
		{"  frozen weights", size(m.Weights)},
		{"  trained, with gradients and moments", size(m.Trained)},
		{"  a batch's tensors", size(m.Arena)},
		{"  data and tokenizer", size(m.Data)},
		{"  program", size(m.Program)},
	}...)
	if p.Steps > 0 {
		rows = append(rows, []string{"time", fmt.Sprintf("about %s a step, %s in all", round(p.StepTime), round(p.StepTime*time.Duration(p.Steps)))})
	}
	if p.EvaluationTime > 0 {
		rows = append(rows, []string{"evaluation", "about " + round(p.EvaluationTime)})
	}
	if p.CalibrationTime > 0 {
		rows = append(rows, []string{"calibration", "about " + round(p.CalibrationTime)})
	}
	switch {
	case limit > 0 && len(fit.Set) == 0:
		rows = append(rows, []string{"fits", "in " + size(limit) + " as it is"})
	case limit > 0:
		rows = append(rows, []string{"fits", "in " + size(limit) + " with --set " + strings.Join(fit.Set, " --set ")})
	}
	return rows
}

// bytesOf is a size of memory in bytes: a number and a unit, GiB and its like in powers of 1024, GB and its like of 1000.
func bytesOf(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	wrong := usage("--memory " + text + ": expected a size such as 2GiB or 800MB")
	digits := strings.TrimRightFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n > 0) {
		return 0, wrong
	}
	unit, base := strings.TrimSpace(text[len(digits):]), 1000.0
	if binary, ok := strings.CutSuffix(unit, "iB"); ok {
		unit, base = binary+"B", 1024
	}
	power := slices.Index([]string{"B", "KB", "MB", "GB", "TB"}, strings.ToUpper(unit))
	if power < 0 {
		return 0, wrong
	}
	bytes := n * math.Pow(base, float64(power))
	if bytes > 1<<60 {
		return 0, wrong
	}
	return int64(bytes), nil
}

// round writes a time in two or three digits.
func round(d time.Duration) string {
	if d < time.Millisecond {
		return "1 ms"
	}
	for unit := time.Hour; unit > time.Nanosecond; unit /= 10 {
		if d >= 10*unit {
			return d.Round(unit).String()
		}
	}
	return d.String()
}

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

func (a *app) plan() *cobra.Command {
	var o reading
	var json bool
	cmd := &cobra.Command{
		Use:   "plan RECIPE",
		Short: "Say what a recipe would take: parameters, memory, time",
		Long: `Says how many parameters a recipe trains, how much memory and about how much time its largest step takes. Nothing
is trained; memory is counted, not tried. Time is the step's work at the speed that this machine just showed.`,
		Example: "  trimtab plan sst2.yaml --set training.batch_tokens=8192",
		Args:    arguments("RECIPE"),
	}
	jsonFlag(cmd, &json)
	o.flags(cmd)
	cmd.RunE = does(func(out *printer, args []string) error {
		r, err := o.read(out, args[0])
		if err != nil {
			return err
		}
		return a.printPlan(out, r, json)
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
	PeakBytes      int64   `json:"peak_bytes"`
	ProgramBytes   int64   `json:"program_bytes"`
	DataBytes      int64   `json:"data_bytes"`
	WeightBytes    int64   `json:"weight_bytes"`
	TrainingBytes  int64   `json:"training_bytes"`
	ArenaBytes     int64   `json:"arena_bytes"`
}

func (a *app) printPlan(out *printer, r *recipe.Recipe, json bool) error {
	dev, err := a.device()
	if err != nil {
		return err
	}
	p, err := r.Plan(dev)
	if err != nil {
		return err
	}
	m := p.Memory
	if json {
		return out.json(planReport{p.Parameters, p.BaseParameters, p.Steps, p.StepTokens, p.StepFlops, p.StepTime.Seconds(),
			m.Total(), m.Program, m.Data, m.Weights, m.Trained, m.Arena})
	}
	share := fmt.Sprintf("%s, %.2g %% of the base's %s", number(p.Parameters), 100*float64(p.Parameters)/float64(p.BaseParameters), number(p.BaseParameters))
	rows := [][]string{
		{"trains", share},
		{"steps", fmt.Sprintf("%s, the largest batch of %s tokens", number(p.Steps), number(p.StepTokens))},
		{"memory", size(m.Total())},
		{"  frozen weights", size(m.Weights)},
		{"  trained, with gradients and moments", size(m.Trained)},
		{"  a batch's tensors", size(m.Arena)},
		{"  data and tokenizer", size(m.Data)},
		{"  program", size(m.Program)},
		{"time", fmt.Sprintf("about %s a step, %s in all", round(p.StepTime), round(p.StepTime*time.Duration(p.Steps)))},
	}
	out.table(rows)
	return nil
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

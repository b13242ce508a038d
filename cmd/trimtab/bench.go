package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

func (a *app) bench() *cobra.Command {
	var json bool
	var steps int
	var activations string
	cmd := &cobra.Command{
		Use:   "bench [WORKLOAD...]",
		Short: "Measure the standard workloads of this machine",
		Long: `Measures what this machine can do (ceiling: multiplications and additions in registers, bytes from memory), and how
much of it the standard workloads get: tokens a second, share of the ceiling, peak memory, allocations a step. All of
them where none is named: ` + strings.Join(recipe.Workloads(), ", ") + `. Models are drawn by chance; nothing is read.`,
		Example: "  trimtab bench ceiling lora-bert-base --threads 2 --json",
		Args:    arguments("WORKLOAD..."),
	}
	jsonFlag(cmd, &json)
	a.quantizationFlag(cmd)
	cmd.Flags().IntVar(&steps, "steps", 5, "steps to time, after one that is not counted")
	cmd.Flags().StringVar(&activations, "activations", "f32", "how a training step remembers its forward: f32, bf16")
	cmd.RunE = does(func(out *printer, args []string) error {
		names := recipe.Workloads()
		for _, name := range args {
			if !slices.Contains(names, name) {
				return usage(fmt.Sprintf("there is no workload %q; there are %s", name, strings.Join(names, ", ")))
			}
		}
		if activations != "f32" && activations != "bf16" {
			return usage(fmt.Sprintf("--activations is %q, and must be f32 or bf16", activations))
		}
		if steps < 1 {
			return usage("--steps must be above 0")
		}
		if len(args) > 0 {
			names = args
		}
		for i, name := range names {
			if i > 0 {
				recipe.ForgetPeak()
			}
			f, err := recipe.Bench(cmd.Context(), name, recipe.BenchOptions{Threads: a.threads, Steps: steps, Precision: a.precision.Precision, Activations: activations})
			if err != nil {
				return err
			}
			if err := printFigures(out, f, json); err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}

// printFigures prints a workload's figures: an object a line, or a table.
func printFigures(out *printer, f *recipe.Figures, json bool) error {
	if json {
		if err := out.json(f); err != nil {
			return err
		}
		return out.Flush()
	}
	rows := [][]string{{f.Workload, f.Device + ", " + f.Quantization}}
	if f.Activations != "" {
		rows = append(rows, []string{"  activations", f.Activations})
	}
	row := func(name, format string, values ...float64) {
		if values[0] == 0 {
			return
		}
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		rows = append(rows, []string{"  " + name, fmt.Sprintf(format, args...)})
	}
	row("step", "%.4f s", f.Seconds)
	row("tokens", "%.0f a second", f.TokenRate)
	row("products", "%.1f GFLOP/s", f.Rate)
	row("ceiling", "%.1f GFLOP/s", f.Ceiling)
	row("ceiling of one thread", "%.1f GFLOP/s", f.SingleCeiling)
	row("share of the ceiling", "%.1f %%", 100*f.Share)
	row("memory", "%.1f GB/s", f.Bandwidth)
	if f.Seconds > 0 {
		rows = append(rows, []string{"  allocations a step", fmt.Sprintf("%.0f", f.Allocations)})
	}
	if f.PeakBytes > 0 {
		rows = append(rows, []string{"  peak memory", size(f.PeakBytes)})
	}
	out.table(rows)
	return out.Flush()
}

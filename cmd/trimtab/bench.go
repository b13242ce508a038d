package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

// benching is how bench measures and prints.
type benching struct {
	recipe.BenchOptions
	json    bool
	against string
	earlier []*recipe.Figures
}

func (a *app) bench() *cobra.Command {
	var o benching
	cmd := &cobra.Command{
		Use:   "bench [WORKLOAD...]",
		Short: "Measure the standard workloads of this machine",
		Long: `Measures what this machine can do (ceiling: multiplications and additions in registers, of float32, whole numbers and, where the processor
has it, bfloat16, and bytes from memory; products: matrix products alone), and how much of it the standard workloads get: tokens a second, share of
float32's ceiling and of their own, peak memory, allocations a step. Models are drawn by chance; nothing is read. Where none is named, all but the large ones. The workloads:
` + strings.Join(recipe.Workloads(true), ", ") + `.`,
		Example: "  trimtab bench ceiling lora-bert-base --threads 2 --json > before.json\n  trimtab bench lora-bert-base --threads 2 --against before.json",
		Args:    arguments("WORKLOAD..."),
	}
	jsonFlag(cmd, &o.json)
	a.quantizationFlag(cmd)
	cmd.Flags().IntVar(&o.Steps, "steps", 5, "steps to time, after one that is not counted; short steps count as one together")
	cmd.Flags().StringVar(&o.Activations, "activations", "f32", "how a training step remembers its forward: f32, bf16")
	cmd.Flags().BoolVar(&o.BF16, "bf16", false, "multiply matrices that train in bfloat16, where the processor does")
	cmd.Flags().IntVar(&o.Batch, "batch", 0, "segments of a step, instead of the workload's")
	cmd.Flags().StringVar(&o.against, "against", "", "compare with a file that bench --json wrote")
	cmd.RunE = does(func(out *printer, args []string) error {
		if err := o.check(cmd.Flags().Changed("batch"), args); err != nil {
			return err
		}
		if len(args) == 0 {
			args = recipe.Workloads(false)
		}
		o.Threads, o.Precision = a.threads, a.precision.Precision
		ran := map[string]bool{}
		for _, name := range args {
			f, err := recipe.Bench(cmd.Context(), name, o.BenchOptions)
			if errors.Is(err, recipe.ErrNoBatch) {
				return usage("--batch: " + err.Error())
			} else if err != nil {
				return err
			}
			ran[f.Run()] = true
			if err := o.print(out, f); err != nil {
				return err
			}
		}
		for _, f := range o.earlier {
			if !ran[f.Run()] {
				out.note("%s holds %s too, which did not run", o.against, f.Run())
			}
		}
		return nil
	})
	return cmd
}

// check checks the command line and reads the earlier figures.
func (o *benching) check(batch bool, names []string) error {
	for _, name := range names {
		if all := recipe.Workloads(true); !slices.Contains(all, name) {
			return usage(fmt.Sprintf("there is no workload %q; there are %s", name, strings.Join(all, ", ")))
		}
	}
	if o.Steps < 1 {
		return usage("--steps must be above 0")
	}
	if o.Activations != "f32" && o.Activations != "bf16" {
		return usage(fmt.Sprintf("--activations is %q, and must be f32 or bf16", o.Activations))
	}
	if batch && o.Batch < 1 {
		return usage("--batch must be above 0")
	}
	if o.against == "" {
		return nil
	}
	file, err := os.Open(o.against)
	if err != nil {
		return err
	}
	defer file.Close()
	o.earlier, err = recipe.ReadFigures(o.against, file)
	return err
}

// print prints a workload's figures and how they compare with earlier ones: an object a line, or a table.
func (o *benching) print(out *printer, f *recipe.Figures) error {
	var c *recipe.Comparison
	if o.against != "" {
		c = f.Against(o.earlier)
	}
	if o.json {
		if err := out.json(struct {
			*recipe.Figures
			Against *recipe.Comparison `json:"against,omitempty"`
		}{f, c}); err != nil {
			return err
		}
		return out.Flush()
	}
	out.table(append(figureRows(f), comparisonRows(o.against, c)...))
	return out.Flush()
}

// figureRows are the rows of a workload's table.
func figureRows(f *recipe.Figures) [][]string {
	rows := [][]string{{f.Workload, strings.TrimPrefix(f.CPU+", ", ", ") + f.Device + ", " + f.Quantization}}
	if f.Activations != "" {
		rows = append(rows, []string{"  activations", f.Activations})
	}
	if f.Autocast {
		rows = append(rows, []string{"  what trains", "multiplied in bf16"})
	}
	row := func(name, format string, value float64) {
		if value > 0 {
			rows = append(rows, []string{"  " + name, fmt.Sprintf(format, value)})
		}
	}
	row("segments", "%.0f", float64(f.Segments))
	row("tokens", "%.0f", float64(f.Tokens))
	row("step", "%.4f s", f.Seconds)
	row("speed", "%.0f tokens a second", f.TokenRate)
	row("products", "%.1f GFLOP/s", f.Rate)
	row("ceiling", "%.1f GFLOP/s", f.Ceiling)
	row("ceiling of one thread", "%.1f GFLOP/s", f.SingleCeiling)
	row("share of the ceiling", "%.1f %%", 100*f.Share)
	row("ceiling of int8", "%.1f GOP/s", f.Int8)
	row("int8, one thread", "%.1f GOP/s", f.SingleInt8)
	row("ceiling of bf16", "%.1f GFLOP/s", f.BF16)
	row("bf16, one thread", "%.1f GFLOP/s", f.SingleBF16)
	row("its own ceiling", "%.1f GOP/s", f.OwnCeiling)
	row("share of its own ceiling", "%.1f %%", 100*f.OwnShare)
	row("outside products", "%.1f %% of the time", 100*f.OutsideProducts)
	row("attention", "%.1f %% of the time", 100*f.AttentionShare)
	row("memory", "%.1f GB/s", f.Bandwidth)
	row("ceiling of reading", "%.1f GB/s", f.ReadCeiling)
	row("share of that ceiling", "%.1f %%", 100*f.ReadShare)
	for _, p := range f.Products {
		rows = append(rows, []string{fmt.Sprintf("  %d x %d x %d", p.Rows, p.In, p.Out), fmt.Sprintf("%.1f GFLOP/s, %s; backward %.1f, %s; weights %.1f GB/s",
			p.Rate, shares(f, p.Rate), p.BackwardRate, shares(f, p.BackwardRate), p.Bandwidth)})
	}
	if f.Seconds > 0 {
		rows = append(rows, []string{"  allocations a step", fmt.Sprintf("%.0f", f.Allocations)})
	}
	if f.PeakBytes > 0 {
		rows = append(rows, []string{"  peak memory", size(f.PeakBytes)})
	}
	return rows
}

// shares are those of a rate in the ceiling and, where there is one, in the workload's own.
func shares(f *recipe.Figures, rate float64) string {
	s := fmt.Sprintf("%.1f %%", 100*rate/f.Ceiling)
	if f.OwnCeiling > 0 {
		s += fmt.Sprintf(" (%.1f %% of its own)", 100*rate/f.OwnCeiling)
	}
	return s
}

// comparisonRows are the rows of a comparison with the figures of a file; c is nil where there is none.
func comparisonRows(file string, c *recipe.Comparison) [][]string {
	if c == nil {
		return nil
	}
	rows := [][]string{{"  against " + file, strings.Join(c.Differs, "; ")}}
	for _, m := range c.Missing {
		rows = append(rows, []string{"    " + m, "not in it"})
	}
	for _, r := range c.Ratios {
		rows = append(rows, []string{"    " + r.Figure, fmt.Sprintf("%.3f times %.4g", r.Ratio, r.Before)})
	}
	return rows
}

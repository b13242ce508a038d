package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

// demoing are demo's flags.
type demoing struct {
	recipe.DemoOptions
	json, show bool
}

func (a *app) demo() *cobra.Command {
	o := &demoing{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Compare prompts, deltas and heads on the built-in base, from nothing",
		Long: "Compares ways to use the built-in base on short texts about food, health, money and travel, trained on a few examples a class:\n" +
			"a prompt without training, a head alone, full fine-tuning, and a prompt with several deltas, over several samples.\n" +
			"The best run, by texts that the test does not contain, is kept in a folder with the data and a recipe for each way.",
		Example: "  trimtab demo\n  trimtab demo --show",
		Args:    arguments(),
	}
	cmd.RunE = does(func(out *printer, _ []string) error { return o.run(cmd.Context(), a, out) })
	f := cmd.Flags()
	f.IntVar(&o.Seeds, "seeds", 5, "`number` of few-shot samples")
	f.IntVar(&o.K, "k", 16, "`examples` a class")
	f.StringVar(&o.Dir, "dir", recipe.DemoDir, "`folder` of the best run")
	f.BoolVar(&o.show, "show", false, "print the recipes instead of running them")
	jsonFlag(cmd, &o.json)
	return cmd
}

func (o *demoing) run(ctx context.Context, a *app, out *printer) error {
	for flag, n := range map[string]int{"seeds": o.Seeds, "k": o.K} {
		if n < 1 {
			return usage(fmt.Sprintf("--%s is %d, and must be 1 or more", flag, n))
		}
	}
	if o.Dir == "" {
		return usage("--dir is empty")
	}
	if o.show {
		return o.recipes(out)
	}
	dev, err := a.device()
	if err != nil {
		return err
	}
	o.Report = o.progress(out)
	ctx, stop := interruptible(ctx)
	defer stop()
	table, err := recipe.Demo(ctx, dev, o.DemoOptions)
	if err != nil {
		return err
	}
	if o.json {
		return out.json(table)
	}
	printDemo(out, table)
	return nil
}

// recipes prints the demo's recipes as YAML documents.
func (o *demoing) recipes(out *printer) error {
	for _, name := range recipe.DemoRecipes() {
		text, err := recipe.DemoRecipe(name, o.Dir)
		if err != nil {
			return err
		}
		out.printf("--- # %s\n%s", name, text)
	}
	return nil
}

// progress tells of runs as they end: on one line of a terminal, on a line each elsewhere.
func (o *demoing) progress(out *printer) func(recipe.DemoProgress) {
	onTerminal := terminal(out.notes)
	return func(p recipe.DemoProgress) {
		line := fmt.Sprintf("%2d/%d  sample %d  %-26s %5.1f %%", p.Done, p.Total, p.Seed, p.Way, 100*p.Accuracy)
		switch {
		case !onTerminal:
			out.note("%s", line)
		case p.Done < p.Total:
			fmt.Fprintf(out.notes, "\r\x1b[K%s", line)
		default:
			fmt.Fprint(out.notes, "\r\x1b[K")
		}
	}
}

// printDemo prints the table for people.
func printDemo(out *printer, t *recipe.DemoTable) {
	rows := [][]string{{"", "accuracy", "", "trained", "size", "time"}}
	for _, r := range t.Rows {
		row := []string{r.Way, fmt.Sprintf("%.1f %%", 100*r.Accuracy), fmt.Sprintf("± %.1f", 100*r.Deviation), number(r.Parameters), size(r.Bytes),
			fmt.Sprintf("%.1f s", r.Seconds)}
		if r.Parameters == 0 {
			row = append(row[:2], "", "0", "-", "-")
		}
		rows = append(rows, row)
	}
	alignRight(rows)
	out.table(rows)
	out.printf("\nAccuracy on texts that nothing was chosen by: mean and deviation over %d samples of %d examples a class. Guessing: %.0f %%.\n",
		t.Seeds, t.K, 100*t.Chance)
	out.printf("Kept in %s: %s, sample %d. Try: trimtab predict --text 'The bank wants its money back by Friday.'\n", t.Best.Dir, t.Best.Way, t.Best.Seed)
}

// alignRight pads all columns but the first to their widest cell.
func alignRight(rows [][]string) {
	for c := 1; c < len(rows[0]); c++ {
		widest := 0
		for _, r := range rows {
			widest = max(widest, len([]rune(r[c])))
		}
		for _, r := range rows {
			r[c] = strings.Repeat(" ", widest-len([]rune(r[c]))) + r[c]
		}
	}
}

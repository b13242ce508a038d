package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"trimtab/compute"
	"trimtab/recipe"
)

// quantizing are the settings of the verb quantize.
type quantizing struct {
	running
	names  []string
	data   string
	to     string
	layers bool
	json   bool
}

func (a *app) quantize() *cobra.Command {
	var o quantizing
	cmd := &cobra.Command{
		Use:   "quantize MODEL",
		Short: "Say what holding a base in fewer bits saves and costs, or write it so",
		Long: `Holds the frozen weights of a base's blocks, or of a run's base, in each precision and says what that saves and costs against
float32: memory, the relative error of the weights and of the states after each block (‖x-x₃₂‖/‖x₃₂‖), the time of a pass,
and scores. Scores are those of --data, a file of texts, a line each: perplexity and token accuracy of each next token, or of
a masked language model those of 15 % of the tokens, hidden one at a time. A run is measured on its test data, or on --data.
Where there is no data the errors are those of tokens drawn by chance. With --out it writes the base in bf16, int8, llm_int8 or nf4 to
a new folder that transformers reads (all but bf16 with bitsandbytes), with all that lies beside it but other weights.`,
		Example: `  trimtab quantize builtin
  trimtab quantize ../shared/models/minilm-mlm --data texts.txt --quantization int8,nf4 --layers
  trimtab quantize ../shared/models/minilm-mlm --quantization bf16 --out models/minilm-bf16`,
		Args: arguments("MODEL"),
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.names, "quantization", nil, "`precisions` to compare with f32: bf16, int8, llm_int8, nf4, int4; all where left out")
	f.StringVar(&o.data, "data", "", "`file` of texts, a line each; for a run a file of examples with labels")
	f.BoolVar(&o.layers, "layers", false, "a line a linear map, not a block")
	f.StringVar(&o.to, "out", "", "`folder` to write")
	o.flags(cmd)
	jsonFlag(cmd, &o.json)
	for _, measuring := range []string{"data", "layers", "base", "force", "json"} {
		cmd.MarkFlagsMutuallyExclusive("out", measuring)
	}
	cmd.RunE = does(func(out *printer, args []string) error {
		precisions, err := o.precisions()
		if err != nil {
			return err
		}
		dev, err := a.device()
		if err != nil {
			return err
		}
		if o.to != "" {
			notes, err := recipe.WriteQuantized(args[0], o.to, dev, precisions[0])
			for _, n := range notes {
				out.note("%s", n)
			}
			return err
		}
		r, err := recipe.Quantize(cmd.Context(), args[0], dev, recipe.QuantizeOptions{Precisions: precisions, Data: o.data, Run: o.options})
		if err != nil {
			return err
		}
		return o.print(out, r)
	})
	return cmd
}

// precisions are those of the flag; exactly one, in fewer bits than float32, where a base is written.
func (o *quantizing) precisions() ([]compute.Precision, error) {
	var list []compute.Precision
	for _, name := range o.names {
		p, err := compute.ParsePrecision(name)
		switch {
		case err != nil:
			return nil, usage("--quantization: " + err.Error())
		case name == "":
			return nil, usage("--quantization names nothing")
		case slices.Contains(list, p):
			return nil, usage("--quantization names " + name + " twice")
		}
		list = append(list, p)
	}
	if o.to != "" && (len(list) != 1 || list[0] == compute.F32) {
		return nil, usage("--out writes a base in one precision below f32: name it by --quantization")
	}
	return list, nil
}

func (o *quantizing) print(out *printer, r *recipe.QuantizeReport) error {
	if o.json {
		return out.json(r)
	}
	on := fmt.Sprintf("%s segments of tokens drawn by chance, %s tokens", number(r.Segments), number(r.Tokens))
	if r.File != "" {
		on = fmt.Sprintf("%s, %s segments, %s tokens", r.File, number(r.Segments), number(r.Tokens))
	}
	if r.Cut > 0 {
		on += fmt.Sprintf(", %s cut to length", number(r.Cut))
	}
	out.printf("measured on %s\n\n", on)
	out.table(summary(r))
	out.printf("\n")
	if o.layers {
		out.table(errorsOf(r, "error of the weight of", func(f *recipe.QuantizedFigures) []namedError { return mapErrors(f) }))
		return nil
	}
	out.table(errorsOf(r, "error of the weights of", func(f *recipe.QuantizedFigures) []namedError {
		return blockErrors(f, func(b recipe.BlockError) float64 { return b.Weight })
	}))
	out.printf("\n")
	out.table(errorsOf(r, "error of the states after", func(f *recipe.QuantizedFigures) []namedError {
		return blockErrors(f, func(b recipe.BlockError) float64 { return b.Hidden })
	}))
	return nil
}

// summary is a row a precision.
func summary(r *recipe.QuantizeReport) [][]string {
	rows := [][]string{append([]string{"quantization", "scales", "a", "maps", "all", "weights", "states"}, append(r.Metrics, "a pass", "tokens/s")...)}
	for _, f := range r.Precisions {
		row := []string{f.Quantization, f.Scales, f.Per, size(f.MapBytes), size(f.Bytes), percent(f.WeightError), percent(f.HiddenError)}
		for _, m := range r.Metrics {
			row = append(row, fmt.Sprintf("%.4f", f.Scores[m]))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.4f s", f.Seconds), fmt.Sprintf("%.0f", f.TokenRate)))
	}
	return rows
}

// percent writes a relative error.
func percent(e float64) string { return fmt.Sprintf("%.3f %%", 100*e) }

// namedError is the error of a block or of a map.
type namedError struct {
	name  string
	error float64
}

func mapErrors(f *recipe.QuantizedFigures) []namedError {
	var list []namedError
	for _, m := range f.Maps {
		list = append(list, namedError{m.Site, m.Weight})
	}
	return list
}

func blockErrors(f *recipe.QuantizedFigures, of func(recipe.BlockError) float64) []namedError {
	var list []namedError
	for i, b := range f.Blocks {
		list = append(list, namedError{fmt.Sprint("block ", i), of(b)})
	}
	return list
}

// errorsOf is a table of errors, a column a precision below float32.
func errorsOf(r *recipe.QuantizeReport, title string, of func(*recipe.QuantizedFigures) []namedError) [][]string {
	rows := [][]string{{title}}
	for _, e := range of(&r.Precisions[0]) {
		rows = append(rows, []string{e.name})
	}
	for i := range r.Precisions[1:] {
		f := &r.Precisions[i+1]
		rows[0] = append(rows[0], f.Quantization)
		for j, e := range of(f) {
			rows[j+1] = append(rows[j+1], percent(e.error))
		}
	}
	return rows
}

package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"trimtab/checkpoint"
	"trimtab/internal/exchange"
)

func (a *app) forward() *cobra.Command {
	var in, to string
	var d deltas
	cmd := &cobra.Command{
		Use:   "forward MODEL --in FILE --out FILE",
		Short: "Run a model on the tensors of a file, for comparing with other libraries",
		Long: `Runs a model on the tensors of a safetensors file ("-" for standard input): input_ids, and where there are any
attention_mask, token_type_ids and labels; other tensors are ignored. Writes what transformers would return, in
its shapes and in float32: logits, hidden_states.N, loss. Positions that the mask leaves out are zeros.`,
		Example: `  trimtab forward ../shared/goldens/models/bert-mlm --in ../shared/goldens/models/bert-mlm/expect.safetensors --out out.safetensors
  trimtab forward ../shared/goldens/models/bert-cls --delta ../shared/goldens/peft/bert-cls+lora --merged \
    --in ../shared/goldens/peft/bert-cls+lora/expect.safetensors --out out.safetensors`,
		Args: arguments("MODEL"),
	}
	f := cmd.Flags()
	inFlag(cmd, &in)
	a.quantizationFlag(cmd)
	f.StringVar(&to, "out", "", "safetensors `file` to write")
	d.flags(cmd)
	f.BoolVar(&d.merged, "merged", false, "work the deltas into the weights first")
	require(cmd, "in", "out")
	cmd.RunE = does(func(out *printer, args []string) (err error) {
		batch, err := readInput(out.stdin, in)
		if err != nil {
			return err
		}
		base, err := a.open(args[0])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, base.Close()) }()
		if err := d.attach(out, args[0], base.Base); err != nil {
			return err
		}
		result, err := batch.Forward(base.Base, base.device)
		if err != nil {
			return err
		}
		return checkpoint.WriteSafetensors(to, result, nil)
	})
	return cmd
}

// inFlag adds --in.
func inFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "in", "", "safetensors `file` to read, - for standard input")
}

// require makes flags obligatory.
func require(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag was never made
		}
	}
}

// readInput reads the inputs of a model from a file or standard input.
func readInput(stdin io.Reader, path string) (*exchange.Input, error) {
	if path != "-" {
		return exchange.Read(path)
	}
	data, err := io.ReadAll(stdin)
	if err != nil {
		return nil, wrapPath("standard input", err)
	}
	f, err := checkpoint.FromBytes("standard input", data)
	if err != nil {
		return nil, err
	}
	return exchange.FromFile(f)
}

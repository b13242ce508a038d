package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) merge() *cobra.Command {
	var o running
	var to string
	cmd := &cobra.Command{
		Use:   "merge RUN --out DIR",
		Short: "Write a base with a run's deltas worked in",
		Long: `Works the deltas of a run into its base's weights, in float32, and writes the result with its tokenizer to a new folder
that transformers reads. A run with a template still needs it: the base then answers as the template asks.`,
		Example: "  trimtab merge runs/sst2 --out models/sst2",
		Args:    arguments("RUN"),
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&to, "out", "", "`folder` to write")
	require(cmd, "out")
	cmd.RunE = does(func(out *printer, args []string) (err error) {
		j, _, err := o.open(a, args[0])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, j.Close()) }()
		notes, err := j.Merge(to)
		for _, n := range notes {
			out.note("%s", n)
		}
		return err
	})
	return cmd
}

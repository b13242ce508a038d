package main

import (
	"os"

	"github.com/spf13/cobra"

	"trimtab/recipe"
)

func (a *app) pretrain() *cobra.Command {
	var o reading
	var json, resume bool
	cmd := &cobra.Command{
		Use:   "pretrain RECIPE",
		Short: "Train a base from text",
		Long: `Makes a vocabulary from text and trains a masked language model on it, from nothing. The base is the folder base of the
run's folder. Ctrl-C stops after the present step and leaves a checkpoint; --resume goes on from it with the same bits.`,
		Example: "  trimtab pretrain internal/builtin/pretrain.yaml --set output_dir=runs/builtin",
		Args:    arguments("RECIPE"),
	}
	jsonFlag(cmd, &json)
	o.flags(cmd)
	cmd.Flags().BoolVar(&resume, "resume", false, "go on from the newest checkpoint of the run's folder, if there is one")
	cmd.RunE = does(func(out *printer, args []string) error {
		r, err := recipe.ReadPretraining(args[0], o.sets...)
		if err != nil {
			return err
		}
		dev, err := a.device()
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		p := newProgress(os.Stderr)
		dir, err := r.Pretrain(ctx, dev, resume, func(s string) { out.note("%s", s) }, p.report)
		p.close()
		if err != nil {
			return goOn(err)
		}
		if json {
			return out.json(map[string]string{"base": dir})
		}
		out.printf("%s\n", dir)
		return nil
	})
	return cmd
}

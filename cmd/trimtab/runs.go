package main

import (
	"github.com/spf13/cobra"

	"trimtab/recipe"
)

// running are the flags of verbs that open a run.
type running struct{ options recipe.OpenOptions }

func (o *running) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.options.Base, "base", "", "`folder` of the base, if it is not where the recipe says")
	cmd.Flags().BoolVar(&o.options.Force, "force", false, "take a base with another fingerprint, as far as it fits")
}

// open wires a finished run.
func (o *running) open(a *app, dir string) (*recipe.Job, *recipe.Report, error) {
	dev, err := a.device()
	if err != nil {
		return nil, nil, err
	}
	return recipe.OpenRun(dir, dev, o.options)
}

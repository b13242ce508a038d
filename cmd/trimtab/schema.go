package main

import (
	"github.com/spf13/cobra"

	"trimtab/recipe"
)

func (a *app) schema() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of recipes, for editors",
		Long:    "Prints the JSON Schema (draft 2020-12) of recipes. Editors that know it complete and check recipes as they are written.",
		Example: "  trimtab schema > recipe.schema.json",
		Args:    arguments(),
		RunE: does(func(out *printer, _ []string) error {
			text, err := recipe.Schema()
			if err != nil {
				return err
			}
			out.printf("%s\n", text)
			return nil
		}),
	}
}

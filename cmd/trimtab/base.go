package main

import (
	"github.com/spf13/cobra"

	"trimtab/compute"
	"trimtab/model"
	"trimtab/recipe"
	"trimtab/tokenizer"
)

// opened is a base with what it runs on.
type opened struct {
	*model.Base
	device compute.Device
}

// open opens the model of a folder, or the built-in one.
func (a *app) open(name string) (*opened, error) {
	dev, err := a.device()
	if err != nil {
		return nil, err
	}
	base, err := recipe.OpenModel(name, dev, model.Options{Precision: a.precision.Precision})
	if err != nil {
		return nil, err
	}
	return &opened{base, dev}, nil
}

// openWithTokenizer opens the model and the tokenizer of a folder, or the built-in ones.
func (a *app) openWithTokenizer(name string) (*opened, *tokenizer.Tokenizer, error) {
	dev, err := a.device()
	if err != nil {
		return nil, nil, err
	}
	base, t, err := recipe.OpenBase(name, dev, model.Options{Precision: a.precision.Precision})
	if err != nil {
		return nil, nil, err
	}
	return &opened{base, dev}, t, nil
}

// precisionFlag is a precision as a flag.
type precisionFlag struct{ compute.Precision }

// Set reads the name of a precision.
func (p *precisionFlag) Set(name string) (err error) {
	p.Precision, err = compute.ParsePrecision(name)
	return err
}

// Type names the flag's values in help.
func (p *precisionFlag) Type() string { return "precision" }

// quantizationFlag adds --quantization.
func (a *app) quantizationFlag(cmd *cobra.Command) {
	cmd.Flags().Var(&a.precision, "quantization", "how the frozen weights of the blocks are held: f32, bf16, int8, llm_int8, nf4, int4")
}

package main

import (
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
	base, err := recipe.OpenModel(name, dev, model.Options{})
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
	base, t, err := recipe.OpenBase(name, dev, model.Options{})
	if err != nil {
		return nil, nil, err
	}
	return &opened{base, dev}, t, nil
}

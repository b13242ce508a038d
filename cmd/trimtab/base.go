package main

import (
	"errors"

	"trimtab/compute"
	"trimtab/model"
	_ "trimtab/model/all" // every architecture
	"trimtab/tokenizer"
)

// opened is a base with what it runs on.
type opened struct {
	*model.Base
	device compute.Device
}

// open opens the model of a folder.
func (a *app) open(dir string) (*opened, error) {
	dev, err := a.device()
	if err != nil {
		return nil, err
	}
	base, err := model.Open(dir, dev, model.Options{})
	if err != nil {
		return nil, err
	}
	return &opened{base, dev}, nil
}

// openWithTokenizer opens the model and the tokenizer of a folder.
func (a *app) openWithTokenizer(dir string) (*opened, *tokenizer.Tokenizer, error) {
	base, err := a.open(dir)
	if err != nil {
		return nil, nil, err
	}
	t, err := tokenizer.Open(dir)
	if err != nil {
		return nil, nil, errors.Join(err, base.Close())
	}
	return base, t, nil
}

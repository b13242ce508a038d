package recipe

import (
	"trimtab/compute"
	"trimtab/model"
	_ "trimtab/model/all" // every architecture
	"trimtab/tokenizer"
)

// openBase opens the model and tokenizer of a folder.
func openBase(name string, dev compute.Device, o model.Options) (*model.Base, *tokenizer.Tokenizer, error) {
	base, err := model.Open(name, dev, o)
	if err != nil {
		return nil, nil, err
	}
	tok, err := tokenizer.Open(name)
	if err != nil {
		return nil, nil, firstOf(err, base.Close())
	}
	return base, tok, nil
}

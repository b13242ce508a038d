package recipe

import (
	"fmt"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/internal/builtin"
	"trimtab/model"
	_ "trimtab/model/all" // every architecture
	"trimtab/tokenizer"
)

// Builtin is the name of the base that is part of the program. A folder of that name is ./builtin.
const Builtin = "builtin"

// OpenBase opens the model and the tokenizer of a transformers folder, or the built-in base. What does not
// fit is an error that names file, tensor or key.
func OpenBase(name string, dev compute.Device, o model.Options) (*model.Base, *tokenizer.Tokenizer, error) {
	base, err := OpenModel(name, dev, o)
	if err != nil {
		return nil, nil, err
	}
	tok, err := OpenTokenizer(name)
	if err != nil {
		return nil, nil, firstOf(err, base.Close())
	}
	return base, tok, nil
}

// OpenModel is OpenBase without the tokenizer, which a folder then need not have.
func OpenModel(name string, dev compute.Device, o model.Options) (*model.Base, error) {
	if name == Builtin {
		return openBuiltin(name, dev, o)
	}
	return model.Open(name, dev, o)
}

// OpenTokenizer opens the tokenizer of a folder, or the built-in base's.
func OpenTokenizer(name string) (*tokenizer.Tokenizer, error) {
	if name != Builtin {
		return tokenizer.Open(name)
	}
	f, err := builtin.Base()
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.Parse(f.Tokenizer)
	if err != nil {
		return nil, fmt.Errorf("%s: tokenizer.json: %w", Builtin, err)
	}
	return tok, nil
}

// openBuiltin opens the base that is part of the program.
func openBuiltin(name string, dev compute.Device, o model.Options) (*model.Base, error) {
	f, err := builtin.Base()
	if err != nil {
		return nil, err
	}
	config, err := model.ParseConfig(name+"/config.json", f.Config)
	if err != nil {
		return nil, err
	}
	if o.Random {
		return model.New(config, nil, dev, o)
	}
	file, err := checkpoint.FromBytes(name+"/model.safetensors", f.Weights)
	if err != nil {
		return nil, err
	}
	return model.New(config, file, dev, o)
}

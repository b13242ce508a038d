package builtin

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed base
var base embed.FS

//go:embed data/train.tsv
var train string

//go:embed data/test.tsv
var test string

// ErrAbsent is wrapped by the error of a program that was built from a tree without the base.
var ErrAbsent = errors.New("this program was built without its base")

// Files are the contents of the base's files, those of a transformers folder.
type Files struct {
	// Config is config.json, Weights model.safetensors, Tokenizer tokenizer.json.
	Config, Weights, Tokenizer []byte
}

// Base is the built-in base. Each call copies it; a missing file is an error that wraps [ErrAbsent].
func Base() (*Files, error) {
	f := &Files{}
	for _, part := range []struct {
		name string
		to   *[]byte
	}{{"config.json", &f.Config}, {"model.safetensors", &f.Weights}, {"tokenizer.json", &f.Tokenizer}} {
		content, err := base.ReadFile("base/" + part.name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("builtin: %w: there is no internal/builtin/base/%s", ErrAbsent, part.name)
		}
		if err != nil {
			return nil, fmt.Errorf("builtin: %w", err)
		}
		*part.to = content
	}
	return f, nil
}

// Train and Test are the demo's data: tab separated, with a header, as internal/builtin/data/README.md says.
func Train() string { return train }

// Test is the part that nothing may be chosen by.
func Test() string { return test }

package model

import (
	"errors"
	"fmt"
	"os"

	"trimtab/compute"
	"trimtab/tensor"
)

// ErrNoFormat is wrapped by errors about precisions that no format of files has.
var ErrNoFormat = errors.New("no format has it")

// SaveQuantized writes the base of the file, as it was published, to a folder that transformers reads, in fewer bits: config.json
// and model.safetensors. In bf16 all tensors of floating types are BF16. Tensors that this program does
// not need are written too; names stay as they are.
func (b *Base) SaveQuantized(dir string, p compute.Precision) error {
	if b.File == nil {
		return errors.New("a base made by chance is not written")
	}
	if p != compute.BF16 {
		return fmt.Errorf("%s: %w: transformers folders are written in bf16", p, ErrNoFormat)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tensors := map[string]*tensor.Tensor{}
	for _, name := range b.File.Names() {
		t, _ := b.File.Tensor(name)
		if t.DType.IsFloat() {
			t = t.As(tensor.BF16)
		}
		tensors[name] = t
	}
	return writeFolder(dir, b.Config.typed(tensor.BF16), tensors)
}

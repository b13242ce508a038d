package model

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"trimtab/checkpoint"
	"trimtab/tensor"
)

// Save writes the base, as it is now, to a folder that transformers reads:
// config.json and model.safetensors, in F32 or F16. A tied weight is written once.
func (b *Base) Save(dir string, dtype tensor.DType) error {
	names := map[tensor.DType]string{tensor.F32: "float32", tensor.F16: "float16"}
	if names[dtype] == "" {
		return fmt.Errorf("save %s: a base is written in F32 or F16, not %s", dir, dtype)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tensors := map[string]*tensor.Tensor{}
	for _, p := range b.Tree.Params() {
		v, err := p.Float32s()
		if err != nil {
			return err
		}
		tensors[p.Name] = tensor.FromFloat32s(p.Shape, v).As(dtype)
	}
	raw := map[string]json.RawMessage{}
	for key, value := range b.Config.Raw {
		raw[key] = value
	}
	delete(raw, "torch_dtype")
	raw["dtype"], _ = json.Marshal(names[dtype])
	text, err := json.MarshalIndent(raw, "", "  ")
	if err != nil {
		return err
	}
	err = checkpoint.WriteFile(filepath.Join(dir, "config.json"), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	return checkpoint.WriteSafetensors(filepath.Join(dir, "model.safetensors"), tensors, map[string]string{"format": "pt"})
}

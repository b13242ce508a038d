package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"trimtab/checkpoint"
	"trimtab/tensor"
)

// Save writes the base, as it is now, to a folder that transformers reads:
// config.json and model.safetensors, in F32 or F16. A tied weight is written once;
// the config names the head that the base has, its labels, and whether weights are tied.
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
	for _, l := range b.Tree.Untied() { // in transformers it has a bias of its own then too
		if l.Bias != nil && tensors[l.Name+".bias"] == nil {
			tensors[l.Name+".bias"] = tensors[l.Bias.Name]
		}
	}
	text, err := b.describe(names[dtype])
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

// describe is the config.json of the base as it is now.
func (b *Base) describe(dtype string) ([]byte, error) {
	raw := maps.Clone(b.Config.Raw)
	if raw == nil {
		raw = map[string]json.RawMessage{}
	}
	var err error
	set := func(key string, value any) {
		text, e := json.Marshal(value)
		err = errors.Join(err, e)
		raw[key] = text
	}
	delete(raw, "torch_dtype")
	set("dtype", dtype)
	if class := b.class(); class != "" {
		set("architectures", []string{class})
	}
	if labels := b.Info().Labels; b.Task == SequenceClassification {
		byClass, classes := map[string]string{}, map[string]int{}
		for i, l := range labels {
			byClass[strconv.Itoa(i)], classes[l] = l, i
		}
		delete(raw, "num_labels")
		set("id2label", byClass)
		set("label2id", classes)
	}
	if len(b.Tree.Untied()) > 0 {
		set("tie_word_embeddings", false)
	}
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(raw, "", "  ")
}

// class is transformers' name of the base with its head: the config's own where it
// names that head, else the first of the page's.
func (b *Base) class() string {
	architectures := pages[b.Config.Type].Architectures
	if own := b.Config.Architectures; len(own) > 0 && architectures[own[0]] == b.Task {
		return own[0]
	}
	for _, name := range slices.Sorted(maps.Keys(architectures)) {
		if architectures[name] == b.Task {
			return name
		}
	}
	return ""
}

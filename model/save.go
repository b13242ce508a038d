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
// config.json and model.safetensors, in F32, F16 or BF16. A tied weight is written once;
// the config names the head that the base has, its labels, and whether weights are tied.
func (b *Base) Save(dir string, dtype tensor.DType) error {
	if dtypeNames[dtype] == "" {
		return fmt.Errorf("save %s: a base is written in F32, F16 or BF16, not %s", dir, dtype)
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
	config, err := b.describe(dtype)
	if err != nil {
		return err
	}
	return writeFolder(dir, config, tensors)
}

// dtypeNames are the config's names of the types that a base is written in.
var dtypeNames = map[tensor.DType]string{tensor.F32: "float32", tensor.F16: "float16", tensor.BF16: "bfloat16"}

// writeFolder writes config.json and model.safetensors.
func writeFolder(dir string, config map[string]json.RawMessage, tensors map[string]*tensor.Tensor) error {
	text, err := json.MarshalIndent(config, "", "  ")
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

// typed are the keys of the config for a base that is written in a type.
func (c *Config) typed(dtype tensor.DType) map[string]json.RawMessage {
	raw := maps.Clone(c.Raw)
	if raw == nil {
		raw = map[string]json.RawMessage{}
	}
	delete(raw, "torch_dtype")
	delete(raw, quantizationKey) // the elements are written as they are
	raw["dtype"] = json.RawMessage(strconv.Quote(dtypeNames[dtype]))
	return raw
}

// describe are the keys of config.json of the base as it is now.
func (b *Base) describe(dtype tensor.DType) (map[string]json.RawMessage, error) {
	raw := b.Config.typed(dtype)
	var err error
	set := func(key string, value any) {
		text, e := json.Marshal(value)
		err = errors.Join(err, e)
		raw[key] = text
	}
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
	return raw, err
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

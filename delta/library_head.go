package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"trimtab/checkpoint"
	"trimtab/tensor"
)

// LibraryHead is a prediction head that the adapters library saved beside an adapter (rule A7 of docs/formats/adapterhub.md). It is told of, and not used.
type LibraryHead struct {
	// Name is the head's, Type the library's word for what it predicts: "classification", "tagging".
	Name string `json:"name"`
	Type string `json:"head_type"`
	// Labels are the classes, in the order of their numbers; nil where the file names none.
	Labels []string `json:"labels,omitempty"`
	// Shapes are its tensors' by their names; nil where no file holds any.
	Shapes map[string]tensor.Shape `json:"shapes,omitempty"`
}

// ReadLibraryHead reads what lies in a folder of a prediction head of the adapters library: its configuration, and of its
// tensors names and shapes. The error wraps [fs.ErrNotExist] if there is none, and [ErrConfig] if its configuration is none.
func ReadLibraryHead(dir string) (*LibraryHead, error) {
	h := &LibraryHead{}
	path := filepath.Join(dir, headFiles[0])
	switch text, err := os.ReadFile(path); {
	case err == nil:
		if err := h.read(text); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, ErrConfig, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	for _, name := range headFiles[1:] {
		file, err := checkpoint.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		h.Shapes = map[string]tensor.Shape{}
		for _, name := range file.Names() {
			_, h.Shapes[name], _ = file.Info(name)
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
		break
	}
	if h.Type == "" && h.Shapes == nil {
		return nil, fmt.Errorf("%s: no prediction head: %w", dir, fs.ErrNotExist)
	}
	return h, nil
}

// read reads a head_config.json.
func (h *LibraryHead) read(text []byte) error {
	var c struct {
		Name   string
		Config struct {
			Type   string         `json:"head_type"`
			Labels map[string]int `json:"label2id"`
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if c.Config.Type == "" {
		return errors.New("config.head_type is missing")
	}
	h.Name, h.Type = c.Name, c.Config.Type
	h.Labels = slices.SortedFunc(maps.Keys(c.Config.Labels), func(a, b string) int { return c.Config.Labels[a] - c.Config.Labels[b] })
	return nil
}

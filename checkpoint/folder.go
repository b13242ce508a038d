package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// indexSuffix ends the names of shard indexes.
const indexSuffix = ".index.json"

// candidates are the files that a folder may hold, the preferred first.
var candidates = []string{
	"model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors", "adapter.safetensors",
	"pytorch_model.bin", "pytorch_model.bin.index.json", "adapter_model.bin", "pytorch_adapter.bin",
}

// choose gives the file that path stands for.
func choose(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	for _, name := range candidates {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: no weights here, expected one of %s: %w", path, strings.Join(candidates, ", "), fs.ErrNotExist)
}

// maxIndex is the largest shard index, in bytes, that is read.
const maxIndex = maxHeader

// addIndex adds all shards that an index names, and checks that each holds what the index says.
func (f *File) addIndex(path string) error {
	where, err := readIndex(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var shards []string
	for _, file := range where {
		shards = append(shards, file)
	}
	slices.Sort(shards)
	for _, file := range slices.Compact(shards) {
		if err := f.addPath(filepath.Join(filepath.Dir(path), file)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for name, file := range where {
		e, ok := f.entries[name]
		if !ok {
			return fmt.Errorf("%s: %w: tensor %q is not in %s", path, ErrIndex, name, file)
		}
		if found := filepath.Base(e.file.path); found != file {
			return fmt.Errorf("%s: %w: tensor %q is in %s, not in %s", path, ErrIndex, name, found, file)
		}
	}
	return nil
}

// readIndex reads a shard index: which tensor is in which file.
func readIndex(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxIndex {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrIndex, info.Size(), maxIndex)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseIndex(src)
}

func parseIndex(src []byte) (map[string]string, error) {
	if !utf8.Valid(src) || !json.Valid(src) {
		return nil, fmt.Errorf("%w: invalid UTF-8 or JSON", ErrIndex)
	}
	s := &scanner{src: src}
	var where map[string]string
	err := s.object(func(key string) (err error) {
		switch {
		case key == "weight_map" && where != nil:
			return fmt.Errorf("%w: weight_map comes twice", ErrDuplicate)
		case key == "weight_map":
			where, err = s.metadata()
			return err
		}
		return s.skip()
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	if len(where) == 0 {
		return nil, fmt.Errorf("%w: no tensors in weight_map", ErrIndex)
	}
	for name, file := range where {
		if file == "" || file == "." || file == ".." || strings.ContainsAny(file, `/\`) {
			return nil, fmt.Errorf("%w: tensor %q is said to be in %q, expected the name of a file in the index's folder", ErrIndex, name, file)
		}
	}
	return where, nil
}

// skip passes over any value of valid JSON.
func (s *scanner) skip() error {
	if s.space(); s.at == len(s.src) {
		return s.fail("a value")
	}
	switch s.src[s.at] {
	case '{':
		return s.object(func(string) error { return s.skip() })
	case '[':
		s.at++
		for first := true; ; first = false {
			if more, err := s.more(first, ']'); !more {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	case '"':
		_, err := s.text()
		return err
	}
	for s.at < len(s.src) && !strings.ContainsRune(" \t\n\r,]}", rune(s.src[s.at])) {
		s.at++
	}
	return nil
}

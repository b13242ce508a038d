package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds the files that are read: the largest published tokenizer.json
// has about 35 MB.
const maxFile = 1 << 30

// Open reads the tokenizer of a transformers folder: tokenizer.json, and where
// there is none BERT's vocab.txt or GPT-2's vocab.json with merges.txt. Special
// tokens get their roles from tokenizer_config.json and special_tokens_map.json.
// What else these say about a tokenizer.json is not looked at: that file says
// everything itself.
func Open(dir string) (*Tokenizer, error) {
	data, err := readFile(dir, "tokenizer.json")
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, name := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		config, err := readConfig(dir, name)
		if err == nil {
			err = t.name(config)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	return t, nil
}

// readConfig reads a JSON object; a file that is not there is an empty one.
func readConfig(dir, name string) (node, error) {
	data, err := readFile(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return node{kind: kindObject, kids: &kids{}}, nil
	}
	if err != nil {
		return node{}, err
	}
	n, err := parseJSON(data)
	if err == nil && n.kind != kindObject {
		err = fmt.Errorf("expected an object, found %s", n.kind)
	}
	return n, err
}

func readFile(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are more than a tokenizer needs (%d)", path, info.Size(), maxFile)
	}
	return os.ReadFile(path)
}

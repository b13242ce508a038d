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

// The files of a transformers folder that say how to tokenize.
const (
	tokenizerFile = "tokenizer.json"
	configFile    = "tokenizer_config.json"
	rolesFile     = "special_tokens_map.json"
)

// files are the contents of a folder's files by name.
type files map[string][]byte

// Open reads the tokenizer of a transformers folder: tokenizer.json, and where
// there is none BERT's vocab.txt or GPT-2's vocab.json with merges.txt, which
// tokenizer_config.json may say more about. Special tokens get their roles from
// tokenizer_config.json and special_tokens_map.json. What else these say is not
// looked at where there is a tokenizer.json: that file says everything itself.
func Open(dir string) (*Tokenizer, error) {
	found := files{}
	for _, name := range []string{tokenizerFile, configFile, rolesFile} {
		data, err := readFile(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tokenizer: %w", err)
		}
		found[name] = data
	}
	if found[tokenizerFile] == nil {
		if err := found.compose(dir); err != nil {
			return nil, fmt.Errorf("tokenizer: %s: %w", dir, err)
		}
	}
	t, err := fromFiles(found)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", dir, err)
	}
	return t, nil
}

// fromFiles makes a tokenizer of a folder's files.
func fromFiles(f files) (*Tokenizer, error) {
	t, err := Parse(f[tokenizerFile])
	if err != nil {
		return nil, err
	}
	t.files = f
	for _, name := range []string{rolesFile, configFile} {
		config, err := f.config(name)
		if err == nil {
			err = t.name(config)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return t, nil
}

// config is the object in a JSON file; a file that is not there is an empty one.
func (f files) config(name string) (node, error) {
	data, ok := f[name]
	if !ok {
		return node{kind: kindObject, kids: &kids{}}, nil
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

// Save writes the tokenizer to a folder, which is made if need be: the files
// that it was opened from or that its training made, and for WordPiece also
// vocab.txt. Each file is complete or not there.
func (t *Tokenizer) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	out := files{}
	for name, data := range t.files {
		out[name] = data
	}
	if m, ok := t.model.(*wordPiece); ok {
		if list, ok := m.lines(); ok {
			out[wordPieceFile] = list
		}
	}
	for name, data := range out {
		if err := writeFile(filepath.Join(dir, name), data); err != nil {
			return fmt.Errorf("tokenizer: %w", err)
		}
	}
	return nil
}

// writeFile puts a file in its place when all of it is on the disk.
func writeFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

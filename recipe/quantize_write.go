package recipe

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/model"
)

// WriteQuantized writes the base of name in precision p to a new folder that transformers reads, with what lies beside it: its
// tokenizer and all other files but weights. All of it appears, or nothing. The notes say which files were left out. Precisions that no such
// folder has are errors that wrap model.ErrNoFormat.
func WriteQuantized(name, dir string, dev compute.Device, p compute.Precision) (notes []string, err error) {
	if isRun(name) {
		return nil, fmt.Errorf("%s: %w: it is a run, and a base is written: merge it first", name, ErrRun)
	}
	if err := newFolder(dir); err != nil {
		return nil, err
	}
	base, err := OpenModel(name, dev, model.Options{})
	if err != nil {
		return nil, err
	}
	beside, left, err := filesBeside(base)
	if err == nil {
		err = inNewFolder(dir, func(dir string) error {
			if err := base.SaveQuantized(dir, p); err != nil {
				return err
			}
			return copyBeside(base, beside, dir)
		})
	}
	if len(left) > 0 {
		notes = append(notes, "left out: "+strings.Join(left, ", "))
	}
	return notes, firstOf(err, base.Close())
}

// weightEndings end the names of files that hold weights, in this or another program's form.
var weightEndings = []string{".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".onnx_data", ".ot", ".gguf", ".npz", ".tflite"}

// filesBeside are the files of a base's folder that go with it wherever it goes, by their paths in the folder, and those that are left out though they are
// not the base's own weights.
func filesBeside(base *model.Base) (files, left []string, err error) {
	if base.Dir == "" {
		return nil, nil, nil
	}
	own := map[string]bool{filepath.Join(base.Dir, "config.json"): true, base.File.Path(): true}
	for _, name := range base.File.Names() {
		own[base.File.Where(name)] = true
	}
	err = filepath.WalkDir(base.Dir, func(path string, entry os.DirEntry, err error) error {
		inside, relErr := filepath.Rel(base.Dir, path)
		if err = firstOf(err, relErr); err != nil || inside == "." || own[path] {
			return err
		}
		if entry.IsDir() {
			if strings.HasPrefix(entry.Name(), ".") { // what git and hub clients keep
				left = append(left, inside)
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Stat(path) // of what a link points to
		if err != nil {
			return err
		}
		weights := slices.ContainsFunc(weightEndings, func(end string) bool {
			return strings.HasSuffix(path, end) || strings.HasSuffix(path, end+".index.json")
		})
		switch {
		case weights && strings.HasSuffix(path, ".json"): // an index of files that are left out
		case weights || !info.Mode().IsRegular():
			left = append(left, inside)
		default:
			files = append(files, inside)
		}
		return nil
	})
	return files, left, err
}

// copyBeside copies files of the base's folder, or writes the tokenizer of the base that is part of the program.
func copyBeside(base *model.Base, files []string, dir string) error {
	if base.Dir == "" {
		tok, err := OpenTokenizer(Builtin)
		if err != nil {
			return err
		}
		return tok.Save(dir)
	}
	for _, name := range files {
		if err := copyFile(filepath.Join(base.Dir, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return checkpoint.WriteFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

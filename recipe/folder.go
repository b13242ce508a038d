package recipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrBusy is wrapped by the error about a run folder that another run writes to.
var ErrBusy = errors.New("another run is writing to this folder")

// ErrOccupied is wrapped by the error about a folder that holds a run already, where a new one would mix with it.
var ErrOccupied = errors.New("there is a run in this folder")

const lockFile = "run.lock"

// claimed is a run folder that is ours to write to.
type claimed struct {
	file *os.File
	dir  string
	made bool // the folder was not there before
}

// claim makes a run folder and takes it for this process.
func claim(dir string) (*claimed, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: output_dir is missing", ErrRecipe)
	}
	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("output_dir: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("output_dir: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrBusy), f.Close())
	}
	return &claimed{file: f, dir: dir, made: missing != nil}, nil
}

// vacant is an error where a folder holds what an earlier run left.
func vacant(dir string) error {
	for _, left := range []string{"checkpoint-*", filepath.Join("base", "model.safetensors")} {
		found, err := filepath.Glob(filepath.Join(escape(dir), left))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fmt.Errorf("%s: %w (%s): --resume goes on with it, and output_dir names another folder", dir, ErrOccupied, filepath.Base(found[0]))
		}
	}
	return nil
}

// release gives the folder back, and removes it if it was made for a run that left nothing.
func (c *claimed) release() error {
	if entries, err := os.ReadDir(c.dir); c.made && err == nil && len(entries) == 1 {
		return errors.Join(os.RemoveAll(c.dir), c.file.Close())
	}
	return c.file.Close()
}

// unfinished is an error if a folder holds a finished run.
func unfinished(dir string) error {
	_, err := os.Stat(filepath.Join(dir, runFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w (%s), and it is finished: output_dir names another folder", dir, ErrOccupied, runFile)
}

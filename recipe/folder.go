package recipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrBusy is wrapped by the error about a run folder that another run writes to.
var ErrBusy = errors.New("another run is writing to this folder")

const lockFile = "run.lock"

// claimed is a run folder that is ours to write to.
type claimed struct{ file *os.File }

// claim makes a run folder and takes it for this process.
func claim(dir string) (*claimed, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: output_dir is missing", ErrRecipe)
	}
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
	return &claimed{f}, nil
}

// release gives the folder back.
func (c *claimed) release() error { return c.file.Close() }

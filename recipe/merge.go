package recipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"trimtab/delta"
	"trimtab/tensor"
)

// Merge works the job's deltas into its base and writes that base, with its tokenizer,
// to a new folder, in F32: all of it, or nothing. The job stays as it was. The notes
// say what else was done to the base. Deltas and soft tokens that are no change of
// weights are errors that wrap delta.ErrNotMergeable.
func (j *Job) Merge(dir string) (notes []string, err error) {
	if j.Prompt != nil && j.Prompt.Soft != nil {
		return nil, fmt.Errorf("merge the template's soft tokens: %w: they are no change of weights", delta.ErrNotMergeable)
	}
	if err := newFolder(dir); err != nil {
		return nil, err
	}
	var merged []*delta.Delta
	defer func() {
		for _, d := range slices.Backward(merged) {
			err = errors.Join(err, d.Unmerge())
		}
	}()
	for _, d := range j.Deltas {
		more, err := d.Merge()
		if err != nil {
			return nil, err
		}
		merged = append(merged, d)
		notes = append(notes, more...)
	}
	return notes, inNewFolder(dir, func(dir string) error {
		if err := j.Base.Save(dir, tensor.F32); err != nil {
			return err
		}
		return j.Tokenizer.Save(dir)
	})
}

// newFolder is an error about a folder that a base cannot be written to.
func newFolder(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s: %w: there is something in it, and a base is written to a new folder", dir, os.ErrExist)
	}
	return nil
}

// inNewFolder makes a folder in one step: write fills a temporary one beside it, which
// then takes its name. If anything fails, nothing is left behind.
func inNewFolder(dir string, write func(dir string) error) error {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s.%d.tmp", dir, os.Getpid())
	if err := os.Mkdir(temporary, 0o777); err != nil {
		return err
	}
	err := write(temporary)
	if err == nil {
		if err = os.Remove(dir); errors.Is(err, os.ErrNotExist) { // an empty folder may be there
			err = nil
		}
	}
	if err == nil {
		err = os.Rename(temporary, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	return nil
}

package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"trimtab/checkpoint"
)

// identityKey is the metadata of a checkpoint's tensors that says what run they are of.
const identityKey = "identity"

// sweep removes what a run that was killed while it saved has left: folders checkpoint-N without a state file whose
// every file is this run's own. A folder that holds anything else, or nothing, stays as it is.
func (r *Run) sweep() error {
	entries, err := os.ReadDir(r.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), folderPrefix)
		step, err := strconv.Atoi(number)
		if !ok || err != nil || strconv.Itoa(step) != number || !e.IsDir() {
			continue
		}
		if err := r.sweepFolder(filepath.Join(r.Dir, e.Name())); err != nil {
			return fmt.Errorf("a checkpoint that was not finished: %w", err)
		}
	}
	return nil
}

// sweepFolder removes a folder if all that is in it is an unfinished checkpoint of this run.
func (r *Run) sweepFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		partial := checkpoint.Temporary(name, tensorsFile) || checkpoint.Temporary(name, stateFile)
		if !e.Type().IsRegular() || !partial && !(name == tensorsFile && r.wrote(filepath.Join(dir, name))) {
			return nil
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}

// wrote reports whether a file of tensors is of this run.
func (r *Run) wrote(path string) bool {
	f, err := checkpoint.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	identity, ok := f.Metadata()[identityKey]
	return ok && identity == r.Identity
}

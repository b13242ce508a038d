package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// WriteFile makes or replaces a file in one step: write fills a temporary file in the same folder, which
// is synced and then renamed to path. If anything fails, path is as it was and nothing is left behind.
// What is there already and is no regular file, a device or a pipe, is not replaced: it is written to as it is.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return writeTo(path, write)
	}
	folder := filepath.Dir(path)
	file, err := temporary(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(file.Name())))
		}
	}()
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	syncFolder(folder)
	return nil
}

// writeTo writes to what is no regular file.
func writeTo(path string, write func(w io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Temporary reports whether a file's name is one that [WriteFile] gives to what it has not finished of path.
func Temporary(name, path string) bool {
	rest, ok := strings.CutPrefix(name, path+".")
	rest, ends := strings.CutSuffix(rest, ".tmp")
	process, try, both := strings.Cut(rest, "-")
	_, err := strconv.ParseUint(process, 10, 32)
	_, err2 := strconv.ParseUint(try, 10, 32)
	return ok && ends && both && err == nil && err2 == nil
}

// temporary makes a new file beside path, with the permissions that the process's mask leaves.
func temporary(path string) (*os.File, error) {
	for try := 0; ; try++ {
		name := fmt.Sprintf("%s.%d-%d.tmp", path, os.Getpid(), try)
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || !errors.Is(err, os.ErrExist) || try == 10000 {
			return file, err
		}
	}
}

// syncFolder makes a rename lasting where the system can; the file's own bytes are safe already.
func syncFolder(folder string) {
	if runtime.GOOS == "windows" {
		return
	}
	if d, err := os.Open(folder); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

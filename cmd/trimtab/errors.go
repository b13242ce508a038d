package main

import "fmt"

// wrapPath says which file an error is about; an empty path is none.
func wrapPath(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// errMissing says that an object lacks a key.
func errMissing(key string) error { return fmt.Errorf("the key %q is missing", key) }

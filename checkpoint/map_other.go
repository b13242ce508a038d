//go:build !unix

package checkpoint

import (
	"fmt"
	"os"
)

// mapFile reads a file whole where there is no portable way to map it.
func mapFile(path string) (data []byte, mapped bool, unmap func() error, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, nil, fmt.Errorf("%s: %w: not a regular file", path, ErrFormat)
	}
	data, err = os.ReadFile(path)
	return data, false, func() error { return nil }, err
}

// release has nothing to do where nothing is mapped.
func release(mapping, part []byte) {}

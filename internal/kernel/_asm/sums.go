package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeSums writes generated.sum: the SHA-256 of every file of the generator, which is the current folder, and of every file
// that it made in dir. A test of package kernel compares them, so that neither changes without the other.
func writeSums(dir string) error {
	var paths []string
	for _, pattern := range []string{"*.go", "go.mod", "go.sum", filepath.Join(dir, "*_amd64.s"), filepath.Join(dir, "*_amd64.go")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	var text strings.Builder
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Dir(path) == dir && !strings.HasPrefix(string(content), "// Code generated") {
			continue
		}
		name, err := filepath.Rel(dir, path)
		if filepath.Dir(path) == "." {
			name = "_asm/" + path
		} else if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), filepath.ToSlash(name))
	}
	return os.WriteFile(filepath.Join(dir, "generated.sum"), []byte(text.String()), 0o644)
}

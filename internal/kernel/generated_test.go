package kernel

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedFilesAreCurrent compares the generator and what it made with the sums that it wrote: where this fails, run
// go generate in this folder.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	sums, err := os.ReadFile("generated.sum")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		known[name] = sum
	}
	var paths []string
	for _, pattern := range []string{"_asm/*.go", "_asm/go.*", "*.s"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	for name := range known {
		paths = append(paths, name)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if known[filepath.ToSlash(path)] != fmt.Sprintf("%x", sha256.Sum256(content)) {
			t.Errorf("%s is not what generated.sum says: run go generate", path)
		}
	}
	if len(known) < 30 {
		t.Errorf("generated.sum has %d files", len(known))
	}
}

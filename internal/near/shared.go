package near

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Root returns the repository's root: the nearest folder, from the one that the
// test runs in upwards, whose go.mod declares module trimtab. It ends the test
// where there is none.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for start := dir; ; {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && declaresTrimtab(mod) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatalf("no go.mod of module trimtab in %s or above it", start)
		}
		dir = parent
	}
}

// declaresTrimtab says whether a go.mod's module line names trimtab itself, and
// not one of the modules inside it.
func declaresTrimtab(mod []byte) bool {
	for line := range bytes.Lines(mod) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "module" {
			return string(fields[1]) == "trimtab"
		}
	}
	return false
}

// Shared returns the path of ../shared/elems..., seen from the repository's
// root: the test data that is not part of the repository. Where the path is
// missing it skips the test, with a message; with CI=true in the environment,
// where the data is always there, it fails instead, so that no renamed file
// turns a test off unnoticed.
func Shared(t testing.TB, elems ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Root(t), "..", "shared"}, elems...)...)
	_, err := os.Stat(path)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI=true and the test data is missing: %v", err)
	}
	t.Skipf("test data that is not part of the repository is missing: %v", err)
	return ""
}

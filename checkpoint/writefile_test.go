package checkpoint

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file that is being written can be told by its name.
func TestTemporary(t *testing.T) {
	dir := t.TempDir()
	err := WriteFile(filepath.Join(dir, "a.json"), func(io.Writer) error {
		found, err := os.ReadDir(dir)
		if err != nil || len(found) != 1 || !Temporary(found[0].Name(), "a.json") || Temporary(found[0].Name(), "a.jso") {
			t.Errorf("%v, %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.json", "a.json.tmp", "a.json.1.tmp", "a.json.1-.tmp", "a.json.x-1.tmp", "a.json.1-1.tmpx", "b.a.json.1-1.tmp"} {
		if Temporary(name, "a.json") {
			t.Error(name)
		}
	}
}

package cases

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"trimtab/internal/near"
)

var update = flag.Bool("update", false, "write docs/operations.md anew")

func TestPage(t *testing.T) {
	name := filepath.Join(near.Root(t), "docs", "operations.md")
	if *update {
		if err := os.WriteFile(name, Page(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(found, Page()) {
		t.Error("docs/operations.md is not what the table and the cases say; run: go test ./compute/cases -run Page -update")
	}
}

package recipe

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRowsOfLabels says that a file read for its labels is not read again by who takes its rows first.
func TestRowsOfLabels(t *testing.T) {
	file := filepath.Join(t.TempDir(), "train.tsv")
	if err := os.WriteFile(file, []byte("text\tlabel\nfine\tgood\nawful\tbad\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := Parse("r.yaml", []byte("model_name_or_path: builtin\ndata: {train: {file: "+file+"}}\noutput_dir: run\n"))
	if err != nil {
		t.Fatal(err)
	}
	labels, err := r.labels()
	if err != nil || len(labels.Names) != 2 {
		t.Fatalf("labels %v, error %v", labels, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	d, s, err := r.read(r.Data.Train)
	if err != nil || len(d.Rows) != 2 || s.Text != "text" || s.Label != "label" {
		t.Errorf("rows %v of %+v, error %v", d, s, err)
	}
	if _, _, err := r.read(r.Data.Train); err == nil {
		t.Error("the rows were kept for a second time")
	}
}

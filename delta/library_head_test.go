package delta

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trimtab/tensor"
)

// testdata/head is what the adapters library wrote (internal/reference/adapterhub_head.py), its tensors in both forms.
func TestLibraryHead(t *testing.T) {
	want := &LibraryHead{Name: "mood", Type: "classification", Labels: []string{"bad", "so so", "good"}, Shapes: map[string]tensor.Shape{
		"heads.mood.1.weight": {16, 16}, "heads.mood.1.bias": {16}, "heads.mood.4.weight": {3, 16}, "heads.mood.4.bias": {3}}}
	copied := func(names ...string) string {
		dir := t.TempDir()
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join("testdata", "head", name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, dir := range []string{"testdata/head", copied("head_config.json", "pytorch_model_head.bin")} {
		if got, err := ReadLibraryHead(dir); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %s", dir, err, cmp.Diff(want, got))
		}
	}
	if got, err := ReadLibraryHead(copied("head_config.json")); err != nil || got.Type != want.Type || got.Shapes != nil {
		t.Errorf("without tensors: %+v, %v", got, err)
	}
	if got, err := ReadLibraryHead(copied("model_head.safetensors")); err != nil || got.Type != "" || len(got.Shapes) != 4 {
		t.Errorf("without a configuration: %+v, %v", got, err)
	}
	if _, err := ReadLibraryHead(copied("adapter_config.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no head: %v", err)
	}
	for text, told := range map[string]string{"": "head_config.json", `{"name": "x", "config": {}}`: "config.head_type is missing", `{"config": {"head_type": "tagging", "label2id": {"a": "b"}}}`: "label2id"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "head_config.json"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLibraryHead(dir); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), told) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

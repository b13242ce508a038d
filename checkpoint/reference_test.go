package checkpoint

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/near"
	"trimtab/tensor"
)

// listed is what internal/reference/checkpoint.py says of a tensor.
type listed struct {
	DType  string    `json:"dtype"`
	Shape  []int     `json:"shape"`
	Values []float64 `json:"values"`
}

func listing(t *testing.T, file string) map[string]listed {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]listed
	if err := json.Unmarshal(src, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// elements reads a tensor of any type for comparison.
func elements(t *testing.T, x *tensor.Tensor) []float64 {
	t.Helper()
	asked := *x
	switch x.DType {
	case tensor.C64:
		asked.DType, asked.Shape = tensor.F32, append(slices.Clone(x.Shape), 2)
	case tensor.Bool:
		asked.DType = tensor.U8
	}
	var values []float64
	if asked.DType.IsInteger() {
		v, err := asked.Int64s()
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range v {
			values = append(values, float64(i))
		}
		return values
	}
	v, err := asked.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v {
		values = append(values, float64(f))
	}
	return values
}

// compare checks that a file holds what is listed, all of it and nothing else.
func compare(t *testing.T, f *File, want map[string]listed) {
	t.Helper()
	if len(f.Names()) != len(want) {
		t.Errorf("%d tensors, want %d", len(f.Names()), len(want))
	}
	for name, w := range want {
		x, ok := f.Tensor(name)
		if !ok {
			t.Errorf("%q is missing", name)
			continue
		}
		dtype, shape, _ := f.Info(name)
		if x.DType.String() != w.DType || !x.Shape.Equal(w.Shape) || dtype != x.DType || !shape.Equal(w.Shape) {
			t.Errorf("%q is %v of %v, want %v of %v", name, x.Shape, x.DType, w.Shape, w.DType)
			continue
		}
		if got := elements(t, x); !slices.Equal(got, w.Values) {
			t.Errorf("%q holds %v, want %v", name, got, w.Values)
		}
	}
}

func TestReadsWhatTheLibrariesWrite(t *testing.T) {
	for file, list := range map[string]string{
		"every.safetensors": "every.json", "state.bin": "state.json", "state4.bin": "state.json", "legacy.bin": "state.json",
	} {
		t.Run(file, func(t *testing.T) {
			f := open(t, filepath.Join("testdata", file))
			compare(t, f, listing(t, list))
			if w := f.Where("scalar"); w != filepath.Join("testdata", file) {
				t.Error(w)
			}
		})
	}
	if m := open(t, "testdata/every.safetensors").Metadata(); len(m) != 1 || m["format"] != "pt" {
		t.Error(m)
	}
}

func TestWritesTheLibrarysBytes(t *testing.T) {
	for _, file := range []string{"every", "plain", "none"} {
		source := filepath.Join("testdata", file+".safetensors")
		f := open(t, source)
		tensors := map[string]*tensor.Tensor{}
		for _, name := range f.Names() {
			tensors[name], _ = f.Tensor(name)
		}
		metadata := f.Metadata()
		if len(metadata) == 0 {
			metadata = nil
		}
		path := filepath.Join(t.TempDir(), file+".safetensors")
		if err := WriteSafetensors(path, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%q\nwant\n%q", file, got, want)
		}
	}
}

// TestSharedFiles opens every model and adapter of the test data.
func TestSharedFiles(t *testing.T) {
	opened := 0
	for _, pattern := range []string{
		"models/*/model.safetensors", "goldens/models/*/model.safetensors", "goldens/peft/*/adapter_model.safetensors",
		"goldens/adapterhub/*/adapter.safetensors", "goldens/adapterhub/*/pytorch_adapter.bin", "goldens/adapterhub/*/expect.safetensors",
	} {
		paths, err := filepath.Glob(filepath.Join(near.Shared(t), filepath.FromSlash(pattern)))
		if err != nil || len(paths) == 0 {
			t.Errorf("no %s", pattern)
		}
		for _, path := range paths {
			f, err := Open(path)
			if err != nil {
				t.Error(err)
				continue
			}
			if len(f.Names()) == 0 {
				t.Errorf("%s holds nothing", path)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			opened++
		}
	}
	if opened < 150 {
		t.Errorf("%d files", opened)
	}
}

// TestRefusedPickles opens files that torch.save made of other things than tensors in a dictionary.
func TestRefusedPickles(t *testing.T) {
	for _, c := range []struct {
		file, rule string
		want       error
		says       string
	}{
		{"command.bin", "T5", ErrPickleClass, "posix.system"},
		{"command-legacy.bin", "T5", ErrPickleClass, "posix.system"},
		{"sparse.bin", "T5", ErrPickleClass, "_rebuild_sparse_tensor"},
		{"complex128.bin", "T5", ErrPickleClass, "torch.ComplexDoubleStorage"},
		{"nested.bin", "T6", ErrPickle, `"state_dict" is a dictionary`},
		{"number.bin", "T6", ErrPickle, `"epoch" is a int`},
		{"list.bin", "T6", ErrPickle, "it holds a list"},
		{"key.bin", "T6", ErrPickle, "a key of the dictionary is a int"},
		{"expanded.bin", "T9", ErrStrided, `tensor "w"`},
		{"conjugated.bin", "T9", ErrStrided, "conjugated"},
	} {
		f, err := Open(filepath.Join("testdata", c.file))
		if err == nil {
			f.Close()
		}
		check(t, c.rule+" "+c.file, err, c.want, c.file, c.says)
	}
}

// check reports an error that is not the wanted one or does not say what it has to.
func check(t *testing.T, what string, err, want error, says ...string) {
	t.Helper()
	if !is(err, want) {
		t.Errorf("%s: got the error %v, want %v", what, err, want)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q does not say %q", what, err, s)
		}
	}
}

package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"trimtab/tensor"
)

// resident is the memory that mapped files take, in bytes; 0 where the system does not tell.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "RssFile:")
	kib, err := strconv.Atoi(strings.Fields(rest + " 0")[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// What was released takes no memory until it is read again, from the file.
func TestRelease(t *testing.T) {
	v := make([]float32, 1<<20)
	for i := range v {
		v[i] = float32(i)
	}
	want := tensor.FromFloat32s(tensor.Shape{1 << 20}, v)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := WriteSafetensors(path, map[string]*tensor.Tensor{"u": want, "v": want, "w": want}, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := FromBytes(path, data)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := memory.Tensor("v"); got.Release != nil {
		t.Error("a tensor in memory can be released")
	}
	f := open(t, path)
	for range 2 {
		for _, name := range f.Names() {
			got, _ := f.Tensor(name)
			if !bytes.Equal(got.Data, want.Data) {
				t.Errorf("%s differs after another was released", name)
			}
			if got.Release == nil {
				continue
			}
			before := resident(t)
			got.Release()
			if after := resident(t); before > 0 && before-after < len(got.Data)/2 {
				t.Errorf("%s: releasing %d bytes took resident files from %d to %d bytes", name, len(got.Data), before, after)
			}
			if !bytes.Equal(got.Data, want.Data) {
				t.Errorf("%s differs after it was released", name)
			}
		}
	}
}

package checkpoint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"trimtab/tensor"
)

// TestFingerprint computes one by hand, and finds it again in other files of the same tensors.
func TestFingerprint(t *testing.T) {
	folder := t.TempDir()
	w := tensor.FromFloat32s(tensor.Shape{2, 1}, []float32{1, 2})
	n := tensor.FromInt64s(nil, []int64{7})
	hash := func(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
	list := hash(n.Data) + " I64 [] \"a \\\" name\"\n" + hash(w.Data) + " F32 [2, 1] \"w\"\n"
	config := []byte(`{"hidden_size":2}`)
	want := "sha256:" + hash([]byte("trimtab fingerprint 1\ntensors "+hash([]byte(list))+"\nconfig "+hash(config)+"\n"))

	whole := filepath.Join(folder, "whole.safetensors")
	parts := []string{"1.safetensors", "2.safetensors"}
	for path, tensors := range map[string]map[string]*tensor.Tensor{
		whole:                           {"w": w, "a \" name": n},
		filepath.Join(folder, parts[0]): {"w": w},
		filepath.Join(folder, parts[1]): {"a \" name": n},
	} {
		if err := WriteSafetensors(path, tensors, nil); err != nil {
			t.Fatal(err)
		}
	}
	index := filepath.Join(folder, "model.safetensors.index.json")
	write(t, folder, map[string][]byte{filepath.Base(index): []byte(`{"weight_map":{"w":"1.safetensors","a \" name":"2.safetensors"}}`)})
	cache := filepath.Join(folder, "cache")
	for _, path := range []string{whole, index, whole, index} {
		f := open(t, path)
		for _, o := range []FingerprintOptions{{}, {Cache: cache}} {
			if got, err := f.Fingerprint(config, o); err != nil || got != want {
				t.Errorf("%s: %s, want %s (%v)", path, got, want, err)
			}
		}
	}
	if other, err := open(t, whole).Fingerprint([]byte(`{}`), FingerprintOptions{}); err != nil || other == want {
		t.Error("the configuration does not count", err)
	}
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	f, err := FromBytes(whole, data)
	if err != nil {
		t.Fatal(err)
	}
	// A cache that is a file would be an error, were it looked at.
	if got, err := f.Fingerprint(config, FingerprintOptions{Cache: whole}); err != nil || got != want {
		t.Errorf("in memory: %s, want %s (%v)", got, want, err)
	}
	testCache(t, whole, cache, config, want)
}

// testCache shows that the cache is used, and not for a file that has changed.
func testCache(t *testing.T, whole, cache string, config []byte, want string) {
	kept, err := os.ReadDir(cache)
	if err != nil || len(kept) != 2 {
		t.Fatal(kept, err)
	}
	id, err := open(t, whole).identity()
	if err != nil {
		t.Fatal(err)
	}
	write(t, cache, map[string][]byte{id: []byte(fmt.Sprintf("%064d", 1))})
	if got, err := open(t, whole).Fingerprint(config, FingerprintOptions{Cache: cache}); err != nil || got == want {
		t.Error("the cache was not used", err)
	}
	if err := os.Chtimes(whole, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, whole).Fingerprint(config, FingerprintOptions{Cache: cache}); err != nil || got != want {
		t.Error("the cache was used for a changed file", err)
	}
	write(t, cache, map[string][]byte{"file": nil})
	if _, err := open(t, whole).Fingerprint(config, FingerprintOptions{Cache: filepath.Join(cache, "file")}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Error("a cache that is a file:", err)
	}
}

func TestCanonicalJSON(t *testing.T) {
	for src, want := range map[string]string{
		`{ "b" : 1.0 , "a" : [ 1e0, 12.50, 1E-12, -0, 0.1 ] }`:      `{"a":[1,12.5,1e-12,0,0.1],"b":1}`,
		`{"é\u00e9\n<":null,"t":true,"f":false,"s":"\/"}`:           `{"f":false,"s":"/","t":true,"éé\n<":null}`,
		`[123456789012345678901234567890, 1e400, 9007199254740993]`: `[123456789012345678901234567890,1e400,9007199254740993]`,
		`"x"`: `"x"`,
	} {
		if got, err := CanonicalJSON([]byte(src)); err != nil || string(got) != want {
			t.Errorf("%s became %s, want %s (%v)", src, got, want, err)
		}
	}
	for _, src := range []string{``, `{`, `{} {}`, `{"a":01}`} {
		if _, err := CanonicalJSON([]byte(src)); err == nil {
			t.Errorf("%q is accepted", src)
		}
	}
}

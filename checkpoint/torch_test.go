package checkpoint

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// archive makes a zip archive of name, content pairs.
func archive(t testing.TB, method uint16, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		r, err := w.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: method})
		if err == nil {
			_, err = r.Write([]byte(pairs[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// oneTensor is the pickle of {"w": a tensor} in protocol 2; the arguments are raw opcodes.
func oneTensor(numel, offset, size, stride string) string {
	return "\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage" +
		"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + numel + "tQ" + offset + size + stride +
		"\x89ccollections\nOrderedDict\n)RtRs."
}

func TestTorchRules(t *testing.T) {
	soundPickle := oneTensor("K\x04", "K\x00", "K\x02K\x02\x86", "K\x02K\x01\x86")
	four := "0123456789abcdef"
	legacy, err := os.ReadFile("testdata/legacy.bin")
	if err != nil {
		t.Fatal(err)
	}
	zipOf := func(pickle string) []byte { return archive(t, zip.Store, "a/data.pkl", pickle, "a/data/0", four) }
	legacyOf := func(object, keys, data string) []byte {
		end := bytes.Index(legacy, []byte("u.")) + 2 // after magic, protocol and system
		return append(bytes.Clone(legacy[:end]), object+keys+data...)
	}
	key0 := "\x80\x02]X\x01\x00\x00\x000a."
	for _, c := range []struct {
		rule string
		file []byte
		want error
		says string
	}{
		{"T1", []byte("GGUF, perhaps"), ErrFormat, "neither"},
		{"T1", nil, ErrFormat, "neither"},
		{"T2", []byte("PK\x03\x04 and no directory"), ErrPickle, "zip"},
		{"T2", archive(t, zip.Store, "a/version", "3"), ErrPickle, "no data.pkl"},
		{"T2", archive(t, zip.Store, "a/data.pkl", soundPickle, "a/data.pkl", soundPickle), ErrDuplicate, "data.pkl"},
		{"T2", archive(t, zip.Store, "a/data.pkl", soundPickle, "a/constants.pkl", ""), ErrPickle, "TorchScript"},
		{"T2", archive(t, zip.Deflate, "a/data.pkl", soundPickle, "a/data/0", four), ErrPickle, "compressed"},
		{"T2", archive(t, zip.Store, "a/data.pkl", soundPickle), ErrPickle, "no record data/0"},
		{"T2", archive(t, zip.Store, "a/data.pkl", soundPickle, "a/data/0", four, "a/byteorder", "big"), ErrStrided, "big"},
		{"T3", []byte("\x80\x02K\x01."), ErrPickle, "magic number"},
		{"T3", []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xea\x03."), ErrPickle, "protocol 1002"},
		{"T3", []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\x00\x00\x00little_endian\x89s."), ErrStrided, "big-endian"},
		{"T3", legacyOf(soundPickle, "\x80\x02].", ""), ErrPickle, "list of keys"},
		{"T3", legacyOf(soundPickle, "\x80\x02]X\x01\x00\x00\x001a.", ""), ErrPickle, "unexpected storage 1"},
		{"T3", legacyOf(soundPickle, key0, "\x04\x00\x00"), ErrTruncated, "before storage 0"},
		{"T3", legacyOf(soundPickle, key0, "\x05\x00\x00\x00\x00\x00\x00\x00"+four), ErrSize, "5 elements"},
		{"T3", legacyOf(soundPickle, key0, "\x04\x00\x00\x00\x00\x00\x00\x00"+four[1:]), ErrTruncated, "needs 16 bytes"},
		{"T3", legacyOf(soundPickle, key0, "\x04\x00\x00\x00\x00\x00\x00\x00"+four+"x"), ErrTrailing, "1 bytes"},
		{"T4", zipOf("\x80\x02"), ErrTruncated, "without an end"},
		{"T4", zipOf(""), ErrTruncated, "without an end"},
		{"T4", zipOf("X\xff\xff\xff\xff."), ErrTruncated, "0x58"},
		{"T4", zipOf("\x95\xff\xff\xff\xff\xff\xff\xff\x7f."), ErrTruncated, "0x95"},
		{"T4", zipOf("\x8a\x00."), ErrPickle, "no bytes"},
		{"T4", zipOf("c\n."), ErrTruncated, "0x63"},
		{"T4", zipOf("t."), ErrPickle, "nested marks"},
		{"T4", zipOf(string(bytes.Repeat([]byte("("), 65)) + "."), ErrPickle, "nested marks"},
		{"T4", zipOf("."), ErrPickle, ""},
		{"T4", zipOf("\x80\x02}(K\x01u."), ErrPickle, "index out of range"},
		{"T5", zipOf("I1\n."), ErrPickleClass, "0x49"},
		{"T5", zipOf("cos\nsystem\n)R."), ErrPickleClass, "os.system"},
		{"T7", zipOf(oneTensor("K\x05", "K\x00", "K\x02\x85", "K\x01\x85")), ErrSize, "needs 20 bytes"},
		{"T7", zipOf(oneTensor("J\xff\xff\xff\xff", "K\x00", "K\x02\x85", "K\x01\x85")), ErrPickle, "storage"},
		{"T8", zipOf(oneTensor("K\x04", "K\x05", "K\x00\x85", "K\x01\x85")), ErrOffsets, "element 5"},
		{"T8", zipOf(oneTensor("K\x04", "K\x04", ")", ")")), ErrOffsets, "element 4"},
		{"T8", zipOf(oneTensor("K\x04", "J\xff\xff\xff\xff", "K\x02\x85", "K\x01\x85")), ErrOffsets, "element -1"},
		{"T8", zipOf(oneTensor("K\x04", "K\x01", "K\x02K\x02\x86", "K\x02K\x01\x86")), ErrOffsets, "does not lie"},
		{"T8", zipOf(oneTensor("K\x04", "K\x00", "K\x03\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")), ErrOffsets, "does not lie"},
		{"T9", zipOf(oneTensor("K\x04", "K\x00", "K\x02\x85", "J\xff\xff\xff\xff\x85")), ErrStrided, "stride -1"},
		{"T9", zipOf(oneTensor("K\x04", "K\x00", "M\xff\xff\x85", "K\x00\x85")), ErrStrided, "expanded"},
	} {
		path := filepath.Join(t.TempDir(), "x.bin")
		if err := os.WriteFile(path, c.file, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		check(t, c.rule, err, c.want, path, c.says)
	}
	path := filepath.Join(t.TempDir(), "x.bin")
	for _, file := range [][]byte{zipOf(soundPickle), legacyOf(soundPickle, key0, "\x04\x00\x00\x00\x00\x00\x00\x00"+four)} {
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		if x, ok := open(t, path).Tensor("w"); !ok || x.Shape.String() != "[2, 2]" || string(x.Data) != four {
			t.Error(x)
		}
	}
}

func FuzzTorch(f *testing.F) {
	for _, name := range []string{"state.bin", "state4.bin", "legacy.bin", "command.bin", "sparse.bin", "expanded.bin"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add(archive(f, zip.Store, "a/data.pkl", oneTensor("K\x04", "K\x00", "K\x02K\x02\x86", "K\x02K\x01\x86"), "a/data/0", "0123456789abcdef"))
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, _, err := (&source{path: "x.bin", data: file}).parse()
		if err != nil {
			return
		}
		for _, e := range entries {
			if n, err := e.shape.Bytes(e.dtype); err != nil || len(e.bytes()) != n || n > len(file) {
				t.Errorf("%q: %v of %v", e.name, e.shape, e.dtype)
			}
		}
	})
}

package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/tensor"
)

// one is a file of one tensor of this name and value.
func one(name string, value byte) []byte {
	f := made(fmt.Sprintf(`{"__metadata__":{"format":"pt","shard":%q},%q:{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, name, name), 1)
	f[len(f)-1] = value
	return f
}

func write(t *testing.T, folder string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFolderPreference(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(folder)
	check(t, "empty folder", err, fs.ErrNotExist, folder, "model.safetensors", "pytorch_model.bin")
	_, err = Open(filepath.Join(folder, "nothing"))
	check(t, "no folder", err, fs.ErrNotExist, "nothing")
	torch, err := os.ReadFile("testdata/state.bin")
	if err != nil {
		t.Fatal(err)
	}
	index := []byte(`{"metadata":{"total_size":1},"weight_map":{"b":"1.safetensors"}}`)
	for _, c := range []struct {
		file string
		data []byte
		want string // a tensor that tells which file was chosen
	}{ // each is preferred to those before it
		{"pytorch_adapter.bin", torch, "scalar"},
		{"adapter_model.bin", torch, "scalar"},
		{"pytorch_model.bin", torch, "scalar"},
		{"adapter.safetensors", one("x", 1), "x"},
		{"adapter_model.safetensors", one("a", 1), "a"},
		{"model.safetensors.index.json", index, "b"},
		{"model.safetensors", one("c", 1), "c"},
	} {
		write(t, folder, map[string][]byte{c.file: c.data, "1.safetensors": one("b", 2)})
		f := open(t, folder)
		if _, ok := f.Tensor(c.want); !ok {
			t.Errorf("%s was not chosen", c.file)
		}
	}
}

func TestShards(t *testing.T) {
	folder := t.TempDir()
	index := filepath.Join(folder, "model.safetensors.index.json")
	write(t, folder, map[string][]byte{
		"1.safetensors":                one("a", 1),
		"2.safetensors":                one("b", 2),
		"again.safetensors":            one("a", 3),
		"model.safetensors.index.json": []byte(`{"metadata":{"x":[1,{"y":"z"},[]]},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}`),
	})
	f := open(t, index)
	if !slices.Equal(f.Names(), []string{"a", "b"}) || f.Where("b") != filepath.Join(folder, "2.safetensors") || f.Where("c") != index || f.Path() != index {
		t.Error(f.Names(), f.Where("b"), f.Where("c"))
	}
	if x, ok := f.Tensor("b"); !ok || x.Data[0] != 2 {
		t.Error(x)
	}
	if m := f.Metadata(); len(m) != 1 || m["format"] != "pt" {
		t.Error(m)
	}
	for _, c := range []struct {
		rule, index string
		want        error
		says        string
	}{
		{"I1", `{`, ErrIndex, "JSON"},
		{"I1", "{\"a\":\"\xff\"}", ErrIndex, "UTF-8"},
		{"I1", `[]`, ErrIndex, "'{'"},
		{"I1", `{"weight_map":{}}`, ErrIndex, "no tensors"},
		{"I1", `{}`, ErrIndex, "no tensors"},
		{"I1", `{"weight_map":{"a":1}}`, ErrIndex, ""},
		{"I1", `{"weight_map":{"a":"1.safetensors"},"weight_map":{}}`, ErrIndex, "twice"},
		{"I1", `{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}`, ErrIndex, "twice"},
		{"I2", `{"weight_map":{"a":"../1.safetensors"}}`, ErrIndex, `"../1.safetensors"`},
		{"I2", `{"weight_map":{"a":""}}`, ErrIndex, `""`},
		{"I2", `{"weight_map":{"a":".."}}`, ErrIndex, `".."`},
		{"I3", `{"weight_map":{"a":"3.safetensors"}}`, fs.ErrNotExist, "3.safetensors"},
		{"I3", `{"weight_map":{"a":"2.safetensors"}}`, ErrIndex, `"a" is not in 2.safetensors`},
		{"I3", `{"weight_map":{"a":"2.safetensors","b":"1.safetensors"}}`, ErrIndex, "is in "},
		{"I3", `{"weight_map":{"a":"1.safetensors","b":"again.safetensors"}}`, ErrDuplicate, `"a" is also in 1.safetensors`},
	} {
		write(t, folder, map[string][]byte{"model.safetensors.index.json": []byte(c.index)})
		_, err := Open(folder)
		check(t, c.rule+" "+c.index, err, c.want, index, c.says)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"x":[1,{"y":"z"},[],true,null,-1.5e3]},"weight_map":{"a":"1.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../1.safetensors"}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		where, err := parseIndex(src)
		if err != nil {
			return
		}
		for name, file := range where {
			if filepath.Base(file) != file {
				t.Errorf("%q is in %q", name, file)
			}
		}
	})
}

func TestNotARegularFile(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "model.safetensors"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Open(folder)
	check(t, "a folder of that name", err, ErrFormat, "model.safetensors")
}

func TestWriteRefuses(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.safetensors")
	write(t, folder, map[string][]byte{"x.safetensors": one("old", 1)})
	u8 := func(n int) *tensor.Tensor {
		return &tensor.Tensor{DType: tensor.U8, Shape: tensor.Shape{2}, Data: make([]byte, n)}
	}
	for _, c := range []struct {
		tensors  map[string]*tensor.Tensor
		metadata map[string]string
		want     error
	}{
		{map[string]*tensor.Tensor{"a": u8(3)}, nil, tensor.ErrShape},
		{map[string]*tensor.Tensor{"a": {Data: []byte{1}}}, nil, tensor.ErrDType},
		{map[string]*tensor.Tensor{"__metadata__": u8(2)}, nil, ErrName},
		{map[string]*tensor.Tensor{"\xff": u8(2)}, nil, ErrName},
		{nil, map[string]string{"a": "\xff"}, ErrName},
	} {
		check(t, fmt.Sprint(c.tensors), WriteSafetensors(path, c.tensors, c.metadata), c.want, path)
	}
	failure := errors.New("disk full")
	err := WriteFile(path, func(w io.Writer) error {
		_, err := w.Write([]byte("half of it"))
		return errors.Join(err, failure)
	})
	check(t, "a failing write", err, failure, path)
	if err := WriteFile(filepath.Join(folder, "no", "x"), func(io.Writer) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if names := open(t, path).Names(); names[0] != "old" {
		t.Error("a failed write changed the file")
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Error("a failed write left something behind:", files, err)
	}
}

func TestWriteFileKeepsDevices(t *testing.T) {
	if err := WriteFile(os.DevNull, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s was replaced by a file: %v", os.DevNull, err)
	}
}

func TestModernNames(t *testing.T) {
	for old, want := range map[string]string{
		"bert.encoder.layer.0.output.LayerNorm.gamma": "bert.encoder.layer.0.output.LayerNorm.weight",
		"bert.embeddings.LayerNorm.beta":              "bert.embeddings.LayerNorm.bias",
		"LayerNorm.beta":                              "LayerNorm.bias",
		"embeddings.LayerNorm.weight":                 "embeddings.LayerNorm.weight",
		"layer_scale.gamma":                           "layer_scale.gamma",
		"NotALayerNorm.gamma":                         "NotALayerNorm.gamma",
	} {
		if got := ModernName(old); got != want {
			t.Errorf("%s became %s", old, got)
		}
	}
	for name, axes := range map[string]int{
		"bert.embeddings.position_ids": 2, "embeddings.position_ids": 2, "roberta.embeddings.token_type_ids": 2, "text_model.embeddings.position_ids": 2,
		"vision_model.embeddings.position_ids": 2, "transformer.h.11.attn.bias": 4, "h.0.attn.masked_bias": 0, "transformer.h.3.attn.attention.bias": 4,
		"gpt_neox.layers.2.attention.bias": 4, "gpt_neox.layers.2.attention.masked_bias": 0, "model.layers.0.self_attn.rotary_emb.inv_freq": 1,
		"model.rotary_emb.inv_freq": 1, "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": 2,
	} {
		if !Unneeded(name, make(tensor.Shape, axes)) {
			t.Errorf("%s is needed", name)
		}
	}
	for name, axes := range map[string]int{
		"transformer.h.11.attn.bias": 1, "transformer.h.0.attn.c_attn.bias": 1, "bert.embeddings.position_embeddings.weight": 2,
		"encoder.layers.0.attention.bias": 1, "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": 2,
	} {
		if Unneeded(name, make(tensor.Shape, axes)) {
			t.Errorf("%s is not needed", name)
		}
	}
}

// TestOpenIsLazy opens a file of many zeros that no disk holds: it costs a look at the header only.
func TestOpenIsLazy(t *testing.T) {
	const size = 1 << 40
	path := filepath.Join(t.TempDir(), "x.safetensors")
	header := made(fmt.Sprintf(`{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, size, size), 0)
	write(t, filepath.Dir(path), map[string][]byte{"x.safetensors": header})
	if err := os.Truncate(path, int64(len(header))+size); err != nil {
		t.Skip("this file system has no holes:", err)
	}
	f, err := Open(path)
	if err != nil {
		if strings.Contains(err.Error(), "map ") {
			t.Skip("this system cannot map so much:", err)
		}
		t.Fatal(err)
	}
	defer f.Close()
	if x, ok := f.Tensor("a"); !ok || len(x.Data) != size || x.Data[size-1] != 0 {
		t.Error("wrong data")
	}
}

func BenchmarkOpen(b *testing.B) {
	var header strings.Builder
	at := 0
	for i := range 200 { // BERT-base has 199 tensors
		if i > 0 {
			header.WriteByte(',')
		}
		fmt.Fprintf(&header, `"bert.encoder.layer.%d.attention.self.query.weight":{"dtype":"F32","shape":[16,16],"data_offsets":[%d,%d]}`, i, at, at+1024)
		at += 1024
	}
	path := filepath.Join(b.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, made("{"+header.String()+"}", at), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/tensor"
)

func is(err, want error) bool { return errors.Is(err, want) }

// made is a safetensors file of a header and so many zero bytes of data.
func made(header string, data int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, data)...)
}

const sound = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}`

// hostile files, each with the rule of docs/formats/safetensors.md that it breaks.
var hostile = []struct {
	rule string
	file []byte
	want error
	says string
}{
	{"S1", nil, ErrTruncated, "0 bytes"},
	{"S1", []byte("1234567"), ErrTruncated, "7 bytes"},
	{"S2", append([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), sound...), ErrHeaderSize, "18446744073709551615"},
	{"S2", append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), sound...), ErrHeaderSize, "100000001"},
	{"S3", append(binary.LittleEndian.AppendUint64(nil, 500), sound...), ErrTruncated, "claims 500 bytes"},
	{"S4", made("{\"\xff\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0), ErrHeader, "UTF-8"},
	{"S5", made("", 0), ErrHeader, "expected '{', found the end"},
	{"S5", made("[]", 0), ErrHeader, "expected '{', found '['"},
	{"S5", made(sound+"{}", 9), ErrHeader, "the end of the header"},
	{"S5", made(sound+"\x00", 9), ErrHeader, "the end of the header"},
	{"S5", made(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},}`, 0), ErrHeader, ""},
	{"S5", made(`{"a" {"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), ErrHeader, "':'"},
	{"S5", made(`{"a":{"dtype":"U8","shape":[0,],"data_offsets":[0,0]}}`, 0), ErrHeader, ""},
	{"S5", made(`{"a":{"dtype":"U8","shape":[0]"data_offsets":[0,0]}}`, 0), ErrHeader, "','"},
	{"S5", made(`{"a`, 0), ErrHeader, "the end of a string"},
	{"S5", made("{\"a\n\":{}}", 0), ErrHeader, "control character"},
	{"S5", made(`{"\x":{}}`, 0), ErrHeader, "escape"},
	{"S5", made(`{"\`, 0), ErrHeader, "escape"},
	{"S5", made(`{"\ud800":{}}`, 0), ErrHeader, "surrogates"},
	{"S5", made(`{"\udc00\ud800":{}}`, 0), ErrHeader, "surrogates"},
	{"S5", made(`{"\u12g4":{}}`, 0), ErrHeader, "hexadecimal"},
	{"S5", made(`{"\u12`, 0), ErrHeader, "hexadecimal"},
	{"S6", made(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), ErrDuplicate, `"a"`},
	{"S6", made(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), ErrDuplicate, `"a"`},
	{"S6", made(`{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}`, 0), ErrDuplicate, `"dtype"`},
	{"S6", made(`{"__metadata__":{},"__metadata__":{}}`, 0), ErrDuplicate, "__metadata__"},
	{"S6", made(`{"__metadata__":{"k":"1","k":"2"}}`, 0), ErrDuplicate, `"k"`},
	{"S7", made(`{"a":{"dtype":"U8","shape":[0]}}`, 0), ErrHeader, `["dtype" "shape"]`},
	{"S7", made(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"extra":1}}`, 0), ErrHeader, `"extra"`},
	{"S7", made(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}`, 0), ErrHeader, "1 data offsets"},
	{"S7", made(`{"a":[]}`, 0), ErrHeader, `tensor "a"`},
	{"S8", made(`{"a":{"dtype":"F31","shape":[0],"data_offsets":[0,0]}}`, 0), tensor.ErrDType, `"F31"`},
	{"S8", made(`{"a":{"dtype":32,"shape":[0],"data_offsets":[0,0]}}`, 0), ErrHeader, ""},
	{"S9", made(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}`, 0), ErrHeader, "an integer from 0 up"},
	{"S9", made(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), ErrHeader, ""},
	{"S9", made(`{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}`, 1), ErrHeader, "an integer from 0 up"},
	{"S9", made(`{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0]}}`, 0), ErrHeader, "63 bits"},
	{"S9", made(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), tensor.ErrShape, "counted"},
	{"S9", made(`{"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}}`, 0), tensor.ErrShape, "counted"},
	{"S9", made(`{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}`, 2), tensor.ErrShape, "whole bytes"},
	{"S10", made(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), ErrOffsets, "expected to start at 0"},
	{"S10", made(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}`, 5), ErrOffsets, `"b"`},
	{"S10", made(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), ErrOffsets, `"b"`},
	{"S10", made(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2), ErrOffsets, `"b"`},
	{"S10", made(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"c":{"dtype":"U8","shape":[0],"data_offsets":[2,1]}}`, 2), ErrOffsets, `"c"`},
	{"S11", made(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), ErrSize, "needs 8"},
	{"S12", made(sound, 8), ErrTruncated, "ends at byte 9"},
	{"S12", made(`{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}`, 8), ErrTruncated, "4000000000000"},
	{"S12", made(sound, 10), ErrTrailing, "there are 10"},
	{"S12", made(`{}`, 1), ErrTrailing, "there are 1"},
	{"S13", made(`{"__metadata__":{"k":1}}`, 0), ErrHeader, ""},
	{"S13", made(`{"__metadata__":null}`, 0), ErrHeader, "'{'"},
	{"S13", made(`{"__metadata__":["k"]}`, 0), ErrHeader, "'{'"},
}

func TestSafetensorsRules(t *testing.T) {
	broken := map[string]bool{}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	for i, h := range hostile {
		broken[h.rule] = true
		if err := os.WriteFile(path, h.file, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		check(t, fmt.Sprintf("%s, case %d", h.rule, i), err, h.want, path, h.says)
	}
	page, err := os.ReadFile("../docs/formats/safetensors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(page), "\n") {
		rule, _, found := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if found && strings.HasPrefix(rule, "S") && !broken[rule] {
			t.Errorf("no hostile file breaks rule %s", rule)
		}
		delete(broken, rule)
	}
	if len(broken) > 0 {
		t.Errorf("rules that the page lacks: %v", broken)
	}
}

// TestSafetensorsAccepts opens what the rules allow though writers seldom do it.
func TestSafetensorsAccepts(t *testing.T) {
	for name, file := range map[string][]byte{
		"white space":     made(" \n\t\r"+strings.ReplaceAll(sound, ":", " :\n ")+"  \n ", 9),
		"no tensors":      made(`{}`, 0),
		"escapes":         made(`{"\u0061\ud83d\ude00\n\/":{"data_offsets":[0,0],"shape":[0],"dtype":"U8"}}`, 0),
		"empty, any time": made(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2,0],"data_offsets":[2,2]},"c":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 2),
		"metadata":        made(`{"__metadata__":{}}`, 0),
	} {
		if _, err := FromBytes(name+".safetensors", file); err != nil {
			t.Error(err)
		}
	}
	f, err := FromBytes("x.safetensors", made(`{"\u0061\ud83d\ude00\n\/":{"data_offsets":[0,0],"shape":[0],"dtype":"U8"}}`, 0))
	if err != nil || f.Names()[0] != "a😀\n/" {
		t.Error(f.Names(), err)
	}
	if _, ok := f.Tensor("b"); ok {
		t.Error("a tensor that is not there")
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(made(sound, 9))
	for _, h := range hostile {
		f.Add(h.file)
	}
	if file, err := os.ReadFile("testdata/every.safetensors"); err == nil {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, _, err := parseSafetensors(file)
		if err != nil {
			return
		}
		size := 0
		for _, e := range entries {
			if n, err := e.shape.Bytes(e.dtype); err != nil || n != len(e.data) {
				t.Errorf("%q: %d bytes, %v", e.name, len(e.data), err)
			}
			size += len(e.data)
		}
		if rest := len(file) - 8 - int(binary.LittleEndian.Uint64(file)); size != rest {
			t.Errorf("tensors of %d bytes in data of %d", size, rest)
		}
	})
}

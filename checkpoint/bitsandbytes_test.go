package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/near"
	"trimtab/tensor"
)

const soundState = `{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [3, 43], "nested_blocksize": 2, "nested_dtype": "float32", "nested_offset": 0.5}`

func whole(d tensor.DType, shape tensor.Shape, bytes ...byte) *tensor.Tensor {
	return &tensor.Tensor{DType: d, Shape: shape, Data: bytes}
}

// ascending are n floats from step on.
func ascending(n int, step float32) *tensor.Tensor {
	v := make([]float32, n)
	for i := range v {
		v[i] = step * float32(i+1)
	}
	return tensor.FromFloat32s(tensor.Shape{n}, v)
}

// soundQuantized are a weight of 4 bits [3, 43], in blocks of 64 whose scales are in 8 bits, one of 8 bits [2, 3], and a bias.
func soundQuantized() map[string]*tensor.Tensor {
	codes := make([]byte, 65)
	for i := range codes {
		codes[i] = byte(i * 37)
	}
	return map[string]*tensor.Tensor{
		"a.weight":                               whole(tensor.U8, tensor.Shape{65, 1}, codes...),
		"a.weight.absmax":                        whole(tensor.U8, tensor.Shape{3}, 0, 200, 255),
		"a.weight.quant_map":                     ascending(16, 0.125),
		"a.weight.nested_quant_map":              ascending(256, 1.0/256),
		"a.weight.nested_absmax":                 ascending(2, 3),
		"a.weight.quant_state.bitsandbytes__nf4": whole(tensor.U8, tensor.Shape{len(soundState)}, []byte(soundState)...),
		"a.bias":                                 ascending(3, 1),
		"b.weight":                               whole(tensor.I8, tensor.Shape{2, 3}, 127, 0x81, 0, 1, 0xff, 64),
		"b.SCB":                                  ascending(2, 127),
		"b.weight_format":                        whole(tensor.U8, tensor.Shape{}, 0),
	}
}

// fileOf is a file in memory of these tensors.
func fileOf(t testing.TB, tensors map[string]*tensor.Tensor) []byte {
	names, header, err := layOut(tensors, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	for _, name := range names {
		out = append(out, tensors[name].Data...)
	}
	return out
}

func openQuantized(file []byte) (*Bitsandbytes, error) {
	f, err := FromBytes("x.safetensors", file)
	if err != nil {
		return nil, err
	}
	return OpenBitsandbytes(f)
}

// A quantized file reads as one of floating-point weights: elements are written out here from the page's formulas.
func TestBitsandbytes(t *testing.T) {
	b, err := openQuantized(fileOf(t, soundQuantized()))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Names(); !slices.Equal(got, []string{"a.bias", "a.weight", "b.weight"}) {
		t.Errorf("names %q", got)
	}
	if _, ok := b.Tensor("a.weight.absmax"); ok {
		t.Error("a part is a tensor of its own")
	}
	var want []float32
	scales := []float32{1.0/256*3 + 0.5, 201.0/256*3 + 0.5, 1*6 + 0.5}
	for i := range 3 * 43 {
		code := byte(i/2*37) >> 4
		if i%2 == 1 {
			code = byte(i/2*37) & 15
		}
		want = append(want, 0.125*float32(code+1)*scales[i/64])
	}
	for name, want := range map[string][]float32{"a.weight": want, "b.weight": {127, -127, 0, 2, -2, 128}} {
		w, ok := b.Tensor(name)
		if !ok || len(w.Shape) != 2 || w.Shape[0]*w.Shape[1] != len(want) {
			t.Fatalf("%s: %+v", name, w)
		}
		got, err := w.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		near.Check(t, name, got, want, near.Exact)
	}
}

// A weight in NF4 with blocks of 64 that end with rows, and bitsandbytes' own levels of elements and block sizes, is there for devices as it lies; no other is.
func TestBitsandbytesNF4(t *testing.T) {
	state := `{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [3, 64], "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.5}`
	usual := func() map[string]*tensor.Tensor {
		levels := tensor.NF4Levels()
		return map[string]*tensor.Tensor{
			"a.weight":                               whole(tensor.U8, tensor.Shape{96, 1}, make([]byte, 96)...),
			"a.weight.absmax":                        whole(tensor.U8, tensor.Shape{3}, 0, 200, 255),
			"a.weight.quant_map":                     tensor.FromFloat32s(tensor.Shape{16}, levels[:]),
			"a.weight.nested_quant_map":              ascending(256, 1.0/256),
			"a.weight.nested_absmax":                 ascending(1, 3),
			"a.weight.quant_state.bitsandbytes__nf4": whole(tensor.U8, tensor.Shape{len(state)}, []byte(state)...),
		}
	}
	says := func(old, text string) func(map[string]*tensor.Tensor) {
		return func(m map[string]*tensor.Tensor) {
			s := strings.Replace(state, old, text, 1)
			m["a.weight.quant_state.bitsandbytes__nf4"] = whole(tensor.U8, tensor.Shape{len(s)}, []byte(s)...)
		}
	}
	for what, c := range map[string]struct {
		there  bool
		change func(map[string]*tensor.Tensor)
	}{
		"usual":              {true, func(map[string]*tensor.Tensor) {}},
		"of another dtype":   {true, says("float32", "bfloat16")},
		"rows within groups": {false, says("[3, 64]", "[6, 32]")},
		"smaller blocks": {false, func(m map[string]*tensor.Tensor) {
			says("64", "32")(m)
			m["a.weight.absmax"] = whole(tensor.U8, tensor.Shape{6}, make([]byte, 6)...)
		}},
		"smaller nested blocks": {false, func(m map[string]*tensor.Tensor) {
			says("256", "2")(m)
			m["a.weight.nested_absmax"] = ascending(2, 3)
		}},
		"other levels": {false, with("a.weight.quant_map", ascending(16, 1))},
	} {
		m := usual()
		c.change(m)
		b, err := openQuantized(fileOf(t, m))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if w, _ := b.Tensor("a.weight"); (w.NF4 != nil) != c.there || c.there && (len(w.NF4.Codes) != 96 || len(w.NF4.Scales) != 3 || w.NF4.Levels[255] != 1 || w.NF4.Blocks[0] != 3 || w.NF4.Offset != 0.5) {
			t.Errorf("%s: %+v", what, w.NF4)
		}
	}
}

// withState is the sound file with a state in which text took the place of another.
func withState(old, text string) func(map[string]*tensor.Tensor) {
	return func(m map[string]*tensor.Tensor) {
		s := strings.Replace(soundState, old, text, 1)
		m["a.weight.quant_state.bitsandbytes__nf4"] = whole(tensor.U8, tensor.Shape{len(s)}, []byte(s)...)
	}
}

func without(name string) func(map[string]*tensor.Tensor) {
	return func(m map[string]*tensor.Tensor) { delete(m, name) }
}

func with(name string, t *tensor.Tensor) func(map[string]*tensor.Tensor) {
	return func(m map[string]*tensor.Tensor) { m[name] = t }
}

// hostileQuantized are changes to the sound file, each with the rule of docs/formats/bitsandbytes.md that it breaks.
var hostileQuantized = []struct {
	rule   string
	change func(map[string]*tensor.Tensor)
}{
	{"B2", withState(soundState, "")},
	{"B2", withState(soundState, "[]")},
	{"B2", withState(`{`, `{"extra": 1, `)},
	{"B2", withState(`}`, `} {}`)},
	{"B2", withState(`0.5`, `NaN`)},
	{"B2", withState(`}`, strings.Repeat(" ", 4096)+"}")},
	{"B2", with("a.weight.quant_state.bitsandbytes__nf4", ascending(4, 1))},
	{"B3", withState(`"nf4"`, `"fp4"`)},
	{"B3", func(m map[string]*tensor.Tensor) {
		m["a.weight.quant_state.bitsandbytes__int3"] = m["a.weight.quant_state.bitsandbytes__nf4"]
		delete(m, "a.weight.quant_state.bitsandbytes__nf4")
	}},
	{"B3", withState(`64`, `0`)},
	{"B3", withState(`64`, `-64`)},
	{"B3", withState(`64`, `48`)},
	{"B3", withState(`64`, `8192`)},
	{"B3", withState(`"dtype": "float32"`, `"dtype": "int8"`)},
	{"B3", withState(`[3, 43]`, `[129]`)},
	{"B3", withState(`[3, 43]`, `[0, 43]`)},
	{"B3", withState(`[3, 43]`, `[-3, -43]`)},
	{"B3", withState(`, "nested_offset": 0.5`, ``)},
	{"B3", withState(`"nested_blocksize": 2`, `"nested_blocksize": 0`)},
	{"B3", withState(`"nested_dtype": "float32"`, `"nested_dtype": "float16"`)},
	{"B3", withState(`0.5`, `1e300`)},
	{"B4", withState(`[3, 43]`, `[4611686018427387904, 43]`)},
	{"B4", withState(`[3, 43]`, `[300, 43]`)},
	{"B4", without("a.weight")},
	{"B4", with("a.weight", whole(tensor.I8, tensor.Shape{65, 1}, make([]byte, 65)...))},
	{"B4", without("a.weight.quant_map")},
	{"B4", with("a.weight.quant_map", ascending(15, 1))},
	{"B5", withState(`, "nested_blocksize": 2, "nested_dtype": "float32", "nested_offset": 0.5`, ``)},
	{"B6", without("a.weight.absmax")},
	{"B6", with("a.weight.absmax", ascending(3, 1))},
	{"B6", with("a.weight.absmax", whole(tensor.U8, tensor.Shape{2}, 0, 0))},
	{"B6", without("a.weight.nested_absmax")},
	{"B6", with("a.weight.nested_absmax", ascending(1, 1))},
	{"B6", with("a.weight.nested_quant_map", ascending(16, 1))},
	{"B7", without("b.weight")},
	{"B7", with("b.weight", whole(tensor.I8, tensor.Shape{6}, make([]byte, 6)...))},
	{"B7", with("b.weight", ascending(6, 1))},
	{"B7", with("b.SCB", ascending(3, 1))},
	{"B8", with("b.weight_format", whole(tensor.U8, tensor.Shape{}, 1))},
	{"B8", with("b.weight_format", whole(tensor.U8, tensor.Shape{0}))},
	{"B9", without("b.SCB")},
	{"B9", without("a.weight.quant_state.bitsandbytes__nf4")},
}

func TestBitsandbytesRules(t *testing.T) {
	page, err := os.ReadFile("../docs/formats/bitsandbytes.md")
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string]bool{"B1": true} // which model tests
	for i, h := range hostileQuantized {
		broken[h.rule] = true
		tensors := soundQuantized()
		h.change(tensors)
		if _, err := openQuantized(fileOf(t, tensors)); !errors.Is(err, ErrQuantized) {
			t.Errorf("%d, rule %s: %v", i, h.rule, err)
		}
	}
	for line := range strings.Lines(string(page)) {
		if rule, _, found := strings.Cut(strings.TrimPrefix(line, "| "), " |"); found && strings.HasPrefix(rule, "B") {
			if !broken[rule] {
				t.Errorf("no hostile file breaks rule %s", rule)
			}
			delete(broken, rule)
		}
	}
	if len(broken) > 0 {
		t.Errorf("rules that the page lacks: %v", slices.Sorted(maps.Keys(broken)))
	}
}

func FuzzBitsandbytes(f *testing.F) {
	f.Add([]byte(soundState), []byte{0, 200, 255}, uint8(65))
	for _, h := range hostileQuantized {
		tensors := soundQuantized()
		h.change(tensors)
		if s, ok := tensors["a.weight.quant_state.bitsandbytes__nf4"]; ok {
			f.Add(s.Data, []byte{1, 2, 3}, uint8(65))
		}
	}
	f.Fuzz(func(t *testing.T, state, absmax []byte, codes uint8) {
		tensors := soundQuantized()
		tensors["a.weight.quant_state.bitsandbytes__nf4"] = whole(tensor.U8, tensor.Shape{len(state)}, state...)
		tensors["a.weight.absmax"] = whole(tensor.U8, tensor.Shape{len(absmax)}, absmax...)
		tensors["a.weight"] = whole(tensor.U8, tensor.Shape{int(codes), 1}, make([]byte, codes)...)
		b, err := openQuantized(fileOf(t, tensors))
		if err != nil {
			return
		}
		w, _ := b.Tensor("a.weight")
		if v, err := w.Float32s(); err != nil || (len(v)+1)/2 != int(codes) {
			t.Error(fmt.Sprint(len(v), err))
		}
	})
}

package infer_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/infer"
	"trimtab/internal/near"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tensor"
)

// listed is a tensor as models/gpt-nano-sort has it: base64 of float32.
type listed struct {
	Shape []int  `json:"shape"`
	Data  string `json:"data"`
}

func (l listed) floats(t *testing.T) []float32 {
	t.Helper()
	bytes, err := base64.StdEncoding.DecodeString(l.Data)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, len(bytes)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))
	}
	return v
}

// flat lists the tensors of nested objects by their dotted paths.
func flat(t *testing.T, path string) map[string]listed {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]listed{}
	var walk func(prefix string, data []byte)
	walk = func(prefix string, data []byte) {
		var l listed
		if json.Unmarshal(data, &l) == nil && l.Data != "" {
			all[prefix] = l
			return
		}
		var inside map[string]json.RawMessage
		if json.Unmarshal(data, &inside) == nil {
			for key, value := range inside {
				walk(strings.TrimPrefix(prefix+"."+key, "."), value)
			}
		}
	}
	walk("", data)
	return all
}

// nano is gpt-nano-sort, whose maps are published as [out, in], as a transformers folder.
func nano(t *testing.T, dev compute.Device) *model.Base {
	t.Helper()
	dir := t.TempDir()
	tensors := map[string]*tensor.Tensor{}
	for name, l := range flat(t, near.Shared(t, "models", "gpt-nano-sort", "gpt-nano-sort-model.json")) {
		v, shape := l.floats(t), tensor.Shape(l.Shape)
		if len(shape) == 2 && strings.Contains(name, ".h.") {
			turned := make([]float32, len(v))
			for i := range shape[0] {
				for j := range shape[1] {
					turned[j*shape[0]+i] = v[i*shape[1]+j]
				}
			}
			v, shape = turned, tensor.Shape{shape[1], shape[0]}
		}
		tensors[name] = tensor.FromFloat32s(shape, v)
	}
	if err := checkpoint.WriteSafetensors(filepath.Join(dir, "model.safetensors"), tensors, nil); err != nil {
		t.Fatal(err)
	}
	config := `{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": 3, "n_head": 3, "n_embd": 48, "vocab_size": 3,
		"n_positions": 11, "tie_word_embeddings": false}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	base, err := model.Open(dir, dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

// TestNano runs a trained GPT-2 that sorts: its author's activations, and sorted letters.
func TestNano(t *testing.T) {
	for tier, dev := range devices(t) {
		t.Run(tier, func(t *testing.T) {
			base := nano(t, dev)
			want := flat(t, near.Shared(t, "models", "gpt-nano-sort", "gpt-nano-sort-t0-partials.json"))
			segments, prompts := make([]nn.Segment, 3), make([][]int32, 3)
			for i, v := range want["idx"].floats(t) {
				segments[i/11].IDs = append(segments[i/11].IDs, int32(v))
			}
			for i, s := range segments {
				prompts[i] = s.IDs[:6]
			}
			activations(t, base, dev, segments, want)
			for i, out := range generate(t, base, dev, prompts, infer.Options{MaxNewTokens: 6}) {
				if sorted := slices.Sorted(slices.Values(prompts[i])); len(out.Tokens) != 6 || !slices.Equal(out.Tokens, sorted) {
					t.Errorf("%v sorted to %v", prompts[i], out.Tokens)
				}
			}
		})
	}
}

func activations(t *testing.T, base *model.Base, dev compute.Device, segments []nn.Segment, want map[string]listed) {
	t.Helper()
	b, err := nn.Pack(segments...)
	if err != nil {
		t.Fatal(err)
	}
	p := nn.NewPass(autograd.New(dev), b)
	var values []*autograd.Value
	p.Observe = func(_ int, h *autograd.Value) { values = append(values, h) }
	logits := model.Logits(base.Model.(model.LanguageModel), p, base.Hidden(p), nil)
	values = append(values, logits)
	if err := p.Forward(values...); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"x", "block0", "block1", "ln_f", "lm_head"} {
		near.Check(t, name, values[i].Data().Data, want[name].floats(t), near.Logits)
	}
}

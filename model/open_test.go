package model_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
	"trimtab/nn"
	"trimtab/tensor"
)

func device(t testing.TB) compute.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// folder is one of the tiny models that internal/reference/models.py made.
func folder(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(near.Root(t), "internal", "exchange", "testdata", name)
}

// spoiled copies a tiny model, with changes to its config (nil takes a key out) and its tensors.
func spoiled(t *testing.T, name string, config map[string]any, tensors func(map[string]*tensor.Tensor)) string {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(folder(t, name), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for key, value := range config {
		keys[key] = value
		if value == nil {
			delete(keys, key)
		}
	}
	if data, err = json.Marshal(keys); err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(folder(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		all[name], _ = f.Tensor(name)
	}
	if tensors != nil {
		tensors(all)
	}
	if err := checkpoint.WriteSafetensors(filepath.Join(dir, "model.safetensors"), all, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenRefuses(t *testing.T) {
	zeros := func(shape ...int) *tensor.Tensor {
		n, _ := tensor.Shape(shape).Elements()
		return tensor.FromFloat32s(shape, make([]float32, n))
	}
	cases := []struct {
		what, model string
		config      map[string]any
		tensors     func(map[string]*tensor.Tensor)
		is          error
		says        []string
	}{
		{"unknown type", "bert-bare", map[string]any{"model_type": "perceiver"}, nil, model.ErrUnknown, []string{"config.json", "perceiver", "bert, gpt2, llama, mistral"}},
		{"no type", "bert-bare", map[string]any{"model_type": nil}, nil, model.ErrConfig, []string{"config.json", "model_type"}},
		{"unknown architecture", "bert-bare", map[string]any{"architectures": []string{"BertForNextSentencePrediction"}}, nil,
			model.ErrUnknown, []string{"config.json", "architectures", "BertForNextSentencePrediction", "BertForMaskedLM"}},
		{"unknown key", "bert-bare", map[string]any{"rotary": true}, nil, model.ErrConfig, []string{"config.json", `"rotary"`, `"bert"`}},
		{"key of another kind", "gpt2-untied", map[string]any{"n_embd": "wide"}, nil, model.ErrConfig, []string{"config.json", "n_embd", "string"}},
		{"another computation", "gpt2-untied", map[string]any{"scale_attn_by_inverse_layer_idx": true}, nil,
			model.ErrConfig, []string{"config.json", "scale_attn_by_inverse_layer_idx", "true", "false"}},
		{"zero width", "bert-bare", map[string]any{"hidden_size": 0}, nil, model.ErrConfig, []string{"hidden_size", "0", "from 1"}},
		{"heads", "bert-bare", map[string]any{"num_attention_heads": 3}, nil, model.ErrConfig, []string{"num_attention_heads", "3", "hidden_size", "16"}},
		{"key heads", "llama-yarn", map[string]any{"num_attention_heads": 4, "num_key_value_heads": 3}, nil, model.ErrConfig, []string{"num_key_value_heads", "3", "4"}},
		{"activation", "bert-bare", map[string]any{"hidden_act": "maxout"}, nil, model.ErrConfig, []string{"hidden_act", "maxout"}},
		{"probability", "bert-bare", map[string]any{"hidden_dropout_prob": 1.5}, nil, model.ErrConfig, []string{"hidden_dropout_prob", "1.5"}},
		{"blocks", "bert-bare", map[string]any{"num_hidden_layers": 1 << 29}, nil, model.ErrConfig, []string{"num_hidden_layers", "536870912", "4096"}},
		{"scaling", "llama-yarn", map[string]any{"rope_parameters": map[string]any{"rope_type": "longrope"}}, nil, model.ErrConfig, []string{"rope_parameters", "longrope", "yarn"}},
		{"scaling's key", "llama-yarn", map[string]any{"rope_parameters": map[string]any{"rope_type": "linear", "factor": 2, "beta_fast": 1}}, nil,
			model.ErrConfig, []string{"rope_parameters", "beta_fast", "linear"}},
		{"scaling without factor", "llama-yarn", map[string]any{"rope_parameters": map[string]any{"rope_type": "linear"}}, nil, model.ErrConfig, []string{"linear", "factor"}},
		{"two scalings", "llama-yarn", map[string]any{"rope_scaling": map[string]any{"type": "linear", "factor": 2}}, nil, model.ErrConfig, []string{"rope_scaling", "rope_parameters"}},
		{"odd head", "llama-yarn", map[string]any{"head_dim": 7}, nil, model.ErrConfig, []string{"head_dim", "7", "even"}},
		{"a window of nothing", "mistral-window", map[string]any{"sliding_window": 0}, nil, model.ErrConfig, []string{"sliding_window", "0", "from 1"}},
		{"a window where there is none", "llama-yarn", map[string]any{"sliding_window": 8}, nil, model.ErrConfig, []string{`"sliding_window"`, `"llama"`}},
		{"biases where there are none", "mistral-window", map[string]any{"attention_bias": true}, nil, model.ErrConfig, []string{`"attention_bias"`, `"mistral"`}},
		{"windows in some blocks", "mistral-window", map[string]any{"layer_types": []string{"full_attention", "sliding_attention"}}, nil,
			model.ErrConfig, []string{`"layer_types"`, `"mistral"`}},
		{"labels", "gpt2-cls-two", map[string]any{"id2label": map[string]string{"0": "a", "2": "b"}}, nil, model.ErrConfig, []string{"id2label", "1"}},
		{"fewer blocks than tensors", "bert-bare", map[string]any{"num_hidden_layers": 1}, nil, nn.ErrNoPlace, []string{"model.safetensors", "encoder.layer.1."}},
		{"more blocks than tensors", "bert-bare", map[string]any{"num_hidden_layers": 3}, nil, nn.ErrMissing, []string{"model.safetensors", "encoder.layer.2.", "[16, 16]"}},
		{"another vocabulary", "llama-yarn", map[string]any{"vocab_size": 40}, nil, nn.ErrShape, []string{"model.safetensors", "embed_tokens", "[31, 16]", "[40, 16]"}},
		{"another width", "gpt2-untied", map[string]any{"n_embd": 1 << 30}, nil, nn.ErrShape, []string{"transformer.wte.weight", "[31, 16]", "[31, 1073741824]"}},
		{"more labels than rows", "gpt2-cls-two", map[string]any{"num_labels": 5}, nil, nn.ErrShape, []string{"score.weight", "[2, 16]", "[5, 16]"}},
		{"tied, and different", "llama-yarn", nil, func(m map[string]*tensor.Tensor) { m["lm_head.weight"] = zeros(31, 16) },
			nn.ErrShape, []string{"lm_head.weight", "tied", "model.embed_tokens.weight"}},
		{"a tensor too many", "bert-bare", nil, func(m map[string]*tensor.Tensor) { m["adapter.weight"] = zeros(2) }, nn.ErrNoPlace, []string{"model.safetensors", "adapter.weight"}},
		{"a tensor missing", "gpt2-untied", nil, func(m map[string]*tensor.Tensor) { delete(m, "lm_head.weight") }, nn.ErrMissing, []string{"lm_head.weight", "[31, 16]"}},
		{"half a head", "bert-mlm-untied", nil, func(m map[string]*tensor.Tensor) { delete(m, "cls.predictions.transform.dense.bias") },
			nn.ErrMissing, []string{"cls.predictions.transform.dense.bias"}},
		{"integers", "bert-bare", nil, func(m map[string]*tensor.Tensor) {
			m["embeddings.LayerNorm.bias"] = tensor.FromInt32s(tensor.Shape{16}, make([]int32, 16))
		}, nn.ErrShape, []string{"embeddings.LayerNorm.bias", "I32"}},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			_, err := model.Open(spoiled(t, c.model, c.config, c.tensors), device(t), model.Options{})
			refused(t, err, c.is, c.says...)
		})
	}
}

// refused checks what an error is and says.
func refused(t *testing.T, err, is error, says ...string) {
	t.Helper()
	if err == nil || !errors.Is(err, is) {
		t.Fatalf("error %v, expected one that is %q", err, is)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

func TestOpenRefusesFiles(t *testing.T) {
	empty := t.TempDir()
	_, err := model.Open(empty, device(t), model.Options{})
	refused(t, err, fs.ErrNotExist, "config.json")

	bare := spoiled(t, "bert-bare", nil, nil)
	if err := os.Remove(filepath.Join(bare, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	_, err = model.Open(bare, device(t), model.Options{})
	refused(t, err, fs.ErrNotExist, bare)

	cut := spoiled(t, "bert-bare", nil, nil)
	path := filepath.Join(cut, "model.safetensors")
	if err := os.Truncate(path, 4000); err != nil {
		t.Fatal(err)
	}
	_, err = model.Open(cut, device(t), model.Options{})
	refused(t, err, checkpoint.ErrTruncated, "model.safetensors")

	broken := spoiled(t, "bert-bare", nil, nil)
	if err := os.WriteFile(filepath.Join(broken, "config.json"), []byte(`{"model_type": "bert",`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = model.Open(broken, device(t), model.Options{})
	refused(t, err, model.ErrConfig, "config.json")
}

func TestTasks(t *testing.T) {
	if _, err := model.Open(folder(t, "gpt2-untied"), device(t), model.Options{Task: model.MaskedLM}); err == nil {
		t.Error("a decoder was opened with a masked language model's head")
	} else {
		refused(t, err, model.ErrUnknown, "gpt2", "masked_lm")
	}
	base, err := model.Open(folder(t, "gpt2-untied"), device(t), model.Options{Task: model.SequenceClassification, Labels: []string{"no", "yes"}})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	if fresh := base.Tree.Fresh(); len(fresh) != 1 || fresh[0] != "score.weight" {
		t.Errorf("fresh are %v", fresh)
	}
}

// TestLabels opens a classifier for its own classes, which keeps the head, and for others, which makes a new one.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		labels []string
		fresh  int
	}{{nil, 0}, {[]string{"a", "b", "c"}, 0}, {[]string{"a", "c", "b"}, 1}, {[]string{"x", "y"}, 1}} {
		base, err := model.Open(folder(t, "llama-cls-biases"), device(t), model.Options{Labels: c.labels})
		if err != nil {
			t.Fatal(err)
		}
		want := 3
		if c.labels != nil {
			want = len(c.labels)
		}
		if fresh := base.Tree.Fresh(); len(fresh) != c.fresh || len(base.Info().Labels) != want {
			t.Errorf("labels %q: fresh are %v, labels %q", c.labels, fresh, base.Info().Labels)
		}
		base.Close()
	}
}

// TestLabelsThatAreNotWritten: transformers leaves its two default labels out of the config, and the head is a head.
func TestLabelsThatAreNotWritten(t *testing.T) {
	dir := spoiled(t, "gpt2-cls-two", map[string]any{"id2label": nil, "label2id": nil, "num_labels": nil}, func(map[string]*tensor.Tensor) {})
	for _, labels := range [][]string{nil, {"LABEL_0", "LABEL_1"}} {
		base, err := model.Open(dir, device(t), model.Options{Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		if fresh := base.Tree.Fresh(); len(fresh) > 0 || len(base.Info().Labels) != 2 {
			t.Errorf("labels %q: fresh are %v, labels %q", labels, fresh, base.Info().Labels)
		}
		base.Close()
	}
}

// TestRandom makes a base without tensors: the same bits from the same seed.
func TestRandom(t *testing.T) {
	elements := func(seed uint64) []float32 {
		base, err := model.Open(folder(t, "bert-mlm-untied"), device(t), model.Options{Random: true, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		var all []float32
		for _, p := range base.Tree.Params() {
			v, err := p.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, v...)
		}
		return all
	}
	one := elements(1)
	near.Bits(t, "the same seed", elements(1), one)
	near.Far(t, "another seed", elements(2), one, near.Logits)
}

func FuzzParseConfig(f *testing.F) {
	folders, err := filepath.Glob(filepath.Join(folder(f, "*"), "config.json"))
	if err != nil || len(folders) == 0 {
		f.Fatal(folders, err)
	}
	for _, path := range folders {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"model_type": "llama", "architectures": ["LlamaForSequenceClassification"], "num_labels": 1048576, "hidden_size": 1073741824}`))
	f.Add([]byte(`{"model_type": "bert", "id2label": {"0": null}, "num_hidden_layers": null}`))
	dev := device(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := model.ParseConfig("config.json", data)
		if err != nil {
			return
		}
		config.Canonical()
		file, err := checkpoint.FromBytes("empty", []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := model.New(config, file, dev, model.Options{}); err == nil {
			t.Error("a model without tensors was opened")
		}
	})
}

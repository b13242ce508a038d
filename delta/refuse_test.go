package delta_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/delta"
	"trimtab/internal/near"
	"trimtab/nn"
	"trimtab/tensor"
)

// Every refusal says where, what key, what was found and what would be right.
func TestParseRefuses(t *testing.T) {
	const lora = `"peft_type": "LORA", "target_modules": ["query"]`
	for _, c := range []struct{ config, says string }{
		{`[]`, "file.json: configuration does not fit"},
		{`null`, "expected an object"},
		{`{}`, "expected one of peft_type, adapter, method"},
		{`{"peft_type": "LORA", "method": "full"}`, `found the keys ["peft_type" "method"]`},
		{`{"peft_type": "LOR"}`, `peft_type: configuration does not fit: "LOR" is not known, only LORA, PREFIX_TUNING, PROMPT_TUNING`},
		{`{"adapter": "compacter"}`, `"compacter" is not known, only double_seq_bn, par_bn, scaled_par_bn, seq_bn`},
		{`{"method": 3}`, "method: configuration does not fit: found 3, expected string"},
		{`{"method": "full", "r": 8}`, `unknown key "r"`},
		{`{"peft_type": "LORA", "peft_type": "LORA"}`, `key "peft_type" comes twice`},
		{`{"peft_type": "LORA"}`, `target_modules: configuration does not fit: is needed`},
		{`{"peft_type": "LORA", "target_modules": []}`, `target_modules: configuration does not fit: is empty`},
		{`{"peft_type": "LORA", "target_modules": "(query"}`, `target_modules: configuration does not fit: error parsing regexp`},
		{`{` + lora + `, "lora_aplha": 8}`, `unknown key "lora_aplha"; did you mean "lora_alpha"?`},
		{`{` + lora + `, "r": 0}`, "r: configuration does not fit: is 0, expected a number above 0"},
		{`{` + lora + `, "r": "8"}`, `r: configuration does not fit: found "8", expected int`},
		{`{` + lora + `, "bias": "some"}`, `is "some", expected none, all or lora_only`},
		{`{` + lora + `, "lora_dropout": 1}`, "lora_dropout"},
		{`{` + lora + `, "init_lora_weights": "pissa"}`, `init_lora_weights: configuration does not fit: "pissa" is not supported`},
		{`{` + lora + `, "lora_bias": true}`, "lora_bias: configuration does not fit: true is not supported here, only false or null"},
		{`{` + lora + `, "trainable_token_indices": [1]}`, "trainable_token_indices: configuration does not fit: [1] is not supported"},
		{`{` + lora + `, "rank_pattern": {"query": 1.5}}`, "1.5 is no rank"},
		{`{` + lora + `, "alpha_pattern": {"query": -1}}`, "expected a number above 0"},
		{`{` + lora + `, "layers_pattern": "layer"}`, "needs layers_to_transform"},
		{`{"peft_type": "LORA", "target_modules": "query", "layers_to_transform": 1}`, "needs target_modules to be a list"},
		{`{"peft_type": "PREFIX_TUNING"}`, "num_virtual_tokens: configuration does not fit: is 0"},
		{`{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 2, "num_transformer_submodules": 2}`, "num_transformer_submodules"},
		{`{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2, "prompt_tuning_init": "TEXT"}`, "prompt_tuning_init_text: configuration does not fit: is needed"},
		{`{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2, "prompt_tuning_init": "WORDS"}`, "expected RANDOM, SAMPLE_VOCAB or TEXT"},
		{`{"adapter": "seq_bn", "non_linearity": "mish"}`, `"mish" is not supported`},
		{`{"adapter": "seq_bn", "original_ln_after": false}`, "original_ln_after: configuration does not fit: false is not supported here, only true"},
		{`{"adapter": "seq_bn", "reduction_factor": {"one": 2}}`, `expected the number of a block or "default"`},
		{`{"adapter": "seq_bn", "reduction_factor": 0}`, "reduction_factor"},
		{`{"adapter": "seq_bn", "output_adapter": false}`, "neither it nor mh_adapter is true"},
		{`{"config": {"architecture": "lora"}, "name": "x"}`, `file.json: config: architecture: configuration does not fit: "lora" is not supported`},
		{`{"config": {"mh_adapter": true}}`, "file.json: config: output_adapter: configuration does not fit: is needed"},
	} {
		_, err := delta.Parse("file.json", []byte(c.config))
		if !errors.Is(err, delta.ErrConfig) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "file.json: ") {
			t.Errorf("%s\nfound    %v\nexpected %s", c.config, err, c.says)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		config, base string
		sentinel     error
		says         string
	}{
		{`{"peft_type": "LORA", "target_modules": ["query", "valeu"]}`, "bert-cls", delta.ErrNoSite, `target_modules: no such site: "valeu" matches none; the nearest are value, `},
		{`{"peft_type": "LORA", "target_modules": ["self.qvery"]}`, "bert-cls", delta.ErrNoSite, "the nearest are self.query, "},
		{`{"peft_type": "LORA", "target_modules": "query"}`, "bert-cls", delta.ErrNoSite, `the regular expression "query" matches no whole name, such as "bert.`},
		{`{"peft_type": "LORA", "target_modules": ["LayerNorm"]}`, "bert-cls", delta.ErrNoSite, "bert.embeddings.LayerNorm is a norm"},
		{`{"peft_type": "LORA", "target_modules": ["query"], "exclude_modules": ["qvery"]}`, "bert-cls", delta.ErrNoSite, `exclude_modules: no such site: "qvery"`},
		{`{"peft_type": "LORA", "target_modules": ["query"], "exclude_modules": ["query"]}`, "bert-cls", delta.ErrNoSite, "every site that matches is excluded"},
		{`{"peft_type": "LORA", "target_modules": ["query"], "layers_to_transform": 3}`, "bert-cls", delta.ErrNoSite, "of another layer"},
		{`{"peft_type": "LORA", "target_modules": ["query"], "rank_pattern": {"key": 2}}`, "bert-cls", delta.ErrNoSite, `rank_pattern: no such site: "key" matches no target`},
		{`{"peft_type": "LORA", "target_modules": ["query"], "modules_to_save": ["poolr"]}`, "bert-cls", delta.ErrNoSite, `modules_to_save: no such site: "poolr" matches none; the nearest are `},
		{`{"peft_type": "LORA", "target_modules": ["wte"], "use_dora": true}`, "gpt2-lm", delta.ErrConfig, "transformer.wte is an embedding"},
		{`{"peft_type": "LORA", "target_modules": ["c_attn"], "init_lora_weights": "eva"}`, "gpt2-lm", delta.ErrConfig, `cannot begin with "eva"`},
		{`{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 2, "num_layers": 4}`, "gpt2-lm", delta.ErrOtherBase, "num_layers: made for another base: is 4, and the base's is 3"},
		{`{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2, "prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "a"}`, "gpt2-lm", delta.ErrConfig, "needs a tokenizer"},
		{`{"adapter": "seq_bn", "leave_out": [3]}`, "gpt2-lm", delta.ErrNoSite, "leave_out: no such site: block 3 of 3"},
		{`{"adapter": "seq_bn", "leave_out": [0, 1, 2]}`, "gpt2-lm", delta.ErrNoSite, "no block is left"},
		{`{"adapter": "seq_bn", "reduction_factor": {"1": 2}}`, "gpt2-lm", delta.ErrConfig, `has neither "0" nor a default`},
		{`{"adapter": "seq_bn", "init_weights_seed": 3}`, "gpt2-lm", delta.ErrConfig, "every adapter would begin alike"},
		{`{"method": "head"}`, "gpt2-lm", delta.ErrNoSite, `nothing that "head" trains`},
	} {
		base := openBase(t, c.base, device(t))
		config, err := delta.Parse("file.json", []byte(c.config))
		if err != nil {
			t.Errorf("%s: %v", c.config, err)
			continue
		}
		_, err = delta.New(config, base, delta.Options{})
		if !errors.Is(err, c.sentinel) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "file.json: ") {
			t.Errorf("%s\nfound    %v\nexpected %s", c.config, err, c.says)
		}
	}
}

// altered is a copy of a golden's folder with another configuration or other tensors.
func altered(t *testing.T, golden string, config func(map[string]any), change func(map[string]*tensor.Tensor)) string {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(golden, "adapter_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	config(m)
	if data, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "adapter_config.json"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(tensors(t, golden))
	change(all)
	if err := checkpoint.WriteSafetensors(filepath.Join(dir, "adapter_model.safetensors"), all, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func same(map[string]any) {}

func TestOpenRefuses(t *testing.T) {
	golden := near.Shared(t, "goldens", "peft", "bert-cls+lora")
	base := openBase(t, "bert-cls", device(t))
	const a = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight"
	for _, c := range []struct {
		name     string
		config   func(map[string]any)
		change   func(map[string]*tensor.Tensor)
		sentinel error
		says     string
	}{
		{"missing", same, func(m map[string]*tensor.Tensor) { delete(m, a) }, delta.ErrMissing, "bert.encoder.layer.0.attention.self.query.lora_A.weight [4, 32]"},
		{"misspelt", same, func(m map[string]*tensor.Tensor) {
			m[strings.Replace(a, "query", "qurey", 1)] = m[a]
			delete(m, a)
		}, delta.ErrMissing, `did you mean "bert.encoder.layer.0.attention.self.qurey.lora_A.weight"?`},
		{"too many", same, func(m map[string]*tensor.Tensor) { m[strings.Replace(a, "query", "kei", 1)] = m[a] }, delta.ErrNoSite,
			"layer.0.attention.self.kei.lora_A.weight has no place; the nearest are bert.encoder.layer.0.attention.self.key"},
		{"another shape", func(m map[string]any) { m["r"] = 8 }, func(map[string]*tensor.Tensor) {}, delta.ErrShape, "found [4, 32], expected [8, 32]"},
		{"twice", same, func(m map[string]*tensor.Tensor) { m[strings.Replace(a, "lora_A", "lora_A.default", 1)] = m[a] }, delta.ErrConfig, "are one tensor"},
		{"integers", same, func(m map[string]*tensor.Tensor) { m[a] = tensor.FromInt32s(tensor.Shape{4, 32}, make([]int32, 128)) }, tensor.ErrDType, a},
		{"an unknown key", func(m map[string]any) { m["speed"] = 1 }, func(map[string]*tensor.Tensor) {}, delta.ErrConfig, `unknown key "speed"`},
	} {
		dir := altered(t, golden, c.config, c.change)
		_, err := delta.Open(dir, base, delta.Options{})
		if !errors.Is(err, c.sentinel) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s:\nfound    %v\nexpected %s", c.name, err, c.says)
		}
	}
	if _, err := delta.Open(t.TempDir(), base, delta.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: found %v, expected fs.ErrNotExist", err)
	}
	if _, err := delta.Open(golden, openBase(t, "llama-lm", device(t)), delta.Options{}); !errors.Is(err, delta.ErrNoSite) {
		t.Errorf("another base: found %v, expected ErrNoSite", err)
	}
	dir := altered(t, golden, same, func(map[string]*tensor.Tensor) {})
	if err := os.Remove(filepath.Join(dir, "adapter_model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(dir, base, delta.Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "adapter_model.safetensors") {
		t.Errorf("no tensors: found %v, expected fs.ErrNotExist", err)
	}
}

// A head beside an adapter would be passed over: it is refused by name, and --force leaves it out.
func TestHeadBesideAnAdapter(t *testing.T) {
	base := openBase(t, "bert-cls", device(t))
	for _, name := range []string{"head_config.json", "model_head.safetensors", "pytorch_model_head.bin"} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "adapterhub-1"))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := delta.Open(dir, base, delta.Options{})
		if !errors.Is(err, delta.ErrHead) || !strings.Contains(err.Error(), filepath.Join(dir, name)+": ") || !strings.Contains(err.Error(), "with_head=False") {
			t.Errorf("%s: found %v, expected ErrHead", name, err)
		}
		d, err := delta.Open(dir, base, delta.Options{Force: true})
		if err != nil || len(d.Parameters()) != 12 {
			t.Errorf("%s, forced: %v", name, err)
		}
	}
}

// Names that older versions of PEFT wrote, and those of unstripped state, are the same tensors.
func TestOtherNames(t *testing.T) {
	base := openBase(t, "bert-cls", device(t))
	for _, method := range []string{"lora-dora", "lora-bias", "lora-emb"} {
		golden := near.Shared(t, "goldens", "peft", "bert-cls+"+method)
		want := openDelta(t, golden, base)
		for name, replace := range map[string]*strings.Replacer{
			"older": strings.NewReplacer(".base_layer.bias", ".bias", "lora_magnitude_vector", "lora_magnitude_vector.weight", "classifier.", "classifier.modules_to_save."),
			"raw": strings.NewReplacer("lora_A.", "lora_A.default.", "lora_B.", "lora_B.default.", "lora_embedding_A", "lora_embedding_A.default",
				"lora_magnitude_vector", "lora_magnitude_vector.default.weight", "classifier.", "classifier.modules_to_save.default."),
			"bare": strings.NewReplacer("base_model.model.bert.", "base_model.model."),
		} {
			dir := altered(t, golden, same, func(m map[string]*tensor.Tensor) {
				for _, name := range slices.Collect(maps.Keys(m)) {
					if other := replace.Replace(name); other != name {
						m[other] = m[name]
						delete(m, name)
					}
				}
				m["base_model.model.classifier.original_module.weight"] = m["base_model.model.bert.pooler.dense.bias"]
				if m["base_model.model.classifier.original_module.weight"] == nil {
					m["base_model.model.classifier.original_module.weight"] = tensor.FromFloat32s(tensor.Shape{3, 32}, make([]float32, 96))
				}
			})
			got, err := delta.Open(dir, base, delta.Options{})
			if err != nil {
				t.Errorf("%s %s: %v", method, name, err)
				continue
			}
			for i, p := range want.Parameters() {
				near.Bits(t, p.Name, got.Parameters()[i].Data, p.Data)
			}
		}
	}
}

// Folders of PyTorch files as the libraries' first versions wrote them.
func TestOlderFolders(t *testing.T) {
	base := openBase(t, "bert-cls", device(t))
	for folder, count := range map[string]int{"peft-0.3": 11, "adapterhub-1": 12} {
		d := openDelta(t, filepath.Join("testdata", folder), base)
		if len(d.Parameters()) != count {
			t.Errorf("%s: %d tensors, expected %d", folder, len(d.Parameters()), count)
		}
		for _, p := range d.Parameters() {
			want := make([]float32, len(p.Data))
			for i := range want {
				want[i] = float32(i%13-6) / 64
			}
			near.Bits(t, p.Name, p.Data, want)
		}
	}
}

func TestSidecar(t *testing.T) {
	dev := device(t)
	base := openBase(t, "bert-cls", dev)
	d := fresh(t, `{"method": "head"}`, base, delta.Options{})
	side, err := delta.NewSidecar(base, "")
	if err != nil {
		t.Fatal(err)
	}
	side.Template, side.Data = json.RawMessage(`"{sentence} It was {mask}."`), json.RawMessage(`{"train": "sha256:00"}`)
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := d.Save(dir, side); err != nil {
		t.Fatal(err)
	}
	again := openDelta(t, dir, base)
	if s := again.Sidecar(); s == nil || s.Fingerprint != side.Fingerprint || string(s.Template) != string(side.Template) || s.Head != nil {
		t.Errorf("read %+v", s)
	}
	other := openBase(t, "bert-cls", dev)
	if err := other.Tree.Params()[0].Set(nil); err != nil {
		t.Fatal(err)
	}
	side.Fingerprint = "sha256:" + strings.Repeat("0", 64)
	if err := d.Save(dir, side); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(dir, base, delta.Options{}); !errors.Is(err, delta.ErrOtherBase) || !strings.Contains(err.Error(), "trimtab.json: fingerprint") {
		t.Errorf("found %v, expected ErrOtherBase", err)
	}
	if _, err := delta.Open(dir, base, delta.Options{Force: true}); err != nil {
		t.Error(err)
	}
	if err := d.Save(dir, nil); err != nil { // takes the old one away
		t.Fatal(err)
	}
	if s := openDelta(t, dir, base).Sidecar(); s != nil {
		t.Errorf("read %+v, expected none", s)
	}
	for text, says := range map[string]string{
		`{"version": 2}`:                       "version: configuration does not fit: is 2, expected 1",
		`{"version": 1, "templates": "x"}`:     `unknown key "templates"; did you mean "template"?`,
		`{"version": 1, "version": 1}`:         "comes twice",
		`{"version": 1, "fingerprint": ["a"]}`: "fingerprint",
		`{}`:                                   "version",
		`{"version": 1`:                        "trimtab.json",
	} {
		if _, err := delta.ParseSidecar("trimtab.json", []byte(text)); !errors.Is(err, delta.ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: found %v, expected %s", text, err, says)
		}
	}
}

func TestSaveToAReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	d := fresh(t, `{"method": "head"}`, openBase(t, "bert-cls", device(t)), delta.Options{})
	if err := d.Save(dir, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("found %v, expected fs.ErrPermission", err)
	}
}

// A tied weight that a delta changes is not untied under it.
func TestTied(t *testing.T) {
	base := openBase(t, "gpt2-lm", device(t))
	full := fresh(t, `{"method": "full"}`, base, delta.Options{})
	lora := fresh(t, `{"peft_type": "LORA", "target_modules": ["wte"]}`, base, delta.Options{})
	if err := full.Attach(); err != nil {
		t.Fatal(err)
	}
	if _, err := lora.Merge(); !errors.Is(err, nn.ErrTied) || lora.Merged() {
		t.Errorf("found %v, expected ErrTied", err)
	}
	take(t, full)
	notes, err := lora.Merge()
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "lm_head has a weight of its own") {
		t.Errorf("found %q, %v", notes, err)
	}
	if n := len(base.Tree.Params()); n != 3*12+2+2+1 {
		t.Errorf("%d tensors, expected the output layer's too", n)
	}
	take(t, lora)
	if n := len(base.Tree.Params()); n != 3*12+2+2 {
		t.Errorf("%d tensors, expected the base's", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"peft_type": "LORA", "target_modules": ".*(?=x)", "rank_pattern": {"a": 1}, "r": 4}`))
	f.Add([]byte(`{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 4}`))
	f.Add([]byte(`{"adapter": "seq_bn", "reduction_factor": {"1": 2, "default": 4}}`))
	f.Add([]byte(`{"config": {"mh_adapter": true, "output_adapter": true, "reduction_factor": 2, "non_linearity": "relu"}, "name": "x"}`))
	f.Add([]byte(`{"version": 1, "template": "x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := delta.Parse("x", data); err != nil && !errors.Is(err, delta.ErrConfig) {
			t.Errorf("%v wraps no sentinel", err)
		}
		if _, err := delta.ParseSidecar("x", data); err != nil && !errors.Is(err, delta.ErrConfig) {
			t.Errorf("%v wraps no sentinel", err)
		}
	})
}

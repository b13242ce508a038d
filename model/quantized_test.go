package model_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
	"trimtab/tensor"
)

const (
	quantizedBERT = `{"model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
	"num_attention_heads": 2, "vocab_size": 31, "max_position_embeddings": 16`
	quantizedGPT2 = `{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 64, "n_layer": 1, "n_head": 2, "vocab_size": 31, "n_positions": 16`
)

// published is the folder of a base by chance, whose weights change makes others of.
func published(t *testing.T, dev compute.Device, text string, change func([]float32)) string {
	t.Helper()
	config, err := model.ParseConfig("config.json", []byte(text+"}"))
	if err != nil {
		t.Fatal(err)
	}
	base, err := model.New(config, nil, dev, model.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range base.Tree.Quantized() {
		v, err := l.Weight.Base()
		if err != nil {
			t.Fatal(err)
		}
		change(v)
		if err := l.Weight.Set(v); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := base.Save(dir, tensor.F32); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A base that was written in nf4 or int8 opens as one that is held so, and is held so again without a change.
func TestSaveQuantized(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("bert", func(t *testing.T) { saveQuantized(t, dev, quantizedBERT, 6) })
	t.Run("gpt2", func(t *testing.T) { saveQuantized(t, dev, quantizedGPT2, 4) }) // whose maps are published as [in, out]
	inf := openIn(t, published(t, dev, quantizedBERT, func(v []float32) { v[3] /= 0 }), dev, compute.F32)
	if err := inf.SaveQuantized(t.TempDir(), compute.NF4); err == nil || !strings.Contains(err.Error(), "cannot be quantized") {
		t.Errorf("a weight that is infinite: %v", err)
	}
}

func saveQuantized(t *testing.T, dev compute.Device, config string, maps int) {
	from := published(t, dev, config, func([]float32) {})
	for p, tol := range map[compute.Precision]float64{compute.NF4: near.Kernel, compute.Int8: near.Exact, compute.LLMInt8: near.Exact} {
		plain := openIn(t, from, dev, compute.F32)
		to := t.TempDir()
		if err := plain.SaveQuantized(to, p); err != nil {
			t.Fatal(err)
		}
		threshold := map[compute.Precision]string{compute.NF4: "6.0", compute.Int8: "0.0", compute.LLMInt8: "6.0"}[p]
		if config, err := os.ReadFile(filepath.Join(to, "config.json")); err != nil || !strings.Contains(string(config), `"llm_int8_threshold": `+threshold) {
			t.Errorf("%v: %v, %s", p, err, config)
		}
		held, read, again := openIn(t, from, dev, p), openIn(t, to, dev, compute.F32), openIn(t, to, dev, p)
		compared := 0
		for i, l := range read.Tree.Quantized() {
			got := elements(t, read, i)
			near.Check(t, p.String()+" "+l.Name, got, elements(t, held, i), tol)
			near.Check(t, p.String()+" again "+l.Name, elements(t, again, i), got, near.Exact)
			compared++
		}
		if compared != maps || len(read.Tree.Fresh()) != 0 {
			t.Errorf("%d maps, fresh %v", compared, read.Tree.Fresh())
		}
		for i, q := range read.Tree.Params() { // what is not quantized is as it was
			if !strings.Contains(q.Name, ".layer.") && !strings.Contains(q.Name, ".h.") {
				got, _ := q.Float32s()
				want, _ := plain.Tree.Params()[i].Float32s()
				near.Check(t, q.Name, got, want, near.Exact)
			}
		}
		if err := read.SaveQuantized(t.TempDir(), compute.BF16); !errors.Is(err, model.ErrConfig) {
			t.Errorf("quantized twice: %v", err)
		}
		plainAgain := t.TempDir() // written as it is, it is quantized no longer
		if err := read.Save(plainAgain, tensor.F32); err != nil {
			t.Fatal(err)
		}
		openIn(t, plainAgain, dev, compute.F32)
	}
}

func openIn(t *testing.T, dir string, dev compute.Device, p compute.Precision) *model.Base {
	t.Helper()
	base, err := model.Open(dir, dev, model.Options{Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

// elements are what the weight of quantized map i is held as.
func elements(t *testing.T, base *model.Base, i int) []float32 {
	t.Helper()
	l := base.Tree.Quantized()[i]
	w, err := l.Weight.Weight()
	if err != nil {
		t.Fatal(err)
	}
	m := compute.NewMat(l.Out, l.In, make([]float32, l.Out*l.In))
	base.Tree.Device().Unpack(m, w)
	return m.Data
}

// Rule B1 of docs/formats/bitsandbytes.md.
func TestQuantizationConfig(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := published(t, dev, quantizedBERT, func([]float32) {})
	for text, told := range map[string]string{
		`1`:                                   "quantization_config",
		`{}`:                                  `quant_method is "", and only bitsandbytes is read`,
		`{"quant_method": "gptq", "bits": 4}`: `quant_method is "gptq"`,
		`{"quant_method": "bitsandbytes"}`:    "one of them must be true",
		`{"quant_method": "bitsandbytes", "load_in_4bit": true, "load_in_8bit": true}`:             "one of them must be true",
		`{"quant_method": "bitsandbytes", "load_in_4bit": true, "colour": 1}`:                      "colour",
		`{"quant_method": "bitsandbytes", "load_in_4bit": 1}`:                                      "load_in_4bit",
		`{"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_storage": "bf16"}`: "only uint8 is read",
		`{"quant_method": "bitsandbytes", "load_in_8bit": true, "llm_int8_has_fp16_weight": true}`: "nothing in the file is quantized",
	} {
		config := quantizedBERT + `, "quantization_config": ` + text + "}"
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := model.Open(dir, dev, model.Options{}); !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

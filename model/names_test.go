package model_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"trimtab/compute"
	"trimtab/internal/near"
	"trimtab/model"
	"trimtab/tensor"
)

// TestOldNames opens the same tensors under the names of older files: the same bits of the states.
func TestOldNames(t *testing.T) {
	gamma := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta")
	buffers := map[string]tensor.Shape{"embeddings.position_ids": {1, 64}, "h.0.attn.bias": {1, 1, 64, 64}, "h.1.attn.masked_bias": {}}
	for _, c := range []struct {
		what, model string
		rename      func(name string) string
		buffers     []string
	}{
		{"names of TensorFlow", "bert-bare", gamma.Replace, nil},
		{"a prefix", "bert-bare", func(name string) string { return "bert." + name }, nil},
		{"no prefix", "bert-mlm-untied", func(name string) string { return strings.TrimPrefix(name, "bert.") }, nil},
		{"a buffer", "bert-bare", func(name string) string { return name }, []string{"embeddings.position_ids"}},
		{"no prefix, buffers", "gpt2-untied", func(name string) string { return strings.TrimPrefix(name, "transformer.") },
			[]string{"h.0.attn.bias", "h.1.attn.masked_bias"}},
	} {
		dev := device(t)
		dir := spoiled(t, c.model, nil, func(m map[string]*tensor.Tensor) {
			for name, v := range maps.Clone(m) {
				delete(m, name)
				m[c.rename(name)] = v
			}
			for _, name := range c.buffers {
				n, _ := buffers[name].Elements()
				m[name] = tensor.FromFloat32s(buffers[name], make([]float32, n))
			}
		})
		var results [][][]float32
		for _, dir := range []string{folder(t, c.model), dir} {
			base, err := model.Open(dir, dev, model.Options{})
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			results = append(results, states(t, base, dev, pack(t, segments(5, 3)...)))
			base.Close()
		}
		for i, want := range results[0] {
			near.Bits(t, fmt.Sprintf("%s, row %d", c.what, i), results[1][i], want)
		}
	}
}

// TestFreezeForgets trains every tensor, changes it, and freezes it: the base's own bits again.
func TestFreezeForgets(t *testing.T) {
	everywhere(t, languageModels, func(t *testing.T, base *model.Base, dev compute.Device) {
		b := pack(t, segments(7, 2)...)
		want := logits(t, base, dev, b, nil)
		for _, q := range base.Tree.Params() {
			p, err := q.Train()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := q.Train(); err != nil || again != p {
				t.Errorf("%s: a second Train gives %v, %v", q.Name, again, err)
			}
		}
		trainable := logits(t, base, dev, b, nil)
		for i := range want {
			near.Check(t, fmt.Sprintf("trainable, row %d", i), trainable[i], want[i], near.Logits)
		}
		for _, q := range base.Tree.Params() {
			p, _ := q.Train()
			for i := range p.Data {
				p.Data[i] += 0.5
			}
		}
		near.Far(t, "changed", logits(t, base, dev, b, nil)[0], want[0], near.Logits)
		for _, q := range base.Tree.Params() {
			q.Freeze()
		}
		for i, got := range logits(t, base, dev, b, nil) {
			near.Bits(t, fmt.Sprintf("frozen, row %d", i), got, want[i])
		}
	})
}

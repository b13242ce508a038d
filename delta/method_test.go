package delta_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"trimtab/autograd"
	"trimtab/delta"
	"trimtab/internal/exchange"
	"trimtab/internal/near"
	"trimtab/model"
	"trimtab/nn"
)

// BitFit, the head alone and everything train as they do in PyTorch.
func TestSelections(t *testing.T) {
	for _, run := range []string{"bert-cls+full", "bert-cls+bitfit", "bert-cls+head", "bert-mlm+bitfit", "gpt2-cls+bitfit"} {
		t.Run(run, func(t *testing.T) {
			dir := near.Shared(t, "goldens", "train", run)
			name, method := filepath.Base(dir)[:8], filepath.Base(dir)[9:]
			base := openBase(t, name, device(t))
			in, err := exchange.Read(filepath.Join(dir, "expect.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			data, err := os.ReadFile(filepath.Join(dir, "train.json"))
			if err == nil {
				err = json.Unmarshal(data, &g)
			}
			if err != nil {
				t.Fatal(err)
			}
			before := floats(t, logits(t, in, base))
			d := fresh(t, `{"method": "`+method+`"}`, base, delta.Options{})
			if err := d.Attach(); err != nil {
				t.Fatal(err)
			}
			got, err := in.Step(base, base.Tree.Device(), d.Parameters(), exchange.StepOptions{Steps: len(g.Losses), LearningRate: g.LearningRate,
				WeightDecay: g.WeightDecay, Beta1: g.Betas[0], Beta2: g.Betas[1], Epsilon: g.Epsilon})
			if err != nil {
				t.Fatal(err)
			}
			near.Check64(t, "losses", got.Losses, g.Losses, near.Loss)
			want := tensors(t, filepath.Join(dir, "final.safetensors"))
			if len(want) != len(got.Trained) {
				t.Errorf("trained %d tensors, expected %d", len(got.Trained), len(want))
			}
			trained := floats(t, logits(t, in, base))
			if _, err := d.Merge(); err != nil {
				t.Fatal(err)
			}
			near.Check(t, "merged", floats(t, logits(t, in, base)), trained, near.Merge)
			saved := t.TempDir()
			if err := d.Save(saved, nil); err != nil {
				t.Fatal(err)
			}
			take(t, d)
			near.Bits(t, "without it", floats(t, logits(t, in, base)), before)
			again := openDelta(t, saved, base)
			if err := again.Attach(); err != nil {
				t.Fatal(err)
			}
			near.Bits(t, "opened again", floats(t, logits(t, in, base)), trained)
		})
	}
}

// Fresh deltas, of every way to begin: they are drawn by name and seed, begin as the base is where the paper says so, and
// are what they were when they are read again.
func TestFresh(t *testing.T) {
	text := func(string) ([]int32, error) { return []int32{5, 7, 9}, nil }
	for _, c := range []struct {
		name, config, base string
		neutral            bool // begins as the base is
	}{
		{"lora", `{"peft_type": "LORA", "target_modules": ["query", "value"], "lora_dropout": 0.1}`, "bert-cls", true},
		{"lora gaussian", `{"peft_type": "LORA", "target_modules": "all-linear", "init_lora_weights": "gaussian", "bias": "lora_only"}`, "bert-cls", true},
		{"lora false", `{"peft_type": "LORA", "target_modules": ["query", "word_embeddings"], "init_lora_weights": false}`, "bert-cls", false},
		{"lora embedding", `{"peft_type": "LORA", "target_modules": ["wte", "lm_head"], "r": 3}`, "gpt2-lm", true},
		{"lora regex", `{"peft_type": "LORA", "target_modules": ".*\\.(?!0\\.)\\d\\..*c_(attn|fc)", "exclude_modules": ".*c_fc", "bias": "all"}`, "gpt2-lm", true},
		{"dora", `{"peft_type": "LORA", "target_modules": ["c_attn", "c_fc"], "use_dora": true, "use_rslora": true}`, "gpt2-lm", true},
		{"lora patterns", `{"peft_type": "LORA", "target_modules": ["q_proj", "v_proj"], "layers_to_transform": [0, 2], "rank_pattern": {"v_proj": 2, "0.self_attn.v_proj": 4}, "alpha_pattern": {"q_proj": 4}}`, "llama-lm", true},
		{"lora whole modules", `{"peft_type": "LORA", "target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head", "norm"]}`, "llama-lm", true},
		{"lora whole tied", `{"peft_type": "LORA", "target_modules": ["c_attn"], "modules_to_save": ["lm_head"]}`, "gpt2-lm", true},
		{"prefix", `{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3}`, "llama-lm", false},
		{"prefix network", `{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3, "prefix_projection": true, "encoder_hidden_size": 5}`, "gpt2-lm", false},
		{"prefix network zero", `{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 2, "prefix_projection": true, "init_weights": "zero"}`, "bert-cls", false},
		{"prompt", `{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3}`, "bert-cls", false},
		{"prompt vocabulary", `{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3, "prompt_tuning_init": "SAMPLE_VOCAB"}`, "gpt2-lm", false},
		{"prompt text", `{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 4, "prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "is it good"}`, "llama-lm", false},
		{"seq_bn", `{"adapter": "seq_bn", "reduction_factor": 4, "leave_out": [1], "init_weights": "houlsby", "name": "mine"}`, "bert-cls", false},
		{"double_seq_bn", `{"adapter": "double_seq_bn", "reduction_factor": {"0": 64, "default": 8}, "non_linearity": "gelu", "dropout": 0.1}`, "gpt2-lm", false},
		{"par_bn", `{"adapter": "par_bn"}`, "llama-lm", true},
		{"par_bn learned", `{"adapter": "scaled_par_bn", "scaling": "channel"}`, "llama-lm", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := openBase(t, c.base, device(t))
			in, err := exchange.Read(near.Shared(t, "goldens", "peft", c.base+"+lora", "expect.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			before := floats(t, logits(t, in, base))
			d := fresh(t, c.config, base, delta.Options{Seed: 7, Encode: text})
			same, other := fresh(t, c.config, base, delta.Options{Seed: 7, Encode: text}), fresh(t, c.config, base, delta.Options{Seed: 8, Encode: text})
			differs := c.name == "prompt text" || c.name == "prefix network zero" || c.name == "lora whole tied"
			for i, p := range d.Parameters() {
				near.Bits(t, p.Name, same.Parameters()[i].Data, p.Data)
				differs = differs || near.Difference("", p.Data, other.Parameters()[i].Data, near.Exact, false) != nil
			}
			if !differs {
				t.Error("another seed gave the same tensors")
			}
			if err := d.Attach(); err != nil {
				t.Fatal(err)
			}
			adapted := logits(t, in, base)
			if c.neutral {
				near.Check(t, "begins as the base", floats(t, adapted), before, near.Logits)
			}
			dir := t.TempDir()
			if err := d.Save(dir, nil); err != nil {
				t.Fatal(err)
			}
			again := openDelta(t, dir, base)
			replace(t, d, again)
			near.Bits(t, "read again", floats(t, logits(t, in, base)), floats(t, adapted))
			for i, p := range d.Parameters() {
				if q := again.Parameters()[i]; q.Name != p.Name {
					t.Errorf("parameter %d is %s, expected %s", i, q.Name, p.Name)
				}
			}
			take(t, again)
			near.Bits(t, "the base", floats(t, logits(t, in, base)), before)
		})
	}
}

// With PEFT's file alone a prefix that came from a network is one without: the same prefix.
func TestPrefixWithoutItsNetwork(t *testing.T) {
	base := openBase(t, "gpt2-lm", device(t))
	in, err := exchange.Read(near.Shared(t, "goldens", "peft", "gpt2-lm+prefix", "expect.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	d := fresh(t, `{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3, "prefix_projection": true}`, base, delta.Options{})
	dir := t.TempDir()
	if err := d.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Attach(); err != nil {
		t.Fatal(err)
	}
	want := floats(t, logits(t, in, base))
	take(t, d)
	if err := os.Remove(filepath.Join(dir, "prompt_encoder.safetensors")); err != nil {
		t.Fatal(err)
	}
	flat := openDelta(t, dir, base)
	if err := flat.Attach(); err != nil {
		t.Fatal(err)
	}
	near.Bits(t, "flat", floats(t, logits(t, in, base)), want)
}

// Dropout that drops next to nothing takes the paths of training, and computes the same.
func TestDropoutPaths(t *testing.T) {
	for _, config := range []string{
		`{"peft_type": "LORA", "target_modules": "all-linear", "init_lora_weights": false, "lora_dropout": 1e-9}`,
		`{"peft_type": "LORA", "target_modules": "all-linear", "init_lora_weights": false, "lora_dropout": 1e-9, "use_dora": true}`,
		`{"adapter": "double_seq_bn", "dropout": 1e-9}`,
	} {
		base := openBase(t, "gpt2-lm", device(t))
		d := fresh(t, config, base, delta.Options{})
		if err := d.Attach(); err != nil {
			t.Fatal(err)
		}
		var got [2][]float32
		for i, training := range []bool{false, true} {
			tape, none := autograd.New(base.Tree.Device()), float32(0)
			batch, err := nn.Pack(nn.Segment{IDs: []int32{3, 1, 4, 1, 5}}, nn.Segment{IDs: []int32{9, 2}})
			if err != nil {
				t.Fatal(err)
			}
			p := nn.NewPass(tape, batch)
			p.Training, p.Dropout = training, &none
			out := model.Logits(base.Model.(model.LanguageModel), p, base.Hidden(p), nil)
			if err := tape.Forward(out); err != nil {
				t.Fatal(err)
			}
			got[i] = out.Data().Data
		}
		near.Check(t, config, got[1], got[0], near.Logits)
	}
}

// Token by token, with a cache of keys and values, a base with deltas says what it says in one pass.
func TestGeneration(t *testing.T) {
	ids := []int32{3, 1, 4, 1, 5, 9, 2}
	for _, name := range []string{"gpt2-lm", "llama-lm"} {
		for _, method := range []string{"lora", "prefix", "prompt"} {
			base := openBase(t, name, device(t))
			for _, m := range []string{method, "lora-all"} { // two at once
				if err := openDelta(t, near.Shared(t, "goldens", "peft", name+"+"+m), base).Attach(); err != nil {
					t.Fatal(err)
				}
			}
			whole, _ := last(t, base, ids, nil, nil)
			cache := nn.NewCache(base.Tree.Device(), 16)
			_, next := last(t, base, ids[:4], cache, nil)
			var got []float32
			for _, id := range ids[4:] {
				got, next = last(t, base, []int32{id}, cache, &next)
			}
			near.Check(t, name+"+"+method, got, whole, near.Logits)
		}
	}
}

// last is the logits of the last token, and the position of the one after it.
func last(t *testing.T, base *model.Base, ids []int32, cache *nn.Cache, position *int32) ([]float32, int32) {
	t.Helper()
	batch, err := nn.Pack(nn.Segment{IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	if position != nil {
		batch.Continues, batch.Positions[0] = true, *position
	}
	tape := autograd.New(base.Tree.Device())
	p := nn.NewPass(tape, batch)
	p.Cache = cache
	out := model.Logits(base.Model.(model.LanguageModel), p, base.Hidden(p), nil)
	if err := tape.Forward(out); err != nil {
		t.Fatal(err)
	}
	rows := out.Data()
	return rows.Row(rows.Rows - 1), p.Batch.Positions[len(p.Batch.Positions)-1] + 1
}

// Recomputing blocks in the backward changes no gradient.
func TestCheckpointedBlocks(t *testing.T) {
	for _, config := range []string{
		`{"peft_type": "LORA", "target_modules": "all-linear", "init_lora_weights": false, "use_dora": true, "bias": "all"}`,
		`{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3, "prefix_projection": true}`,
		`{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3}`,
		`{"adapter": "seq_bn"}`,
	} {
		base := openBase(t, "bert-cls", device(t))
		d := fresh(t, config, base, delta.Options{})
		if err := d.Attach(); err != nil {
			t.Fatal(err)
		}
		gradients := map[bool][][]float32{}
		for _, checkpointed := range []bool{false, true} {
			batch, err := nn.Pack(nn.Segment{IDs: []int32{3, 1, 4, 1, 5}}, nn.Segment{IDs: []int32{9, 2}})
			if err != nil {
				t.Fatal(err)
			}
			tape := autograd.New(base.Tree.Device())
			p := nn.NewPass(tape, batch)
			p.Checkpoint = checkpointed
			loss := p.CrossEntropy(base.Model.(model.Classifier).Classify(p), []int32{0, 2}, nil, 1)
			if err := tape.Backward(loss); err != nil {
				t.Fatal(err)
			}
			for _, q := range d.Parameters() {
				gradients[checkpointed] = append(gradients[checkpointed], slices.Clone(q.Grad))
				q.ZeroGrad()
			}
		}
		for i, q := range d.Parameters() {
			near.Check(t, q.Name, gradients[true][i], gradients[false][i], near.Gradient)
		}
	}
}

// Two deltas of one method beside each other: the head is the first one's, names and chance can be told apart.
func TestTwoOfAKind(t *testing.T) {
	base := openBase(t, "bert-cls", device(t))
	const config = `{"peft_type": "LORA", "target_modules": ["query"]}`
	a := fresh(t, config, base, delta.Options{Name: "a/"})
	if err := a.Attach(); err != nil {
		t.Fatal(err)
	}
	b := fresh(t, config, base, delta.Options{Name: "b/"})
	if len(a.Parameters()) != 8 || len(b.Parameters()) != 6 {
		t.Errorf("%d and %d tensors, expected 8, with the head, and 6", len(a.Parameters()), len(b.Parameters()))
	}
	p, q := a.Parameters()[0], b.Parameters()[0]
	if p.Name != "a/base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight" || "a"+q.Name[1:] != p.Name {
		t.Errorf("names are %s and %s", p.Name, q.Name)
	}
	near.Far(t, "two draws", p.Data, q.Data, near.Logits)
	if s := a.Sites(); len(s) != 4 || s[0] != "bert.encoder.layer.0.attention.self.query" {
		t.Errorf("sites are %q", s)
	}
	dir := t.TempDir()
	if err := b.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	again := openDelta(t, dir, base)
	for i, p := range b.Parameters() {
		near.Bits(t, p.Name, again.Parameters()[i].Data, p.Data)
	}
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trimtab/checkpoint"
	"trimtab/internal/near"
	"trimtab/tensor"
)

// command runs a command line in this process and returns what it printed.
func command(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	var out, notes bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(bytes.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&notes)
	if err := root.Execute(); err != nil {
		t.Fatalf("trimtab %s: %v", strings.Join(args, " "), err)
	}
	return out.String()
}

// tensors are those of a file.
func tensors(t *testing.T, path string) map[string]*tensor.Tensor {
	t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		m[name], _ = f.Tensor(name)
	}
	return m
}

func floats(t *testing.T, x *tensor.Tensor) []float32 {
	t.Helper()
	v, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// compare compares a tensor with the expected one; where the mask has no token,
// got must be zero and want means nothing.
func compare(t *testing.T, name string, got, want, mask *tensor.Tensor, tol float64) {
	t.Helper()
	if got == nil || got.DType != tensor.F32 || !got.Shape.Equal(want.Shape) {
		t.Errorf("%s: got %+v, want shape %v", name, got, want.Shape)
		return
	}
	expected := slices.Clone(floats(t, want))
	if len(want.Shape) == 3 && mask != nil {
		there, err := mask.Int64s()
		if err != nil {
			t.Fatal(err)
		}
		width, wide, cols := mask.Shape[1], want.Shape[1], want.Shape[2]
		for s := range mask.Shape[0] {
			for p := range width {
				if there[s*width+p] == 0 { // rows that deltas put before the segment come first
					row := s*wide + p + wide - width
					clear(expected[row*cols : (row+1)*cols])
				}
			}
		}
	}
	near.Check(t, name, floats(t, got), expected, tol)
}

func TestForwardGoldens(t *testing.T) {
	for _, name := range []string{"bert-mlm", "bert-cls", "gpt2-lm", "gpt2-cls", "llama-lm", "llama31-lm", "mistral-lm"} {
		t.Run(name, func(t *testing.T) {
			dir := near.Shared(t, "goldens", "models", name)
			in, out := filepath.Join(dir, "expect.safetensors"), filepath.Join(t.TempDir(), "out.safetensors")
			command(t, nil, "forward", dir, "--in", in, "--out", out)
			got, want := tensors(t, out), tensors(t, in)
			compared := 0
			for name, w := range want {
				if name == "logits" || strings.HasPrefix(name, "hidden_states.") {
					compare(t, name, got[name], w, want["attention_mask"], near.Logits)
					compared++
				}
			}
			if compared != len(got) || compared < 4 {
				t.Errorf("compared %d tensors of %d", compared, len(got))
			}
		})
	}
}

func TestForwardDeltaGoldens(t *testing.T) {
	for _, name := range []string{"peft/bert-cls+lora", "peft/gpt2-lm+prompt", "peft/llama-lm+prefix", "adapterhub/gpt2-lm+seq_bn"} {
		t.Run(name, func(t *testing.T) {
			library, rest, _ := strings.Cut(name, "/")
			base, _, _ := strings.Cut(rest, "+")
			dir := near.Shared(t, "goldens", library, rest)
			in, out := filepath.Join(dir, "expect.safetensors"), filepath.Join(t.TempDir(), "out.safetensors")
			want := tensors(t, in)
			run := func(key string, more ...string) {
				command(t, nil, append([]string{"forward", near.Shared(t, "goldens", "models", base), "--in", in, "--out", out}, more...)...)
				compare(t, key, tensors(t, out)["logits"], want[key], want["attention_mask"], near.Logits)
			}
			run("logits.base")
			run("logits.adapted", "--delta", dir)
			if want["logits.merged"] != nil {
				run("logits.merged", "--delta", dir, "--merged")
			}
		})
	}
}

// recorded is a train.json.
type recorded struct {
	Losses       []float64          `json:"losses_float64"`
	Fragile      map[string]float64 `json:"fragile"`
	LearningRate float64            `json:"lr"`
	WeightDecay  float64            `json:"weight_decay"`
}

// stepGolden runs step with a golden's settings and compares the losses and, by name, the files.
func stepGolden(t *testing.T, base, dir, final string, more ...string) {
	var g recorded
	text, err := os.ReadFile(filepath.Join(dir, "train.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	out, gradients := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "gradients")
	printed := command(t, nil, append([]string{"step", near.Shared(t, "goldens", "models", base), "--in", filepath.Join(dir, "expect.safetensors"),
		"--out", out, "--gradients", gradients, "--steps", strconv.Itoa(len(g.Losses)), "--learning-rate", number(g.LearningRate),
		"--weight-decay", number(g.WeightDecay)}, more...)...)
	var losses []float64
	for s := range strings.FieldsSeq(printed) {
		loss, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
	}
	near.Check64(t, "losses", losses, g.Losses, near.Loss)
	for path, c := range map[string]struct {
		golden string
		tol    float64
	}{out: {filepath.Join(dir, final), near.Final}, gradients: {filepath.Join(dir, "gradients.safetensors"), near.Gradient}} {
		got, want := tensors(t, path), tensors(t, c.golden)
		if len(got) != len(want) || len(want) == 0 {
			t.Errorf("%s: %d tensors, want %d", c.golden, len(got), len(want))
		}
		for name, w := range want {
			if _, ok := g.Fragile[name]; !ok {
				compare(t, name, got[name], w, nil, c.tol)
			}
		}
	}
}

func TestStepGoldens(t *testing.T) {
	for name, more := range map[string][]string{
		"bert-mlm+full":             {"--train", "full"},
		"gpt2-cls+bitfit":           {"--train", "bitfit"},
		"bert-cls+head":             {"--train", "head"},
		"llama-lm+full-clip-linear": {"--train", "full", "--max-grad-norm", "0.5", "--lr-scheduler-type", "linear", "--warmup-steps", "3", "--no-decay", "biases-and-norms"},
	} {
		t.Run(name, func(t *testing.T) {
			base, _, _ := strings.Cut(name, "+")
			stepGolden(t, base, near.Shared(t, "goldens", "train", name), "final.safetensors", more...)
		})
	}
}

func TestStepDeltaGoldens(t *testing.T) {
	for _, name := range []string{"bert-cls+lora", "gpt2-lm+prompt", "llama-lm+prefix"} {
		t.Run(name, func(t *testing.T) {
			base, _, _ := strings.Cut(name, "+")
			dir := near.Shared(t, "goldens", "peft", name)
			stepGolden(t, base, dir, filepath.Join("final", "adapter_model.safetensors"), "--delta", filepath.Join(dir, "init"))
		})
	}
}

// golden is a line of a tokenizer's expect.jsonl.
type golden struct {
	encoded
	Plain   []int32 `json:"plain_ids"`
	Decoded string  `json:"decoded"`
	Skipped string  `json:"decoded_skip"`
}

func TestTokenizeGoldens(t *testing.T) {
	for _, name := range []string{"wordpiece-bert-uncased", "bpe-llama2", "unigram-t5"} {
		t.Run(name, func(t *testing.T) {
			dir := near.Shared(t, "goldens", "tokenizers", name)
			path := filepath.Join(dir, "expect.jsonl")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want []golden
			for l := range bytes.Lines(text) {
				var g golden
				if err := json.Unmarshal(l, &g); err != nil {
					t.Fatal(err)
				}
				want = append(want, g)
			}
			encodings := command(t, nil, "tokenize", dir, path, "--jsonl")
			plain := command(t, nil, "tokenize", dir, path, "--jsonl", "--no-special-tokens")
			texts := command(t, []byte(encodings), "tokenize", dir, "--decode", "--json")
			skipped := command(t, nil, "tokenize", dir, path, "--decode", "--json", "--skip-special-tokens")
			if n := strings.Count(encodings, "\n"); n != len(want) {
				t.Fatalf("%d lines for %d", n, len(want))
			}
			next := func(s *bufio.Scanner, v any) {
				if !s.Scan() {
					t.Fatal("a line is missing")
				}
				if err := json.Unmarshal(s.Bytes(), v); err != nil {
					t.Fatal(err)
				}
			}
			scan := func(text string) *bufio.Scanner {
				s := bufio.NewScanner(strings.NewReader(text))
				s.Buffer(nil, len(text)+1)
				return s
			}
			e, p, d, k := scan(encodings), scan(plain), scan(texts), scan(skipped)
			for i, w := range want {
				var got, bare encoded
				var text, skip struct{ Text string }
				next(e, &got)
				next(p, &bare)
				next(d, &text)
				next(k, &skip)
				if !slices.Equal(got.IDs, w.IDs) || !slices.Equal(got.Tokens, w.Tokens) || !slices.Equal(got.Offsets, w.Offsets) ||
					!slices.Equal(got.TypeIDs, w.TypeIDs) || !slices.Equal(bare.IDs, w.Plain) || text.Text != w.Decoded || skip.Text != w.Skipped {
					t.Errorf("line %d: got %+v, plain %v, decoded %q and %q, want %+v", i+1, got, bare.IDs, text.Text, skip.Text, w)
				}
			}
		})
	}
}

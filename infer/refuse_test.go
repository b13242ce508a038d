package infer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/compute/cpu"
	"trimtab/infer"
	"trimtab/internal/near"
	"trimtab/model"
)

// tiny opens one of the models that internal/reference/models.py made.
func tiny(t *testing.T, name string) *model.Base {
	t.Helper()
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base, err := model.Open(filepath.Join(near.Root(t), "internal", "exchange", "testdata", name), dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

func TestGenerateRefuses(t *testing.T) {
	gpt := tiny(t, "gpt2-untied")
	long := make([]int32, 65)
	for _, c := range []struct {
		what    string
		base    *model.Base
		prompt  []int32
		options infer.Options
		says    string
	}{
		{"an encoder", tiny(t, "bert-bare"), []int32{1}, infer.Options{}, "causal_lm"},
		{"a classifier", tiny(t, "gpt2-cls-two"), []int32{1}, infer.Options{}, "classification"},
		{"nothing", gpt, nil, infer.Options{}, "prompt 0: prompt does not fit: 0 tokens"},
		{"too much", gpt, long, infer.Options{}, "65 tokens, expected from 1 to 64"},
		{"no token", gpt, []int32{3, 31}, infer.Options{}, "token 1 is 31"},
		{"a negative token", gpt, []int32{-1}, infer.Options{}, "token 0 is -1"},
		{"a share of more than all", gpt, []int32{1}, infer.Options{Sampling: infer.Sampling{TopP: 2}}, "top_p 2"},
	} {
		_, err := infer.Generate(context.Background(), c.base, c.base.Tree.Device(), [][]int32{c.prompt}, c.options)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, expected %q", c.what, err, c.says)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	stop := func(int, int32) { cancel() }
	if _, err := infer.Generate(ctx, gpt, gpt.Tree.Device(), [][]int32{{1}}, infer.Options{Token: stop}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the context was cancelled", err)
	}
}

// TestPositionsEndASequence generates to the model's last position, from prompts of different lengths.
func TestPositionsEndASequence(t *testing.T) {
	for _, name := range []string{"gpt2-untied", "llama-yarn"} {
		base := tiny(t, name)
		out := generate(t, base, base.Tree.Device(), [][]int32{{1, 2, 3}, make([]int32, 64)}, infer.Options{})
		// the token after the last position's state is the last one
		if len(out[0].Tokens) != 62 || len(out[1].Tokens) != 1 || out[0].Ended || out[1].Ended {
			t.Errorf("%s: %d and %d tokens, expected 62 and 1", name, len(out[0].Tokens), len(out[1].Tokens))
		}
	}
}

// TestSampledSeeds draws the same from the same seed, whatever else is in the batch.
func TestSampledSeeds(t *testing.T) {
	base := tiny(t, "gpt2-untied")
	draw := func(seed uint64, prompts ...[]int32) []int32 {
		o := infer.Options{MaxNewTokens: 30, Sampling: infer.Sampling{Temperature: 1, TopK: 20, TopP: 0.95, Seed: seed}}
		return generate(t, base, base.Tree.Device(), prompts, o)[0].Tokens
	}
	one := draw(1, []int32{1, 2})
	if again := draw(1, []int32{1, 2}, []int32{4}); !slices.Equal(one, again) {
		t.Errorf("%v, then %v", one, again)
	}
	if other := draw(2, []int32{1, 2}); slices.Equal(one, other) {
		t.Errorf("two seeds draw %v", one)
	}
}

func TestDefaults(t *testing.T) {
	base := tiny(t, "gpt2-untied")
	for _, c := range []struct {
		file, says string
		want       infer.Options
	}{
		{`{"eos_token_id": [2, 5], "do_sample": true, "temperature": 0.6, "top_p": 0.9, "max_new_tokens": 7, "repetition_penalty": 1.0}`, "",
			infer.Options{MaxNewTokens: 7, End: []int32{2, 5}, Sampling: infer.Sampling{Temperature: 0.6, TopK: 50, TopP: 0.9}}},
		{`{"eos_token_id": 3, "temperature": 0.6, "_from_model_config": true}`, "", infer.Options{End: []int32{3}}},
		{`{"repetition_penalty": 1.2}`, "repetition_penalty is 1.2", infer.Options{}},
		{`{"stop_strings": ["x"]}`, "stop_strings", infer.Options{}},
		{`{"do_sample": true, "top_p": 3}`, "top_p 3", infer.Options{}},
		{`{"eos_token_id": "end"}`, "eos_token_id", infer.Options{}},
		{`{"eos_token_id"`, "generation_config.json", infer.Options{}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "generation_config.json"), []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		there := *base
		there.Dir = dir
		got, err := infer.Defaults(&there)
		switch {
		case c.says != "":
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "generation_config.json") {
				t.Errorf("%s: error %v, expected the file and %q", c.file, err, c.says)
			}
		case err != nil || got.MaxNewTokens != c.want.MaxNewTokens || !slices.Equal(got.End, c.want.End) || got.Sampling != c.want.Sampling:
			t.Errorf("%s: %+v, %v", c.file, got, err)
		}
	}
}

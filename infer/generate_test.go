package infer_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/infer"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/all"
)

// devices are a device for every tier of kernels that this machine runs.
func devices(t *testing.T) map[string]compute.Device {
	t.Helper()
	devs := map[string]compute.Device{}
	for _, tier := range kernel.Tiers() {
		dev, err := cpu.New(cpu.Options{Tier: tier.Name})
		if err != nil {
			t.Fatal(err)
		}
		devs[tier.Name] = dev
	}
	return devs
}

func open(t *testing.T, dev compute.Device, elems ...string) *model.Base {
	t.Helper()
	base, err := model.Open(near.Shared(t, elems...), dev, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

func generate(t *testing.T, base *model.Base, dev compute.Device, prompts [][]int32, o infer.Options) []infer.Continuation {
	t.Helper()
	out, err := infer.Generate(context.Background(), base, dev, prompts, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// integers are a tensor's elements and its first axis' first row's.
func integers(t *testing.T, f *checkpoint.File, name string) [][]int32 {
	t.Helper()
	tensor, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no %s", name)
	}
	v, err := tensor.Int64s()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]int32, tensor.Shape[0])
	for i := range rows {
		for _, x := range v[i*tensor.Shape[1] : (i+1)*tensor.Shape[1]] {
			rows[i] = append(rows[i], int32(x))
		}
	}
	return rows
}

func TestGreedyAgainstTransformers(t *testing.T) {
	for tier, dev := range devices(t) {
		for _, name := range []string{"gpt2-lm", "llama-lm", "llama31-lm", "mistral-lm"} {
			t.Run(tier+"/"+name, func(t *testing.T) {
				base := open(t, dev, "goldens", "models", name)
				f, err := checkpoint.Open(filepath.Join(base.Dir, "expect.safetensors"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				prompts := integers(t, f, "input_ids")
				prompts[1], prompts[2] = prompts[1][:1], prompts[2][:7]
				want := integers(t, f, "greedy")[0]
				var streamed []int32
				out := generate(t, base, dev, prompts, infer.Options{MaxNewTokens: len(want), Token: func(prompt int, id int32) {
					if prompt == 0 {
						streamed = append(streamed, id)
					}
				}})
				if !slices.Equal(out[0].Tokens, want) || !slices.Equal(streamed, want) {
					t.Errorf("got %v, streamed %v, want %v", out[0].Tokens, streamed, want)
				}
				alone(t, base, dev, prompts, out)
			})
		}
	}
}

// TestGreedyBeyondAWindow generates from a prompt that is longer than the window, and further than the window is wide.
func TestGreedyBeyondAWindow(t *testing.T) {
	for tier, dev := range devices(t) {
		t.Run(tier, func(t *testing.T) {
			base, err := model.Open(filepath.Join(near.Root(t), "internal", "exchange", "testdata", "mistral-window"), dev, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer base.Close()
			f, err := checkpoint.Open(filepath.Join(base.Dir, "expect.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			prompt, want := integers(t, f, "input_ids")[0][:12], integers(t, f, "greedy")[0]
			prompts := [][]int32{prompt, prompt[:1], prompt[:9]}
			out := generate(t, base, dev, prompts, infer.Options{MaxNewTokens: len(want)})
			if !slices.Equal(out[0].Tokens, want) {
				t.Errorf("got %v, want %v", out[0].Tokens, want)
			}
			alone(t, base, dev, prompts, out)
		})
	}
}

// alone checks that each prompt by itself goes on as it did among the others, whose batch changes as they end.
func alone(t *testing.T, base *model.Base, dev compute.Device, prompts [][]int32, among []infer.Continuation) {
	t.Helper()
	end := among[1].Tokens[3] // ends the second early, and perhaps others
	out := generate(t, base, dev, prompts, infer.Options{MaxNewTokens: len(among[0].Tokens), End: []int32{end}})
	for i, prompt := range prompts {
		one := generate(t, base, dev, [][]int32{prompt}, infer.Options{MaxNewTokens: len(among[i].Tokens)})[0]
		if !slices.Equal(one.Tokens, among[i].Tokens) {
			t.Errorf("prompt %d alone: %v, among others %v", i, one.Tokens, among[i].Tokens)
		}
		want := among[i].Tokens
		at := slices.Index(want, end)
		if at >= 0 {
			want = want[:at+1]
		}
		if !slices.Equal(out[i].Tokens, want) || out[i].Ended != (at >= 0) {
			t.Errorf("prompt %d with end %d: %v, ended %v, want %v", i, end, out[i].Tokens, out[i].Ended, want)
		}
	}
}

package delta_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/delta"
	"trimtab/internal/exchange"
	"trimtab/internal/near"
	"trimtab/model"
	"trimtab/nn"
)

// several are deltas of many kinds for one base: a library's, or fresh ones that are disturbed so that they do something.
func several(t *testing.T, base *model.Base, name string) []*delta.Delta {
	t.Helper()
	var ds []*delta.Delta
	for _, method := range []string{"peft+lora", "peft+lora-dora", "peft+lora-emb", "peft+lora-bias", "peft+prefix", "peft+prompt",
		"adapterhub+seq_bn", "adapterhub+double_seq_bn", "adapterhub+par_bn"} {
		library, method, _ := strings.Cut(method, "+")
		ds = append(ds, openDelta(t, near.Shared(t, "goldens", library, name+"+"+method), base))
	}
	configs := []string{`{"method": "full"}`,
		`{"peft_type": "LORA", "target_modules": "all-linear", "bias": "all", "init_lora_weights": false}`}
	if name != "llama-lm" { // it has no biases
		configs = append(configs, `{"method": "bitfit"}`)
	}
	if base.Task == model.CausalLM {
		configs = append(configs, `{"peft_type": "LORA", "target_modules": ["lm_head"], "init_lora_weights": false}`,
			`{"peft_type": "LORA", "target_modules": ".*\\.1\\..*proj", "modules_to_save": ["lm_head"]}`)
	}
	for i, config := range configs {
		d := fresh(t, config, base, delta.Options{Seed: uint64(i)})
		for _, p := range d.Parameters() {
			for j := range p.Data {
				p.Data[j] += float32(j%7-3) / 64
			}
		}
		ds = append(ds, d)
	}
	return ds
}

func fresh(t *testing.T, config string, base *model.Base, o delta.Options) *delta.Delta {
	t.Helper()
	c, err := delta.Parse("test", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	d, err := delta.New(c, base, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever is put on, worked in and taken off, in whatever order: what a base computes depends only on
// what is on it now, and without anything it is as published, to the bit.
func TestAnyOrderLeavesTheBaseAsItWas(t *testing.T) {
	for _, name := range bases {
		t.Run(name, func(t *testing.T) {
			dev := device(t)
			base, other := openBase(t, name, dev), openBase(t, name, dev)
			in, err := exchange.Read(near.Shared(t, "goldens", "peft", name+"+lora", "expect.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			before := slices.Clone(floats(t, logits(t, in, base)))
			ds, same := several(t, base, name), several(t, other, name)
			compared := 0
			for seed := range uint64(8) {
				on := shuffle(t, ds, rand.New(rand.NewPCG(seed, 1)))
				now, err := in.Forward(base, dev)
				again := replay(t, ds, same, on)
				then, err2 := in.Forward(other, dev)
				switch {
				case (err == nil) != (err2 == nil):
					t.Fatalf("seed %d: %v, and replayed: %v", seed, err, err2)
				case err == nil:
					compared++
					near.Bits(t, "what is on now", floats(t, now["logits"]), floats(t, then["logits"]))
				}
				off(t, ds, rand.New(rand.NewPCG(seed, 2)))
				for _, d := range again {
					take(t, d)
				}
				near.Bits(t, "the base", floats(t, logits(t, in, base)), before)
			}
			if compared < 3 { // DoRA on a weight that another delta trains is refused
				t.Errorf("compared only %d times", compared)
			}
		})
	}
}

// shuffle does random things and returns what is on the base, in the order in which it came there. Deltas that
// cannot be worked in, and tied weights that something else changes, are refused and left as they were.
func shuffle(t *testing.T, ds []*delta.Delta, r *rand.Rand) (on []int) {
	t.Helper()
	for range 40 {
		i := r.IntN(len(ds))
		d := ds[i]
		var err error
		switch {
		case d.Merged():
			err = d.Unmerge()
			on = slices.DeleteFunc(on, func(j int) bool { return j == i })
			if d.Attached() {
				on = append(on, i)
			}
		case d.Attached() && r.IntN(2) == 0:
			err = d.Detach()
			on = slices.DeleteFunc(on, func(j int) bool { return j == i })
		case !d.Attached() && r.IntN(2) == 0:
			if err = d.Attach(); err == nil {
				on = append(on, i)
			}
		default:
			_, err = d.Merge()
			if !errors.Is(err, delta.ErrNotMergeable) {
				on = slices.DeleteFunc(on, func(j int) bool { return j == i })
				if err == nil || d.Attached() {
					on = append(on, i)
				}
			}
		}
		if err != nil && !errors.Is(err, delta.ErrNotMergeable) && !errors.Is(err, nn.ErrTied) {
			t.Fatal(err)
		}
	}
	return on
}

// replay brings the same deltas onto another base.
func replay(t *testing.T, ds, same []*delta.Delta, on []int) (done []*delta.Delta) {
	t.Helper()
	for _, i := range on {
		var err error
		if ds[i].Merged() {
			_, err = same[i].Merge()
		} else {
			err = same[i].Attach()
		}
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, same[i])
	}
	return done
}

func off(t *testing.T, ds []*delta.Delta, r *rand.Rand) {
	t.Helper()
	for _, i := range r.Perm(len(ds)) {
		take(t, ds[i])
	}
}

func take(t *testing.T, d *delta.Delta) {
	t.Helper()
	if d.Merged() {
		if err := d.Unmerge(); err != nil {
			t.Fatal(err)
		}
	}
	if d.Attached() {
		if err := d.Detach(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSwitch(t *testing.T) {
	base := openBase(t, "bert-cls", device(t))
	dir := near.Shared(t, "goldens", "peft", "bert-cls+lora")
	in, err := exchange.Read(filepath.Join(dir, "expect.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := openDelta(t, dir, base), openDelta(t, near.Shared(t, "goldens", "adapterhub", "bert-cls+par_bn"), base)
	want := tensors(t, filepath.Join(dir, "expect.safetensors"))["logits.adapted"]
	if err := b.Attach(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		replace(t, b, a)
		checkLogits(t, in, "switched", logits(t, in, base), want, near.Logits)
		replace(t, a, b)
	}
	for _, wrong := range []func() error{b.Attach, a.Detach, a.Unmerge} {
		if err := wrong(); !errors.Is(err, delta.ErrState) {
			t.Errorf("found %v, expected ErrState", err)
		}
	}
	if _, err := b.Merge(); !errors.Is(err, delta.ErrNotMergeable) || !b.Attached() {
		t.Errorf("found %v, expected ErrNotMergeable, and the delta as it was", err)
	}
}

// replace takes one delta off and puts another on.
func replace(t *testing.T, from, to *delta.Delta) {
	t.Helper()
	if err := errors.Join(from.Detach(), to.Attach()); err != nil {
		t.Fatal(err)
	}
}

package recipe

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/compute/cpu"
)

// The weights of the blocks of steadyBERT and steadyGPT2, and of GPT-2's output layer.
const (
	tinyBERT   = 2 * (4*32*32 + 2*32*64)
	tinyGPT2   = 2 * (4*32*32 + 2*32*128)
	tinyOutput = 32 * 300
)

func tinyOf(config, architecture string) string {
	return strings.Replace(config, "BertForSequenceClassification", architecture, 1)
}

// TestWorkloads runs each kind of workload on a tiny model and counts its products.
func TestWorkloads(t *testing.T) {
	lengths := []int{5, 9, 7}
	for _, c := range []struct {
		w      workload
		tokens int
		flops  int64
	}{
		{workload{name: "training", run: benchTraining, model: steadyBERT, lengths: lengths, passes: 2,
			delta: `{"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 4, "target_modules": ["query"]}`}, 21, 2 * 2 * 21 * tinyBERT},
		{workload{name: "full", run: benchTraining, model: steadyBERT, lengths: lengths, passes: 3, delta: benchFull}, 21, 2 * 3 * 21 * tinyBERT},
		{workload{name: "causal", run: benchTraining, model: steadyGPT2, lengths: lengths, passes: 2, delta: benchLoraGPT}, 21, 2 * 2 * 21 * (tinyGPT2 + tinyOutput)},
		{workload{name: "forward", run: benchForward, model: tinyOf(steadyBERT, "BertModel"), lengths: lengths, passes: 1}, 21, 2 * 21 * tinyBERT},
		{workload{name: "classes", run: benchForward, model: steadyBERT, lengths: lengths, passes: 1}, 21, 2 * 21 * tinyBERT},
		{workload{name: "masks", run: benchForward, model: strings.Replace(tinyOf(steadyBERT, "BertForMaskedLM"), "300", "8000", 1), lengths: lengths, passes: 1}, 21, 2 * 21 * tinyBERT},
		{workload{name: "decode", run: benchDecode, model: strings.Replace(steadyGPT2, "64", "256", 1), times: 2}, 1, 2 * (tinyGPT2 + tinyOutput)},
	} {
		t.Run(c.w.name, func(t *testing.T) {
			f, err := bench(t.Context(), c.w, BenchOptions{Steps: 2, Threads: 1}, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if f.Tokens != c.tokens || f.Flops != c.flops || f.Segments != len(c.w.lengths) || len(f.AllSeconds) != 1+2*max(1, c.w.times) || !(f.Seconds > 0) {
				t.Errorf("figures %+v; expected %d tokens, %d flops", f, c.tokens, c.flops)
			}
			if !(0 < f.AttentionShare && f.AttentionShare < f.OutsideProducts && f.OutsideProducts < 1) {
				t.Errorf("%g of the time was outside products, %g in attention", f.OutsideProducts, f.AttentionShare)
			}
		})
	}
}

// TestSteadyWorkloads takes every workload's step on a tiny model, with two threads and the backward's memory in bfloat16: behind the first,
// nothing is taken from the heap.
func TestSteadyWorkloads(t *testing.T) {
	const llama = `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
		"num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 300, "max_position_embeddings": 256}`
	tiny := map[string]string{benchBERT: strings.Replace(steadyBERT, "{", `{"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0, `, 1), benchDropout: steadyBERT,
		benchBareBERT: tinyOf(steadyBERT, "BertModel"), benchMaskBERT: strings.Replace(tinyOf(steadyBERT, "BertForMaskedLM"), "300", "8000", 1),
		benchGPT2: strings.Replace(steadyGPT2, "64", "256", 1), benchLlama: llama}
	for _, w := range workloads {
		if w.model == "" {
			continue
		}
		w.model = tiny[w.model]
		w.delta = strings.NewReplacer(`"num_layers": 12`, `"num_layers": 2`, `"token_dim": 768, "num_attention_heads": 12`, `"token_dim": 32, "num_attention_heads": 2`).Replace(w.delta)
		if w.lengths != nil {
			w.lengths = alike(3, 37) // steps are of equal size: a larger one takes more
		}
		w.times = 0
		for _, p := range []compute.Precision{compute.BF16, compute.Int8} {
			t.Run(w.name+" "+p.String(), func(t *testing.T) {
				var allocations float64
				for try := range 5 { // what the runtime takes in its own time counts too
					f, err := bench(t.Context(), w, BenchOptions{Steps: 4, Threads: 2, Precision: p, Activations: "bf16"}, time.Millisecond)
					if err != nil {
						t.Fatal(err)
					}
					if allocations = f.Allocations; allocations == 0 {
						return
					}
					t.Logf("try %d: %g", try, allocations)
				}
				t.Errorf("%g allocations a step", allocations)
			})
		}
	}
}

// TestOwnCeiling says which workloads have one that is not float32's.
func TestOwnCeiling(t *testing.T) {
	w := workload{name: "forward", run: benchForward, model: tinyOf(steadyBERT, "BertModel"), lengths: []int{5, 9}, passes: 1}
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	roundsCodes := dev.Multiplies(compute.NF4) == compute.BF16
	full := workload{name: "full", run: benchTraining, model: steadyBERT, lengths: []int{5, 9}, passes: 3, delta: benchFull}
	for _, c := range []struct {
		w   workload
		p   compute.Precision
		own bool
	}{{w, compute.F32, false}, {w, compute.NF4, roundsCodes}, {w, compute.Int8, true}, {w, compute.LLMInt8, true}, {full, compute.Int8, false}} {
		f, err := bench(t.Context(), c.w, BenchOptions{Steps: 1, Threads: 1, Precision: c.p}, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if !(f.Share > 0) || (f.OwnShare > 0) != c.own || c.own && f.OwnShare != f.Rate/f.OwnCeiling {
			t.Errorf("%s in %v: figures %+v", c.w.name, c.p, f)
		}
	}
}

// TestBatchOfWorkload changes the number of segments.
func TestBatchOfWorkload(t *testing.T) {
	w := workload{name: "forward", run: benchForward, model: tinyOf(steadyBERT, "BertModel"), lengths: []int{5, 9}, passes: 1}
	for batch, tokens := range map[int]int{1: 5, 2: 14, 5: 33} {
		f, err := bench(t.Context(), w, BenchOptions{Steps: 1, Threads: 1, Batch: batch}, time.Millisecond)
		if err != nil || f.Segments != batch || f.Tokens != tokens {
			t.Errorf("a batch of %d: error %v, figures %+v", batch, err, f)
		}
	}
	if _, err := Bench(t.Context(), "ceiling", BenchOptions{Batch: 2}); !errors.Is(err, ErrNoBatch) {
		t.Errorf("error %v", err)
	}
	if _, err := Bench(t.Context(), "decode", BenchOptions{}); err == nil {
		t.Error("an unknown workload was measured")
	}
}

// TestStandardWorkloads opens the models of the table, whose weights are drawn only when they are used, and puts what trains on them.
func TestStandardWorkloads(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const block = 4*768*768 + 2*768*3072
	weights := map[string]int64{"bert": 12 * block, "gpt2": 12 * block, "llama": 22 * (2*2048*2048 + 2*2048*256 + 3*2048*5632)}
	for _, w := range workloads {
		if w.model == "" {
			continue
		}
		base, err := benchBase(w.model, dev, 0)
		if err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		if got, _ := linearWeights(base); got != weights[base.Info().Type] {
			t.Errorf("%s: its blocks have %d weights", w.name, got)
		}
		if w.delta == "" || w.delta == benchFull {
			continue
		}
		if _, err := benchDelta(w.delta, base); err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
	}
}

// TestProductFigures measures one product.
func TestProductFigures(t *testing.T) {
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := &measurement{BenchOptions: BenchOptions{Steps: 1}, dev: &watched{Device: dev}}
	p := m.product(m.weights(64, 96, 2), 4*64*96, 3, 64, 96)
	if p.Rows != 3 || p.In != 64 || p.Out != 96 || !(p.Rate > 0) || !(p.BackwardRate > 0) || !(p.Bandwidth > 0) {
		t.Errorf("figures %+v", p)
	}
}

// TestAgainst compares figures whose ratios are known.
func TestAgainst(t *testing.T) {
	earlier, err := ReadFigures("before.json", strings.NewReader(`{"workload": "w", "quantization": "f32", "cpu": "a", "device": "d", "segments": 2, "seconds": 9}
		{"workload": "w", "quantization": "f32", "cpu": "a", "device": "d", "segments": 2, "seconds": 4, "hwm_bytes": 100}
		{"workload": "w", "quantization": "int8", "cpu": "a", "device": "d", "segments": 2, "seconds": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	f := &Figures{Workload: "w", Quantization: "f32", CPU: "b", Device: "d", Segments: 2, Seconds: 3, PeakBytes: 150, Share: 0.5}
	c := f.Against(earlier)
	want := []Ratio{{"step, s", 3, 4, 0.75}, {"peak memory, bytes", 150, 100, 1.5}}
	if !slices.Equal(c.Ratios, want) || !slices.Equal(c.Missing, []string{"share of the ceiling"}) || !slices.Equal(c.Differs, []string{`the processor was "a"`}) {
		t.Errorf("comparison %+v", c)
	}
	f.Segments = 3
	if c := f.Against(earlier); !slices.Equal(c.Missing, []string{"w in f32, 3 segments"}) || len(c.Ratios) > 0 {
		t.Errorf("comparison %+v", c)
	}
	for _, text := range []string{"", "{}", "[", `{"workload": 3}`} {
		if _, err := ReadFigures("before.json", strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "before.json: ") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

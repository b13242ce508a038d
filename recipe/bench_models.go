package recipe

import (
	"context"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/delta"
	"trimtab/infer"
	"trimtab/internal/chance"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/train"
)

// The shapes of the benchmarks: those of BERT-base and GPT-2, without dropout.
const (
	benchBERT = `{"model_type": "bert", "architectures": ["BertForSequenceClassification"], "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}`
	benchGPT2 = `{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}`
	benchLora = `{"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 8, "lora_alpha": 16, "target_modules": ["query", "value"], "modules_to_save": ["classifier"]}`

	benchSegments, benchTokens = 32, 128
	benchBlocks                = 12
	benchBlockWeights          = 4*768*768 + 2*768*3072
)

// benchForwardFlops are those of the blocks' linear maps over all tokens.
const benchForwardFlops = 2 * benchSegments * benchTokens * benchBlocks * benchBlockWeights

// benchBase is a base of a shape, its weights drawn.
func benchBase(config string, dev *cpu.Device, precision compute.Precision) (*model.Base, error) {
	c, err := model.ParseConfig("bench", []byte(config))
	if err != nil {
		return nil, err
	}
	return model.New(c, nil, dev, model.Options{Random: true, Precision: precision})
}

// benchExamples are segments of tokens drawn from a vocabulary, in two classes.
func benchExamples(vocabulary int) *Examples {
	e := &Examples{}
	draws := make([]float32, benchSegments*benchTokens)
	chance.Floats(chance.Key{Site: chance.SiteOf("bench")}, draws)
	for i := range benchSegments {
		ids := make([]int32, benchTokens)
		for j := range ids {
			ids[j] = int32(draws[i*benchTokens+j] * float32(vocabulary))
		}
		e.Segments = append(e.Segments, nn.Segment{IDs: ids})
		e.Classes = append(e.Classes, i%2)
	}
	return e
}

// benchLoRA is the step of training that stands in the README: LoRA of rank 8 on every
// query and value, a classification head, AdamW. Its products are the blocks' linear maps, forward
// and the gradients of their inputs.
func benchLoRA(ctx context.Context, dev *cpu.Device, o BenchOptions, f *Figures) error {
	base, err := benchBase(benchBERT, dev, o.Precision)
	if err != nil {
		return err
	}
	config, err := delta.Parse("bench", []byte(benchLora))
	if err != nil {
		return err
	}
	d, err := delta.New(config, base, delta.Options{})
	if err != nil {
		return err
	}
	if err := d.Attach(); err != nil {
		return err
	}
	options := train.Defaults()
	options.LearningRate, options.Schedule, options.WeightDecay = 1e-3, "constant", 0.01
	options.BatchSize, options.MaxSteps = benchSegments, 1+o.Steps
	if o.Activations != "" {
		options.Activations = o.Activations
	}
	f.Activations = options.Activations
	e := benchExamples(base.Info().Vocabulary)
	e.Segments, e.Classes = slices.Repeat(e.Segments, 1+o.Steps), slices.Repeat(e.Classes, 1+o.Steps) // one epoch
	var watch stopwatch
	run := &train.Run{Device: dev, Options: options, Parameters: d.Parameters(), Report: func(train.Progress) { watch.step() },
		Objective: &classified{model: base.Model.(model.Classifier), e: e}}
	watch.start()
	if _, err := run.Train(ctx); err != nil {
		return err
	}
	watch.into(f, benchSegments*benchTokens, 2*benchForwardFlops)
	return nil
}

// benchForward is a pass of the same model over the same tokens without a gradient.
func benchForward(ctx context.Context, dev *cpu.Device, o BenchOptions, f *Figures) error {
	base, err := benchBase(benchBERT, dev, o.Precision)
	if err != nil {
		return err
	}
	batch, err := nn.Pack(benchExamples(base.Info().Vocabulary).Segments...)
	if err != nil {
		return err
	}
	tape := autograd.New(dev)
	var watch stopwatch
	watch.start()
	for range 1 + o.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		tape.Reset()
		if err := tape.Forward(base.Model.(model.Classifier).Classify(nn.NewPass(tape, batch))); err != nil {
			return err
		}
		watch.step()
	}
	watch.into(f, benchSegments*benchTokens, benchForwardFlops)
	return nil
}

// benchDecode is greedy generation of one text by GPT-2's shape: every step reads all weights for one token.
func benchDecode(ctx context.Context, dev *cpu.Device, o BenchOptions, f *Figures) error {
	base, err := benchBase(benchGPT2, dev, o.Precision)
	if err != nil {
		return err
	}
	prompt := benchExamples(base.Info().Vocabulary).Segments[0].IDs
	var watch stopwatch
	watch.start()
	_, err = infer.Generate(ctx, base, dev, [][]int32{prompt}, infer.Options{MaxNewTokens: 1 + 8*o.Steps, Token: func(int, int32) { watch.step() }})
	if err != nil {
		return err
	}
	weights := int64(benchBlocks*benchBlockWeights + base.Info().Vocabulary*base.Info().Hidden)
	watch.into(f, 1, 2*weights)
	var read int64
	for _, l := range base.Tree.Layers() {
		if l, ok := l.(*nn.Linear); ok {
			read += l.Weight.Bytes()
		}
	}
	f.Bandwidth = float64(read) / f.Seconds / 1e9
	return nil
}

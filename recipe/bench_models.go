package recipe

import (
	"context"
	"regexp"
	"runtime/debug"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/delta"
	"trimtab/infer"
	"trimtab/internal/chance"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/train"
)

// benchBase is a base of a shape, its weights drawn.
func benchBase(config string, dev compute.Device, precision compute.Precision) (*model.Base, error) {
	c, err := model.ParseConfig("bench", []byte(config))
	if err != nil {
		return nil, err
	}
	return model.New(c, nil, dev, model.Options{Uniform: true, Precision: precision})
}

// benchDelta puts a fresh delta on a base.
func benchDelta(config string, base *model.Base) (*delta.Delta, error) {
	c, err := delta.Parse("bench", []byte(config))
	if err != nil {
		return nil, err
	}
	d, err := delta.New(c, base, delta.Options{})
	if err != nil {
		return nil, err
	}
	return d, d.Attach()
}

// drawnExamples are segments of tokens drawn from a vocabulary, in two classes.
func drawnExamples(lengths []int, vocabulary int) *Examples {
	e := &Examples{}
	for i, n := range lengths {
		draws, ids := make([]float32, n), make([]int32, n)
		chance.Floats(chance.Key{Site: chance.SiteOf("bench"), Step: uint64(i)}, draws)
		for j := range ids {
			ids[j] = int32(draws[j] * float32(vocabulary))
		}
		e.Segments = append(e.Segments, nn.Segment{IDs: ids})
		e.Classes = append(e.Classes, i%2)
	}
	return e
}

// inBlock matches the path of a module of a block: a part of it is the block's number.
var inBlock = regexp.MustCompile(`\.\d+\.`)

// linearWeights are the elements of the linear maps of the blocks, through which every token goes, and of the others.
func linearWeights(base *model.Base) (blocks, others int64) {
	for _, l := range base.Tree.Layers() {
		if l, ok := l.(*nn.Linear); !ok {
			continue
		} else if n := int64(l.In) * int64(l.Out); inBlock.MatchString(l.Name) {
			blocks += n
		} else {
			others += n
		}
	}
	return blocks, others
}

// stepFlops are those of the linear maps of a step, as often as it passes through them; a generator's output layer is among them.
func (m *measurement) stepFlops(base *model.Base, tokens int) int64 {
	weights, output := linearWeights(base)
	if base.Task == model.CausalLM {
		weights += output
	}
	return 2 * m.passes * int64(tokens) * weights
}

// benchTraining is a step of training with AdamW: of classes, or of each next token.
func benchTraining(ctx context.Context, m *measurement) error {
	base, err := benchBase(m.model, m.dev, m.Precision)
	if err != nil {
		return err
	}
	d, err := benchDelta(m.delta, base)
	if err != nil {
		return err
	}
	if err := draw(base, m.dev); err != nil {
		return err
	}
	e := drawnExamples(m.lengths, base.Info().Vocabulary)
	e.Segments, e.Classes = slices.Repeat(e.Segments, 1+m.Steps), slices.Repeat(e.Classes, 1+m.Steps) // one epoch
	var objective train.Objective
	if base.Task == model.CausalLM {
		objective = &causal{model: base.Model.(model.LanguageModel), e: e}
	} else {
		objective = &classified{model: base.Model.(model.Classifier), e: e}
	}
	options := train.Defaults()
	options.LearningRate, options.Schedule, options.WeightDecay = 1e-3, "constant", 0.01
	options.BatchSize, options.MaxSteps = len(m.lengths), 1+m.Steps
	if m.BenchOptions.Activations != "" {
		options.Activations = m.BenchOptions.Activations
	}
	options.BF16 = m.BenchOptions.BF16
	m.Figures.Activations, m.Autocast = options.Activations, options.BF16
	watch := watchedSteps{dev: m.dev}
	run := &train.Run{Device: m.dev, Options: options, Parameters: d.Parameters(), Objective: objective, Report: func(train.Progress) { watch.step() }}
	watch.start(m.Steps)
	if _, err := run.Train(ctx); err != nil {
		return err
	}
	tokens := sum(m.lengths)
	watch.into(m.Figures, tokens, m.stepFlops(base, tokens))
	m.Segments = len(m.lengths)
	return nil
}

// answerOf is what a model is asked: its last states, the scores of classes or of the next token, or those of four words at a mask.
func answerOf(base *model.Base) func(*nn.Pass) *autograd.Value {
	lm, _ := base.Model.(model.LanguageModel)
	switch base.Task {
	case model.SequenceClassification:
		return base.Model.(model.Classifier).Classify
	case model.CausalLM:
		return func(p *nn.Pass) *autograd.Value { return model.Logits(lm, p, lm.Hidden(p), nil) }
	case model.MaskedLM:
		words := []int32{6659, 2919, 2307, 2204} // terrible, bad, great, good
		return func(p *nn.Pass) *autograd.Value { return model.Logits(lm, p, lm.Hidden(p), words) }
	}
	return base.Hidden
}

// draw makes the weights of a base that were not used yet, and lets go of what making them leaves, which would lie in memory beside the steps.
func draw(base *model.Base, dev compute.Device) error {
	batch, err := nn.Pack(nn.Segment{IDs: []int32{0}})
	if err != nil {
		return err
	}
	tape := autograd.New(dev)
	if err := tape.Forward(answerOf(base)(nn.NewPass(tape, batch))); err != nil {
		return err
	}
	debug.FreeOSMemory()
	return nil
}

// benchForward is a pass without a gradient: to the last states of all tokens, to classes, or to four words at a mask.
func benchForward(ctx context.Context, m *measurement) error {
	base, err := benchBase(m.model, m.dev, m.Precision)
	if err != nil {
		return err
	}
	e := drawnExamples(m.lengths, base.Info().Vocabulary)
	if base.Task == model.MaskedLM {
		for i := range e.Segments {
			e.Segments[i].Wanted = []int32{int32(m.lengths[i]) - 3} // before the full stop and [SEP]
		}
	}
	answer := answerOf(base)
	if err := draw(base, m.dev); err != nil {
		return err
	}
	batch, err := nn.Pack(e.Segments...)
	if err != nil {
		return err
	}
	tape := autograd.New(m.dev)
	watch := watchedSteps{dev: m.dev}
	watch.start(m.Steps)
	for range 1 + m.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		tape.Reset()
		if err := tape.Forward(answer(nn.NewPass(tape, batch))); err != nil {
			return err
		}
		watch.step()
	}
	watch.into(m.Figures, batch.Tokens(), m.stepFlops(base, batch.Tokens()))
	m.Segments = len(m.lengths)
	return nil
}

// benchDecode is greedy generation of one text behind a prompt of 128 tokens: every step reads all weights for one token.
func benchDecode(ctx context.Context, m *measurement) error {
	base, err := benchBase(m.model, m.dev, m.Precision)
	if err != nil {
		return err
	}
	if err := draw(base, m.dev); err != nil {
		return err
	}
	prompt := drawnExamples([]int{128}, base.Info().Vocabulary).Segments[0].IDs
	watch := watchedSteps{dev: m.dev}
	watch.start(m.Steps)
	_, err = infer.Generate(ctx, base, m.dev, [][]int32{prompt}, infer.Options{MaxNewTokens: 1 + m.Steps, Token: func(int, int32) { watch.step() }})
	if err != nil {
		return err
	}
	blocks, output := linearWeights(base)
	watch.into(m.Figures, 1, 2*(blocks+output))
	var read int64
	for _, l := range base.Tree.Layers() {
		if l, ok := l.(*nn.Linear); ok {
			read += l.Weight.Bytes()
		}
	}
	m.Bandwidth = float64(read) / m.Seconds / 1e9
	return nil
}

func sum(numbers []int) int {
	n := 0
	for _, v := range numbers {
		n += v
	}
	return n
}

package recipe

import (
	"trimtab/autograd"
	"trimtab/data"
	"trimtab/model"
	"trimtab/nn"
)

// classified is the cross entropy of classes.
type classified struct {
	model   model.Classifier
	e       *Examples
	weights []float32 // by class; nil: ones
}

// Lengths are the inputs' numbers of tokens.
func (c *classified) Lengths() []int { return lengths(c.e.Segments) }

// Count is the weight of the example's class.
func (c *classified) Count(example int, _ uint64) float64 {
	if c.weights == nil {
		return 1
	}
	return float64(c.weights[c.e.Classes[example]])
}

// Batch packs inputs.
func (c *classified) Batch(b *nn.Batch, examples []int, _ uint64) error {
	return pack(b, c.e.Segments, examples)
}

// Loss is the weighted cross entropy.
func (c *classified) Loss(p *nn.Pass, examples []int, _ uint64, scale float32) *autograd.Value {
	target := autograd.Slice[int32](p.Tape, len(examples))
	for i, e := range examples {
		target[i] = int32(c.e.Classes[e])
	}
	return p.CrossEntropy(c.model.Classify(p), target, c.weights, scale)
}

// causal is the prediction of each next token.
type causal struct {
	model  model.LanguageModel
	e      *Examples
	places []int32 // 0, 1, 2, … as far as they were needed
}

// Lengths are the texts' numbers of tokens.
func (c *causal) Lengths() []int { return lengths(c.e.Segments) }

// Count is the number of tokens that have one before them.
func (c *causal) Count(example int, _ uint64) float64 {
	return float64(len(c.e.Segments[example].IDs) - 1)
}

// Batch packs texts; of each, all tokens but the last are asked for the next.
func (c *causal) Batch(b *nn.Batch, examples []int, _ uint64) error {
	for _, e := range examples {
		s := c.e.Segments[e]
		for n := len(c.places); n < len(s.IDs); n++ {
			c.places = append(c.places, int32(n))
		}
		s.Wanted = c.places[:max(0, len(s.IDs)-1)]
		if err := b.Add(s); err != nil {
			return err
		}
	}
	if b.Wanted == nil {
		b.Wanted = []int32{}
	}
	return nil
}

// Loss is the cross entropy of the next tokens.
func (c *causal) Loss(p *nn.Pass, examples []int, _ uint64, scale float32) *autograd.Value {
	answers := c.answers(autograd.Slice[int32](p.Tape, len(p.Batch.Wanted))[:0], examples)
	return model.Loss(c.model, p, c.model.Hidden(p), answers, scale)
}

// answers appends the next tokens.
func (c *causal) answers(answers []int32, examples []int) []int32 {
	for _, e := range examples {
		answers = append(answers, c.e.Segments[e].IDs[1:]...)
	}
	return answers
}

func lengths(segments []nn.Segment) []int {
	n := make([]int, len(segments))
	for i, s := range segments {
		n[i] = len(s.IDs)
	}
	return n
}

func pack(b *nn.Batch, segments []nn.Segment, examples []int) error {
	for _, e := range examples {
		if err := b.Add(segments[e]); err != nil {
			return err
		}
	}
	return nil
}

// evalTokens is how many tokens a batch of an evaluation holds, evalLogits where each of them may be scored against the
// whole vocabulary.
const (
	evalTokens = 4096
	evalLogits = 1024
)

// evalBatches are batches of inputs in their order, of most tokens, or of one input that has more.
func evalBatches(n []int, most int) ([][]int, error) {
	for _, length := range n {
		most = max(most, length)
	}
	return data.Pack(n, 0, data.PackOptions{Tokens: most, Ordered: true})
}

package prompt

import (
	"errors"
	"fmt"
	"iter"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
)

// Classifier makes a classifier of a language model: it asks through a
// template and reads the answer through a verbalizer. It is a
// [model.Classifier], so whatever trains or evaluates one with a head does so
// with a prompt too. Without training it is the zero-shot classifier.
//
// Only the rows of the masks pass through the last block and the output layer,
// and of the vocabulary only the label words' tokens.
type Classifier struct {
	model.LanguageModel
	Template   *BoundTemplate
	Verbalizer *BoundVerbalizer
	// Soft are the template's soft tokens, nil if it has none.
	Soft *SoftTokens

	dev      compute.Device
	scorer   *Scorer
	attached bool
}

var _ model.Classifier = (*Classifier)(nil)

// NewClassifier joins a language model, a template and a verbalizer. The
// template must be bound for this kind of model, the verbalizer to as many
// masks as the template has. seed addresses the chance of new soft tokens;
// [Classifier.Attach] puts them into the base.
func NewClassifier(dev compute.Device, m model.LanguageModel, t *BoundTemplate, v *BoundVerbalizer, seed uint64) (*Classifier, error) {
	info := m.Info()
	if t.causal != info.Causal {
		return nil, fmt.Errorf("%w: it was bound for a %s, the model is a %s", ErrBind, kindOf(t.causal), kindOf(info.Causal))
	}
	if t.masks != v.Masks {
		return nil, fmt.Errorf("%w: bound to %d masks, the template has %d", ErrVerbalizer, v.Masks, t.masks)
	}
	if last := v.Vocabulary[len(v.Vocabulary)-1]; int(last) >= info.Vocabulary {
		return nil, fmt.Errorf("%w: a label word has id %d, the model's vocabulary has %d", ErrVerbalizer, last, info.Vocabulary)
	}
	c := &Classifier{LanguageModel: m, Template: t, Verbalizer: v, dev: dev, scorer: NewScorer(dev, v)}
	if len(t.soft) > 0 {
		var err error
		if c.Soft, err = NewSoftTokens(dev, t.soft, m.Words(), seed); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// kindOf names a kind of language model.
func kindOf(causal bool) string {
	if causal {
		return "causal model"
	}
	return "masked model"
}

// Attach puts the template's soft tokens into the base, if it has any. One
// template's may be attached at a time.
func (c *Classifier) Attach() {
	if c.Soft != nil && !c.attached {
		c.Soft.Attach()
		c.attached = true
	}
}

// Detach takes them out again: the base is as it was.
func (c *Classifier) Detach() {
	if c.attached {
		c.Soft.Detach()
		c.attached = false
	}
}

// Info is the model's, with the verbalizer's classes as labels.
func (c *Classifier) Info() model.Info {
	info := c.LanguageModel.Info()
	info.Labels = c.Verbalizer.Classes
	return info
}

// Segment returns an input as a segment of a batch, with its masks wanted.
func (in *Input) Segment() nn.Segment {
	s := nn.Segment{IDs: in.IDs, Types: in.TypeIDs}
	for _, m := range in.Masks {
		s.Wanted = append(s.Wanted, int32(m))
	}
	for _, soft := range in.Soft {
		s.Soft = append(s.Soft, nn.Soft{Row: int32(soft.Position), Index: int32(soft.Index)})
	}
	return s
}

// Classify records the pass over inputs ([Input.Segment]) and returns the
// class scores [segments, classes].
func (c *Classifier) Classify(p *nn.Pass) *autograd.Value {
	return c.scorer.Scores(p.Tape, c.maskLogits(p))
}

// errNotAttached is for batches with soft tokens that would read word 0 in their place.
var errNotAttached = errors.New("the batch has soft tokens, and the template's are not attached")

// maskLogits records the label words' logits at the masks, [segments · masks, rows].
func (c *Classifier) maskLogits(p *nn.Pass) *autograd.Value {
	if len(p.Batch.Soft) > 0 && !c.attached {
		p.Fail(errNotAttached)
	}
	if want := len(p.Batch.Segments) * c.Verbalizer.Masks; len(p.Batch.Wanted) != want {
		p.Fail(fmt.Errorf("%w: a batch of %d segments wants %d rows, expected the %d masks", ErrVerbalizer, len(p.Batch.Segments), len(p.Batch.Wanted), want))
	}
	return model.Logits(c.LanguageModel, p, c.LanguageModel.Hidden(p), c.Verbalizer.Vocabulary)
}

// calibrationTokens bounds the batches of [Classifier.CalibrateOn].
const calibrationTokens = 4096

// Calibrate makes the classifier subtract what the model answers to inputs
// that say nothing ([Template.Blank], wrapped), or on average to many
// unlabelled ones. What was calibrated before is replaced.
func (c *Classifier) Calibrate(inputs []*Input) error {
	segments := make([]nn.Segment, len(inputs))
	for i, in := range inputs {
		segments[i] = in.Segment()
	}
	return c.CalibrateOn(segments)
}

// CalibrateOn is [Classifier.Calibrate] for inputs that are segments already ([Input.Segment]).
func (c *Classifier) CalibrateOn(inputs []nn.Segment) error {
	if len(inputs) == 0 {
		return fmt.Errorf("%w: no inputs to calibrate with", ErrVerbalizer)
	}
	mean := make([]float64, c.Verbalizer.Size())
	tape := autograd.New(c.dev)
	for from, to := range calibrationBatches(inputs) {
		batch, err := nn.Pack(inputs[from:to]...)
		if err != nil {
			return err
		}
		tape.Reset()
		logits := c.maskLogits(nn.NewPass(tape, batch))
		if err := tape.Forward(logits); err != nil {
			return err
		}
		for i := range logits.Rows {
			at := mean[i%c.Verbalizer.Masks*logits.Cols:]
			for j, z := range logits.Data().Row(i) {
				at[j] += float64(z) / float64(len(inputs))
			}
		}
	}
	v, err := c.Verbalizer.Calibrated(mean)
	if err != nil {
		return err
	}
	c.Verbalizer, c.scorer = v, NewScorer(c.dev, v)
	return nil
}

// CalibrationBatches are which of the inputs CalibrateOn runs together.
func CalibrationBatches(inputs []nn.Segment) (batches [][]int) {
	for from, to := range calibrationBatches(inputs) {
		var batch []int
		for i := from; i < to; i++ {
			batch = append(batch, i)
		}
		batches = append(batches, batch)
	}
	return batches
}

// calibrationBatches are the inputs in their order, from one to before another, of so many tokens together.
func calibrationBatches(inputs []nn.Segment) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from, to := 0, 0; from < len(inputs); from = to {
			for tokens := 0; to < len(inputs) && (to == from || tokens+len(inputs[to].IDs) <= calibrationTokens); to++ {
				tokens += len(inputs[to].IDs)
			}
			if !yield(from, to) {
				return
			}
		}
	}
}

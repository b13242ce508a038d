package exchange

import (
	"fmt"

	"trimtab/model"
	"trimtab/nn"
)

// targets are what each row of the logits is to predict, -100 where nothing; nil
// if there are no labels. Those of a causal model are the next token's, so that a
// segment's first label counts only behind rows that deltas put before it.
func (in *Input) targets(b *nn.Batch, task model.Task, classes int) ([]int32, error) {
	switch {
	case in.Classes == nil && in.Tokens == nil:
		return nil, nil
	case task == model.SequenceClassification:
		return in.ofSegments(classes)
	case in.Tokens == nil:
		return nil, in.labels("[segments] for a %s head, expected [segments, width]", task)
	}
	targets := make([]int32, len(b.IDs))
	for i, s := range b.Segments {
		rows := targets[s.Start:s.End()]
		for j := range rows {
			place := j - int(b.Prefix)
			if task == model.CausalLM {
				place++
			}
			rows[j] = Ignored
			if place < 0 || place >= len(in.Tokens[i]) {
				continue
			}
			label := in.Tokens[i][place]
			if label != Ignored && (label < 0 || int(label) >= classes) {
				return nil, in.labels("segment %d, position %d is %d, expected %d or from 0 to %d", i, place, label, Ignored, classes-1)
			}
			rows[j] = label
		}
	}
	return targets, nil
}

func (in *Input) ofSegments(classes int) ([]int32, error) {
	if in.Classes == nil {
		return nil, in.labels("[segments, width] for a classifier, expected [segments]")
	}
	if classes == 1 {
		return nil, in.labels("one class only: regression is not computed here")
	}
	for i, label := range in.Classes {
		if label != Ignored && (label < 0 || int(label) >= classes) {
			return nil, in.labels("segment %d is %d, expected from 0 to %d", i, label, classes-1)
		}
	}
	return in.Classes, nil
}

func (in *Input) labels(format string, args ...any) error {
	return fmt.Errorf("%s: labels: %w: %s", in.Path, ErrInput, fmt.Sprintf(format, args...))
}

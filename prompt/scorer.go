package prompt

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/compute"
)

// Scorer records a verbalizer's computation on tapes, for training and for
// batches; [BoundVerbalizer.Scores] is its float64 specification. It belongs
// to one device and one goroutine.
type Scorer struct {
	bound  *BoundVerbalizer
	read   []compute.Mat // [rows of the vocabulary, words] a mask: what a mask's logits give each word
	groups [][]int32     // instead of read, for Max: each word's columns
	prior  compute.Mat   // [1, words]: minus the calibration, or empty
	mean   compute.Mat   // [words, classes]
	rows   [][]int32     // a mask: its rows, for as many examples as there ever were
}

// NewScorer prepares a verbalizer for a device.
func NewScorer(dev compute.Device, b *BoundVerbalizer) *Scorer {
	width, words, classes := len(b.Vocabulary), len(b.Words), len(b.Classes)
	matrix := func(rows, cols int) compute.Mat { return compute.NewMat(rows, cols, dev.Alloc(rows*cols)) }
	s := &Scorer{bound: b, mean: matrix(words, classes), rows: make([][]int32, b.Masks)}
	counts := make([]float32, classes)
	for _, w := range b.Words {
		counts[w.Class]++
	}
	if b.Handler != Max {
		for range b.Masks {
			s.read = append(s.read, matrix(width, words))
		}
	}
	for j, w := range b.Words {
		s.mean.Row(j)[w.Class] = 1 / counts[w.Class]
		switch b.Handler {
		case Max:
			group := make([]int32, len(w.Columns))
			for i, c := range w.Columns {
				group[i] = int32(c)
			}
			s.groups = append(s.groups, group)
		case First:
			s.read[0].Row(w.Columns[0])[j] = 1
		case Mean, OverMasks:
			for i, c := range w.Columns {
				mask := 0
				if b.Handler == OverMasks {
					mask = i
				}
				s.read[mask].Row(c)[j] += 1 / float32(len(w.Columns))
			}
		}
	}
	if b.Calibration != nil {
		s.prior = matrix(1, words)
		for j, p := range b.wordScores(b.Calibration) {
			s.prior.Data[j] = float32(-p)
		}
	}
	return s
}

// Scores records the class scores [examples, classes] of logits [examples ·
// Masks, len(Vocabulary)], in which an example's masks follow one another. The
// loss is their cross entropy with the labels.
func (s *Scorer) Scores(t *autograd.Tape, logits *autograd.Value) *autograd.Value {
	b := s.bound
	if logits.Rows%b.Masks != 0 || logits.Cols != len(b.Vocabulary) {
		t.Fail(fmt.Errorf("%w: logits [%d, %d], expected a multiple of %d rows, of %d columns", ErrVerbalizer, logits.Rows, logits.Cols, b.Masks, len(b.Vocabulary)))
		return logits
	}
	words := s.wordScores(t, logits)
	if b.PostLogSoftmax {
		if s.prior.Data != nil {
			words = t.AddRow(words, t.Constant(s.prior))
		}
		words = t.LogSoftmax(words)
	}
	return t.MatMul(words, t.Constant(s.mean), false, false, 1)
}

// wordScores records the score of every word, [examples, words].
func (s *Scorer) wordScores(t *autograd.Tape, logits *autograd.Value) *autograd.Value {
	switch s.bound.Handler {
	case Max:
		return t.GroupMax(logits, s.groups)
	case OverMasks:
		logits = t.LogSoftmax(logits)
	default:
		return t.MatMul(logits, t.Constant(s.read[0]), false, false, 1)
	}
	var words *autograd.Value
	examples := logits.Rows / s.bound.Masks
	for m, read := range s.read {
		for i := len(s.rows[m]); i < examples; i++ {
			s.rows[m] = append(s.rows[m], int32(i*s.bound.Masks+m))
		}
		words = t.MatMulOnto(words, t.Gather(logits, s.rows[m][:examples]), t.Constant(read), false, false, 1)
	}
	return words
}

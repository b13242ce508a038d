package prompt

import (
	"fmt"
	"math"
)

// BoundWord is a label word whose tokens are known.
type BoundWord struct {
	Class   int    // its class, an index into Classes
	Text    string // as it was tokenized, with its prefix
	Columns []int  // its tokens, first to last: indexes into Vocabulary
}

// BoundVerbalizer is a verbalizer whose words are joined to a vocabulary. It
// is not changed by use and may be shared.
//
// From logits z at the masks, over the rows that Vocabulary names, come a
// score a word by the Handler, then (PostLogSoftmax) a log-softmax over all
// words of all classes, and last a score a class: the mean over its words.
// Calibration subtracts from each word's score the one that the model gives
// where the input says nothing, before the log-softmax: the word's probability
// is divided by its prior and all are normalised again, as OpenPrompt does.
type BoundVerbalizer struct {
	Classes        []string
	Vocabulary     []int32 // the wanted rows of the vocabulary, ascending, each once
	Words          []BoundWord
	Handler        Handler // never empty
	Masks          int     // how many masks a word is read at
	PostLogSoftmax bool
	Calibration    []float64 // logits as Scores takes them, nil for none
}

// Size returns how many logits an example gives: Masks times the wanted rows.
func (b *BoundVerbalizer) Size() int { return b.Masks * len(b.Vocabulary) }

// Scores returns a score a class from one example's logits, [Masks, Vocabulary]
// row by row. With PostLogSoftmax these are mean log probabilities of words,
// without it mean logits; either way the greatest wins, and cross entropy over
// them is the training loss. The number of logits must be [BoundVerbalizer.Size].
func (b *BoundVerbalizer) Scores(logits []float64) ([]float64, error) {
	if len(logits) != b.Size() {
		return nil, fmt.Errorf("%w: %d logits, expected %d masks of %d rows", ErrVerbalizer, len(logits), b.Masks, len(b.Vocabulary))
	}
	words := b.wordScores(logits)
	if b.PostLogSoftmax {
		if b.Calibration != nil {
			for i, prior := range b.wordScores(b.Calibration) {
				words[i] -= prior
			}
		}
		logSoftmax(words)
	}
	sums, counts := make([]float64, len(b.Classes)), make([]float64, len(b.Classes))
	for i, w := range b.Words {
		sums[w.Class] += words[i]
		counts[w.Class]++
	}
	for c := range sums {
		sums[c] /= counts[c]
	}
	return sums, nil
}

// wordScores scores every word by the handler.
func (b *BoundVerbalizer) wordScores(logits []float64) []float64 {
	width := len(b.Vocabulary)
	if b.Handler == OverMasks {
		logits = append([]float64(nil), logits...)
		for m := range b.Masks {
			logSoftmax(logits[m*width : (m+1)*width])
		}
	}
	words := make([]float64, len(b.Words))
	for i, w := range b.Words {
		switch b.Handler {
		case First:
			words[i] = logits[w.Columns[0]]
		case Max:
			words[i] = math.Inf(-1)
			for _, c := range w.Columns {
				words[i] = max(words[i], logits[c])
			}
		case Mean, OverMasks:
			for t, c := range w.Columns {
				if b.Handler == OverMasks {
					c += t * width
				}
				words[i] += logits[c] / float64(len(w.Columns))
			}
		}
	}
	return words
}

// Gather picks the wanted rows out of logits over a whole vocabulary of the
// given size, [Masks, size] row by row.
func (b *BoundVerbalizer) Gather(logits []float64, size int) ([]float64, error) {
	if len(logits) != b.Masks*size {
		return nil, fmt.Errorf("%w: %d logits for %d masks of %d rows", ErrVerbalizer, len(logits), b.Masks, size)
	}
	out := make([]float64, 0, b.Size())
	for m := range b.Masks {
		for _, id := range b.Vocabulary {
			if int(id) >= size {
				return nil, fmt.Errorf("%w: a label word has id %d, the model's vocabulary has %d", ErrVerbalizer, id, size)
			}
			out = append(out, logits[m*size+int(id)])
		}
	}
	return out, nil
}

// Calibrated returns the verbalizer with the logits, as Scores takes them,
// that the model gives where the input says nothing: those of an example with
// empty fields (contextual calibration, Zhao et al. 2021), or the mean over
// many unlabelled examples (Hu et al. 2022). A verbalizer without
// PostLogSoftmax can not be calibrated.
func (b *BoundVerbalizer) Calibrated(logits []float64) (*BoundVerbalizer, error) {
	if !b.PostLogSoftmax {
		return nil, fmt.Errorf("%w: calibration needs post_log_softmax", ErrVerbalizer)
	}
	if len(logits) != b.Size() {
		return nil, fmt.Errorf("%w: %d logits to calibrate with, expected %d masks of %d rows", ErrVerbalizer, len(logits), b.Masks, len(b.Vocabulary))
	}
	for i, z := range logits {
		if math.IsNaN(z) || math.IsInf(z, 0) {
			return nil, fmt.Errorf("%w: logit %d to calibrate with is %v", ErrVerbalizer, i, z)
		}
	}
	c := *b
	c.Calibration = append([]float64(nil), logits...)
	return &c, nil
}

// Probabilities turns scores into class probabilities by softmax, in place.
func Probabilities(scores []float64) []float64 {
	logSoftmax(scores)
	for i, s := range scores {
		scores[i] = math.Exp(s)
	}
	return scores
}

// logSoftmax normalises logits in place.
func logSoftmax(x []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	for i := range x {
		x[i] -= top + math.Log(sum)
	}
}

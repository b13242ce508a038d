package recipe

import (
	"context"
	"fmt"
	"math"

	"trimtab/autograd"
	"trimtab/data"
	"trimtab/eval"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/train"
)

// Answer is what a classifier says of one input.
type Answer struct {
	// Label is the class with the highest score, Class its number.
	Label string `json:"label"`
	Class int    `json:"-"`
	// Scores are the probabilities of the classes, by label.
	Scores map[string]float64 `json:"scores"`
}

// The scores of an evaluation, the one first that decides where a recipe does not say.
var (
	classMetrics = []string{"accuracy", "f1_macro", "f1_micro", "matthews_correlation"}
	tokenMetrics = []string{"perplexity", "token_accuracy"}
	metrics      = map[string][]string{"classification": classMetrics, "causal_lm": tokenMetrics, "masked_lm": tokenMetrics}
)

// answer runs the classifier over inputs.
func (j *Job) answer(ctx context.Context, segments []nn.Segment) ([]Answer, error) {
	batches, err := evalBatches(lengths(segments), evalTokens)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, len(segments))
	tape := j.tape()
	var b nn.Batch
	for _, examples := range batches {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.Reset()
		if err := pack(&b, segments, examples); err != nil {
			return nil, err
		}
		tape.Reset()
		scores := tape.LogSoftmax(j.Classifier.Classify(nn.NewPass(tape, &b)))
		if err := tape.Forward(scores); err != nil {
			return nil, err
		}
		for i, e := range examples {
			row := scores.Data().Row(i)
			a := Answer{Class: argmax(row), Scores: map[string]float64{}}
			for c, s := range row {
				if s != s {
					return nil, fmt.Errorf("%w: the model's scores of input %d", train.ErrDiverged, e+1)
				}
				a.Scores[j.Labels.Names[c]] = math.Exp(float64(s))
			}
			a.Label = j.Labels.Names[a.Class]
			answers[e] = a
		}
	}
	return answers, nil
}

// evaluate measures the job on examples.
func (j *Job) evaluate(ctx context.Context, e *Examples) ([]train.Score, error) {
	if j.Classifier == nil {
		return j.evaluateLM(ctx, e)
	}
	answers, err := j.answer(ctx, e.Segments)
	if err != nil {
		return nil, err
	}
	predicted := make([]int, len(answers))
	for i, a := range answers {
		predicted[i] = a.Class
	}
	c, err := eval.NewConfusion(len(j.Labels.Names), e.Classes, predicted)
	if err != nil {
		return nil, err
	}
	var scores []train.Score
	for i, v := range []float64{c.Accuracy(), c.MacroF1(), c.MicroF1(), c.Matthews()} {
		scores = append(scores, train.Score{Name: classMetrics[i], Value: v})
	}
	return scores, nil
}

// scored is an objective whose answers are tokens.
type scored interface {
	train.Objective
	batchAnswers(examples []int) []int32
}

func (c *causal) batchAnswers(examples []int) []int32 { return c.answers(nil, examples) }
func (k *masked) batchAnswers(examples []int) []int32 { return k.answers(nil, examples, 0) }

// evaluateLM measures a language model: perplexity, and how often the likeliest token is right.
func (j *Job) evaluateLM(ctx context.Context, e *Examples) ([]train.Score, error) {
	o, err := j.languageObjective(e, true)
	if err != nil {
		return nil, err
	}
	return scoreTokens(ctx, j.tape(), j.Base.Model.(model.LanguageModel), o)
}

// scoreTokens measures an objective whose answers are tokens.
func scoreTokens(ctx context.Context, tape *autograd.Tape, m model.LanguageModel, o scored) ([]train.Score, error) {
	batches, err := evalBatches(o.Lengths(), evalLogits)
	if err != nil {
		return nil, err
	}
	var b nn.Batch
	right, count, loss := 0, 0, 0.0
	for _, examples := range batches {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.Reset()
		if err := o.Batch(&b, examples, 0); err != nil {
			return nil, err
		}
		tape.Reset()
		p := nn.NewPass(tape, &b)
		logits := p.LogSoftmax(model.Logits(m, p, m.Hidden(p), nil))
		if err := tape.Forward(logits); err != nil {
			return nil, err
		}
		for i, answer := range o.batchAnswers(examples) {
			row := logits.Data().Row(i)
			if argmax(row) == int(answer) {
				right++
			}
			loss -= float64(row[answer])
			count++
		}
	}
	return []train.Score{{Name: tokenMetrics[0], Value: eval.Perplexity(loss, count), Less: true},
		{Name: tokenMetrics[1], Value: float64(right) / float64(count)}}, nil
}

// argmax is the first place of the largest number.
func argmax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

// Evaluate measures the job on a source of the recipe's form; what it leaves out, it has from train.
func (j *Job) Evaluate(ctx context.Context, s *Source) ([]train.Score, *Examples, error) {
	d, full, err := j.Recipe.read(s)
	if err != nil {
		return nil, nil, err
	}
	e, err := j.examples(d, full, true)
	if err != nil {
		return nil, nil, err
	}
	scores, err := j.evaluate(ctx, e)
	return scores, e, err
}

// Predict answers for rows that need no label.
func (j *Job) Predict(ctx context.Context, d *data.Dataset, s Source) ([]Answer, error) {
	if j.Classifier == nil {
		return nil, j.Recipe.fail("task " + j.Recipe.Task + " gives no labels: use generate")
	}
	e, err := j.examples(d, s, false)
	if err != nil {
		return nil, err
	}
	return j.answer(ctx, e.Segments)
}

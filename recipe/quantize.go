package recipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/prompt"
)

// QuantizeOptions say what [Quantize] measures. The zero value is the default.
type QuantizeOptions struct {
	// Precisions are those that are compared with float32; nil is all others.
	Precisions []compute.Precision
	// Data is a file of texts for a base, of examples with labels for a run; empty is tokens drawn by chance for a base, and the test
	// data, or else the validation data, of a run.
	Data string
	// Run says how a run is opened.
	Run OpenOptions
}

// QuantizeReport is what [Quantize] found.
type QuantizeReport struct {
	// Model is what was measured, Device what it ran on.
	Model  string `json:"model"`
	Device string `json:"device"`
	// File are the data, empty where tokens were drawn; Segments, Tokens and Cut its inputs, their tokens, and how many were cut to length.
	File     string `json:"file,omitempty"`
	Segments int    `json:"segments"`
	Tokens   int    `json:"tokens"`
	Cut      int    `json:"cut"`
	// Metrics are the names of the scores, in their order: of a causal language model perplexity and token accuracy of each next token; of
	// a masked one those of hidden tokens (15 % of them, one at a time and the same in every precision: 80 % become [MASK], 10 %
	// another token, 10 % stay), whose perplexity is a pseudo-perplexity; of a run those of its task. None of other bases, nor of drawn tokens.
	Metrics []string `json:"metrics,omitempty"`
	// Precisions are the figures, float32's first.
	Precisions []QuantizedFigures `json:"precisions"`
}

// QuantizedFigures are those of a base at one precision. Errors are relative to float32: ‖x-x₃₂‖₂/‖x₃₂‖₂.
type QuantizedFigures struct {
	// Quantization is the precision. Scales says what maps a weight to few bits, absmax or zero-point, or is empty, and Per which of its
	// elements share a scale: a row, or a group of so many along the row.
	Quantization string `json:"quantization"`
	Scales       string `json:"scales,omitempty"`
	Per          string `json:"per,omitempty"`
	// MapBytes is the memory of the weights that are quantized, Bytes that of all tensors of the base.
	MapBytes int64 `json:"map_bytes"`
	Bytes    int64 `json:"bytes"`
	// WeightError is the error of all quantized weights together, HiddenError of the states after the last block.
	WeightError float64 `json:"weight_error"`
	HiddenError float64 `json:"hidden_error"`
	// Scores are by name.
	Scores map[string]float64 `json:"scores,omitempty"`
	// Seconds is the median time of five passes through the blocks over the same drawn tokens, 8 segments of 128 or of what the base takes,
	// TokenRate how many of those a second.
	Seconds   float64 `json:"seconds"`
	TokenRate float64 `json:"tokens_per_second"`
	// Blocks are the errors of each block, Maps of each map.
	Blocks []BlockError `json:"blocks"`
	Maps   []MapError   `json:"maps"`
}

// BlockError are the errors of a block: of its weights together, and of the states after it, which hold those of the blocks before.
type BlockError struct {
	Weight float64 `json:"weight_error"`
	Hidden float64 `json:"hidden_error"`
}

// MapError is the error of a linear map's weight.
type MapError struct {
	Site   string  `json:"site"`
	Weight float64 `json:"weight_error"`
}

// ErrNothingQuantized is wrapped by the error about a base of which no map is frozen.
var ErrNothingQuantized = errors.New("nothing is quantized")

// Quantize measures what holding the frozen weights of name, a base or a finished run, in fewer bits saves and costs.
func Quantize(ctx context.Context, name string, dev compute.Device, o QuantizeOptions) (*QuantizeReport, error) {
	if o.Precisions == nil {
		o.Precisions = compute.Precisions()[1:]
	}
	plain, err := openQuantized(name, dev, compute.F32, o)
	if err != nil {
		return nil, err
	}
	r := &QuantizeReport{Model: name, Device: dev.Name(), File: o.Data, Segments: len(plain.segments), Cut: plain.cut}
	if plain.examples != nil {
		r.File = plain.examples.Data.Name
	}
	for _, s := range plain.segments {
		r.Tokens += len(s.IDs)
	}
	if err = plain.measureInto(ctx, r, plain); err == nil {
		for _, p := range o.Precisions {
			if err = measureQuantized(ctx, r, plain, name, p, o); err != nil {
				break
			}
		}
	}
	return r, firstOf(err, plain.Close())
}

// measureQuantized opens name in precision p and measures it beside plain.
func measureQuantized(ctx context.Context, r *QuantizeReport, plain *quantized, name string, p compute.Precision, o QuantizeOptions) error {
	if p == compute.F32 { // which is there already
		return nil
	}
	q, err := openQuantized(name, plain.Device, p, o)
	if err != nil {
		return err
	}
	return firstOf(q.measureInto(ctx, r, plain), q.Close())
}

// quantized is a base, or a run on it, in one precision, with what it is measured on.
type quantized struct {
	*Job
	precision compute.Precision
	tape      *autograd.Tape
	segments  []nn.Segment
	cut       int
	examples  *Examples // nil where tokens were drawn
}

func openQuantized(name string, dev compute.Device, p compute.Precision, o QuantizeOptions) (*quantized, error) {
	q := &quantized{precision: p, tape: autograd.New(dev)}
	var err error
	if isRun(name) {
		err = q.openRun(name, dev, o)
	} else {
		err = q.openBase(name, dev, o)
	}
	if err == nil && len(q.Base.Tree.Quantized()) == 0 {
		err = fmt.Errorf("%s: %w: it has no linear map in its blocks that does not train", name, ErrNothingQuantized)
	}
	if err != nil && q.Job != nil {
		err = firstOf(err, q.Close())
	}
	if q.examples != nil {
		q.segments, q.cut = q.examples.Segments, q.examples.Cut
	}
	return q, err
}

// isRun reports whether a name is that of a finished run's folder.
func isRun(name string) bool {
	_, err := os.Stat(filepath.Join(name, runFile))
	return err == nil && name != Builtin
}

// openBase opens a base; what it reads or draws are its inputs.
func (q *quantized) openBase(name string, dev compute.Device, o QuantizeOptions) error {
	options := model.Options{Precision: q.precision}
	if o.Data == "" {
		base, err := OpenModel(name, dev, options)
		if err != nil {
			return err
		}
		q.Job = &Job{Device: dev, Base: base}
		q.segments = q.drawn()
		return nil
	}
	base, tok, err := OpenBase(name, dev, options)
	if err != nil {
		return err
	}
	whole := false
	r := &Recipe{Base: name, path: name, Task: string(base.Task), Masking: Masking{Probability: 0.15, WholeWord: &whole},
		MaxLength: Length{Tokens: base.Info().Positions, Truncation: prompt.Tail}}
	q.Job = &Job{Recipe: r, Device: dev, Base: base, Tokenizer: tok}
	d, s, err := r.read(&Source{File: o.Data})
	if err != nil {
		return err
	}
	if s.Text == "" {
		return fmt.Errorf("%s: none of the fields %q is the text: name one text, or give a file of texts, a line each", o.Data, d.Fields)
	}
	q.examples, err = q.Job.examples(d, s, false)
	return err
}

// openRun opens a finished run; the examples that it is measured on are its inputs.
func (q *quantized) openRun(name string, dev compute.Device, o QuantizeOptions) error {
	run := o.Run
	run.Quantization = q.precision.String()
	var err error
	if q.Job, _, err = OpenRun(name, dev, run); err != nil {
		return err
	}
	s := &Source{File: o.Data}
	if o.Data == "" {
		if s, err = q.Recipe.Held(); err != nil {
			return err
		}
	}
	d, full, err := q.Recipe.read(s)
	if err != nil {
		return err
	}
	q.examples, err = q.Job.examples(d, full, true)
	return err
}

// Held is the data that a run is measured on where nothing else is named: test, or else validation.
func (r *Recipe) Held() (*Source, error) {
	switch {
	case r.Data.Test != nil:
		return r.Data.Test, nil
	case r.Data.Validation != nil:
		return r.Data.Validation, nil
	}
	return nil, errors.New("the recipe has no test and no validation data: name a FILE")
}

// drawn are 8 segments of 128 tokens, or of as many as the model takes, drawn from its vocabulary.
func (q *quantized) drawn() []nn.Segment {
	const count, most = 8, 128
	info := q.Base.Info()
	return drawnExamples(alike(count, min(most, info.Positions-q.virtualTokens())), info.Vocabulary).Segments
}

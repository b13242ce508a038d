package recipe

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
)

// scaling says what maps the weights of a precision to few bits, in the field's words.
var scaling = map[compute.Precision]struct{ scales, per string }{
	compute.F32:     {},
	compute.BF16:    {},
	compute.Int8:    {"absmax", "row"},
	compute.LLMInt8: {"absmax", "row"},
	compute.NF4:     {"absmax", "group of 64"},
	compute.Int4:    {"zero-point", "group of 128"},
}

// measureInto adds the figures of q to the report; plain is the same in float32.
func (q *quantized) measureInto(ctx context.Context, r *QuantizeReport, plain *quantized) error {
	words := scaling[q.precision]
	f := QuantizedFigures{Quantization: q.precision.String(), Scales: words.scales, Per: words.per}
	f.Blocks = make([]BlockError, q.Base.Info().Blocks)
	for _, p := range q.Base.Tree.Params() {
		f.Bytes += p.Bytes()
	}
	if err := q.weights(&f); err != nil {
		return err
	}
	if q != plain {
		if err := q.hidden(ctx, &f, plain); err != nil {
			return err
		}
	}
	if err := q.score(ctx, &f, r); err != nil {
		return err
	}
	if err := q.time(ctx, &f); err != nil {
		return err
	}
	r.Precisions = append(r.Precisions, f)
	return nil
}

// weights are the errors of the quantized weights, and their memory.
func (q *quantized) weights(f *QuantizedFigures) error {
	var all deviation
	blocks := make([]deviation, len(f.Blocks))
	for _, l := range q.Base.Tree.Quantized() {
		d, err := q.weight(l)
		if err != nil {
			return err
		}
		block, ok := blockOf(l.Name)
		if !ok || block >= len(blocks) {
			return fmt.Errorf("%s: the path names none of %d blocks", l.Name, len(blocks))
		}
		f.MapBytes += l.Weight.Bytes()
		f.Maps = append(f.Maps, MapError{Site: l.Name, Weight: d.relative()})
		blocks[block].merge(d)
		all.merge(d)
	}
	for i := range blocks {
		f.Blocks[i].Weight = blocks[i].relative()
	}
	f.WeightError = all.relative()
	return nil
}

// weight compares what a map's weight is held as with what the base published.
func (q *quantized) weight(l *nn.Linear) (d deviation, err error) {
	w, err := l.Weight.Weight()
	if err != nil {
		return d, err
	}
	want, err := l.Weight.Float32s()
	if err != nil {
		return d, err
	}
	got := compute.NewMat(l.Out, l.In, make([]float32, l.Out*l.In))
	q.Device.Unpack(got, w)
	for o := range l.Out {
		for i, x := range got.Row(o) {
			at := o*l.In + i
			if l.Transposed {
				at = i*l.Out + o
			}
			d.add(x, want[at])
		}
	}
	return d, nil
}

// blockOf is the number of the block that a module lies in: the first number of its path, as transformers counts.
func blockOf(path string) (int, bool) {
	for part := range strings.SplitSeq(path, ".") {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 {
			return n, true
		}
	}
	return 0, false
}

// hidden are the errors of the states after each block.
func (q *quantized) hidden(ctx context.Context, f *QuantizedFigures, plain *quantized) error {
	batches, err := evalBatches(lengths(q.segments), evalTokens)
	if err != nil {
		return err
	}
	blocks := make([]deviation, len(f.Blocks))
	for _, examples := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := q.states(examples)
		if err != nil {
			return err
		}
		want, err := plain.states(examples)
		if err != nil {
			return err
		}
		for i := range blocks {
			blocks[i].rows(got[i].Data(), want[i].Data())
		}
	}
	for i := range blocks {
		f.Blocks[i].Hidden = blocks[i].relative()
	}
	f.HiddenError = blocks[len(blocks)-1].relative()
	return nil
}

// states are those after each block for some of the inputs, readable until the next call.
func (q *quantized) states(examples []int) ([]*autograd.Value, error) {
	var b nn.Batch
	if err := pack(&b, q.segments, examples); err != nil {
		return nil, err
	}
	q.tape.Reset()
	p := nn.NewPass(q.tape, &b)
	var states []*autograd.Value
	p.Observe = func(_ int, h *autograd.Value) { states = append(states, h) }
	q.Base.Hidden(p)
	if err := q.tape.Err(); err != nil {
		return nil, err
	}
	return states[1:], q.tape.Forward(states[1:]...)
}

// score measures the language model, or the run, where there is data.
func (q *quantized) score(ctx context.Context, f *QuantizedFigures, r *QuantizeReport) error {
	if _, speaks := q.Base.Model.(model.LanguageModel); q.examples == nil || q.Classifier == nil && !speaks {
		return nil
	}
	scores, err := q.evaluate(ctx, q.examples)
	if err != nil {
		return err
	}
	f.Scores = named(scores)
	r.Metrics = nil
	for _, s := range scores {
		r.Metrics = append(r.Metrics, s.Name)
	}
	return nil
}

// time runs the blocks over drawn tokens.
func (q *quantized) time(ctx context.Context, f *QuantizedFigures) error {
	batch, err := nn.Pack(q.drawn()...)
	if err != nil {
		return err
	}
	var watch stopwatch
	watch.start(5)
	for range 1 + 5 {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.tape.Reset()
		if err := q.tape.Forward(q.Base.Hidden(nn.NewPass(q.tape, batch))); err != nil {
			return err
		}
		watch.step()
	}
	var figures Figures
	watch.into(&figures, batch.Tokens(), 0)
	f.Seconds, f.TokenRate = figures.Seconds, figures.TokenRate
	return nil
}

// deviation sums how far numbers are from what they should be.
type deviation struct{ difference, size float64 }

func (d *deviation) add(got, want float32) {
	x := float64(got) - float64(want)
	d.difference += x * x
	d.size += float64(want) * float64(want)
}

func (d *deviation) rows(got, want compute.Mat) {
	for i := range want.Rows {
		row := want.Row(i)
		for j, x := range got.Row(i) {
			d.add(x, row[j])
		}
	}
}

func (d *deviation) merge(o deviation) {
	d.difference += o.difference
	d.size += o.size
}

// relative is ‖got-want‖₂/‖want‖₂; of numbers that are all as they should be 0.
func (d *deviation) relative() float64 {
	if d.difference == 0 {
		return 0
	}
	return math.Sqrt(d.difference / d.size)
}

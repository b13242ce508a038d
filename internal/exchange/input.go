package exchange

import (
	"errors"
	"fmt"
	"math"

	"trimtab/checkpoint"
	"trimtab/nn"
	"trimtab/tensor"
)

// ErrInput is wrapped by errors about tensors that are no input of a model.
var ErrInput = errors.New("input does not fit")

// Ignored is the label that does not count, as PyTorch has it.
const Ignored = -100

// Input is a batch read from a file.
type Input struct {
	// Path is the file, for errors.
	Path string
	// Width is the number of columns that the file has for each segment.
	Width int
	// Segments are the tokens that the mask names.
	Segments []nn.Segment
	// Classes are the labels of segments, Tokens those of tokens, [Segments][tokens]; nil where there are none.
	Classes []int32
	Tokens  [][]int32
}

// Read reads the inputs among the tensors of a safetensors file.
func Read(path string) (*Input, error) {
	f, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := FromFile(f)
	return in, errors.Join(err, f.Close())
}

// FromFile takes the inputs from an open file; nothing of it is kept.
func FromFile(f *checkpoint.File) (*Input, error) {
	r := reader{file: f}
	ids := r.matrix("input_ids", true)
	if r.err != nil {
		return nil, r.err
	}
	in := &Input{Path: f.Path(), Width: r.width}
	mask, types := r.matrix("attention_mask", false), r.matrix("token_type_ids", false)
	for i := range ids {
		n := r.width
		if mask != nil {
			n = r.tokens(i, mask[i])
		}
		s := nn.Segment{IDs: ids[i][:n]}
		if types != nil {
			s.Types = types[i][:n]
		}
		in.Segments = append(in.Segments, s)
	}
	r.labels(in)
	if r.err != nil {
		return nil, r.err
	}
	return in, nil
}

// reader takes matrices of integers out of a file. Its first error sticks.
type reader struct {
	file        *checkpoint.File
	rows, width int
	err         error
}

func (r *reader) fail(name, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s: %w: %s", r.file.Path(), name, ErrInput, fmt.Sprintf(format, args...))
	}
}

// integers are the elements of a tensor; ok is false if the file has none of that name.
func (r *reader) integers(name string) (v []int32, shape tensor.Shape, ok bool) {
	t, ok := r.file.Tensor(name)
	if !ok || r.err != nil {
		return nil, nil, false
	}
	wide, err := t.Int64s()
	if err != nil {
		r.err = fmt.Errorf("%s: %s: %w", r.file.Path(), name, err)
		return nil, nil, false
	}
	v = make([]int32, len(wide))
	for i, x := range wide {
		if x < math.MinInt32 || x > math.MaxInt32 {
			r.fail(name, "element %d is %d, expected 32 bits", i, x)
		}
		v[i] = int32(x)
	}
	return v, t.Shape, true
}

// matrix is the rows of a tensor [segments, width]; nil if the file has none of that name.
func (r *reader) matrix(name string, needed bool) [][]int32 {
	v, shape, ok := r.integers(name)
	if !ok {
		if needed {
			r.fail(name, "there is no such tensor")
		}
		return nil
	}
	if needed && len(shape) == 2 {
		r.rows, r.width = shape[0], shape[1]
	}
	if len(shape) != 2 || shape[0] != r.rows || shape[1] != r.width || len(v) == 0 {
		r.fail(name, "shape %v, expected [segments, width] of input_ids, [%d, %d], and no zero", shape, r.rows, r.width)
		return nil
	}
	if name != "labels" {
		for i, x := range v {
			if x < 0 {
				r.fail(name, "element %d is %d, expected 0 or above", i, x)
			}
		}
	}
	rows := make([][]int32, r.rows)
	for i := range rows {
		rows[i] = v[i*r.width : (i+1)*r.width]
	}
	return rows
}

// tokens counts the tokens that one segment's mask names.
func (r *reader) tokens(segment int, mask []int32) int {
	n := 0
	for place, m := range mask {
		switch {
		case m == 1 && n == place:
			n++
		case m != 0:
			r.fail("attention_mask", "segment %d, position %d is %d, expected ones, then zeros", segment, place, m)
		}
	}
	if n == 0 {
		r.fail("attention_mask", "segment %d has no tokens", segment)
	}
	return n
}

// labels reads those of segments or of tokens.
func (r *reader) labels(in *Input) {
	t, ok := r.file.Tensor("labels")
	if !ok {
		return
	}
	if len(t.Shape) == 1 {
		in.Classes, _, _ = r.integers("labels")
		if len(in.Classes) != r.rows {
			r.fail("labels", "shape %v for %d segments", t.Shape, r.rows)
		}
		return
	}
	for i, row := range r.matrix("labels", false) {
		n := len(in.Segments[i].IDs)
		for place, label := range row[n:] {
			if label != Ignored {
				r.fail("labels", "segment %d, position %d is %d, where attention_mask has no token", i, n+place, label)
			}
		}
		in.Tokens = append(in.Tokens, row[:n])
	}
}

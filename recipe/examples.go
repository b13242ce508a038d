package recipe

import (
	"fmt"
	"slices"

	"trimtab/data"
	"trimtab/delta"
	"trimtab/nn"
	"trimtab/prompt"
	"trimtab/tokenizer"
)

// wrapOptions are the limits of an input.
func (j *Job) wrapOptions() prompt.WrapOptions {
	o := prompt.WrapOptions{MaxTokens: j.Recipe.MaxLength.Tokens, Truncation: j.Recipe.MaxLength.Truncation}
	if o.MaxTokens == 0 { // nothing says how to cut
		o.MaxTokens, o.Truncation = j.Base.Info().Positions-j.virtualTokens(), prompt.NoCut
	}
	return o
}

// virtualTokens is how many positions deltas take before an input's own.
func (j *Job) virtualTokens() int {
	n := 0
	for _, d := range j.Deltas {
		switch c := d.Config().(type) {
		case *delta.Prompt:
			n += c.Tokens
		case *delta.Prefix:
			n += c.Tokens
		}
	}
	return n
}

// fits reports a length that the base does not have room for.
func (j *Job) fits() error {
	positions, virtual := j.Base.Info().Positions, j.virtualTokens()
	switch room := positions - virtual; {
	case room < 1:
		return j.Recipe.fail(fmt.Sprintf("deltas: they have %d virtual tokens, and the model has %d positions", virtual, positions))
	case j.Recipe.MaxLength.Tokens > room:
		return j.Recipe.fail(fmt.Sprintf("max_length.tokens is %d, and the model has %d positions, %d of them for virtual tokens", j.Recipe.MaxLength.Tokens, positions, virtual))
	}
	return nil
}

// examples makes inputs of rows; labelled says that each row has a label.
func (j *Job) examples(d *data.Dataset, s Source, labelled bool) (*Examples, error) {
	e := &Examples{Data: d}
	if labelled && j.Labels != nil {
		if s.Label == "" {
			return nil, j.Recipe.fail(fmt.Sprintf("data.train.label is missing: %s has the fields %q", d.Name, d.Fields))
		}
		classes, err := d.Classes(s.Label, j.Labels)
		if err != nil {
			return nil, err
		}
		e.Classes = classes
	}
	if j.Prompt == nil && s.Text == "" {
		return nil, j.Recipe.fail(fmt.Sprintf("data.train.text is missing: %s has the fields %q", d.Name, d.Fields))
	}
	form := j.encodeExamples
	if j.Prompt != nil {
		form = j.wrapExamples
	}
	const window = 1024 // rows whose text and tokens are in memory in every form at once
	for from := 0; from < len(d.Rows); from += window {
		part := *d
		part.Rows = d.Rows[from:min(from+window, len(d.Rows))]
		if err := form(e, &part, s); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// add adds a segment, whose memory is its own.
func (e *Examples) add(s nn.Segment) {
	s.IDs = e.ids.keep(s.IDs)
	if slices.ContainsFunc(s.Types, func(t int32) bool { return t != 0 }) {
		s.Types = e.ids.keep(s.Types)
	} else {
		s.Types = nil
	}
	e.Segments = append(e.Segments, s)
}

// store holds many short lists, one behind the other.
type store []int32

// keep is a copy of list in the store.
func (s *store) keep(list []int32) []int32 {
	const most = 1 << 16
	if len(*s)+len(list) > cap(*s) { // who has the old memory keeps it
		*s = make([]int32, 0, max(most, len(list)))
	}
	from := len(*s)
	*s = append(*s, list...)
	return (*s)[from:len(*s):len(*s)]
}

// wrapExamples fills the template with each row: its fields by their names, and the
// text fields as text_a and text_b too.
func (j *Job) wrapExamples(e *Examples, d *data.Dataset, s Source) error {
	examples := make([]prompt.Example, len(d.Rows))
	for i := range d.Rows {
		fields := map[string]string{}
		for _, name := range d.Fields {
			if v, err := d.Value(i, name); err == nil {
				fields[name] = v
			}
		}
		a, isA := fields[s.Text]
		b, isB := fields[s.TextPair]
		if isA && s.Text != "" {
			fields["text_a"] = a
		}
		if isB && s.TextPair != "" {
			fields["text_b"] = b
		}
		examples[i] = prompt.Example{Fields: fields}
	}
	inputs, report, err := j.Prompt.Template.WrapAll(examples, j.wrapOptions())
	if err != nil {
		return j.inRow(d, examples, err)
	}
	e.Cut += report.Cut
	for _, in := range inputs {
		e.add(in.Segment())
	}
	return nil
}

// inRow is the error of the first row that the template cannot be filled with.
func (j *Job) inRow(d *data.Dataset, examples []prompt.Example, all error) error {
	for i, ex := range examples {
		if _, err := j.Prompt.Template.Wrap(ex, j.wrapOptions()); err != nil {
			return fmt.Errorf("%s:%d: %w", d.Name, d.Rows[i].Line, err)
		}
	}
	return fmt.Errorf("%s: %w", d.Name, all)
}

// encodeExamples tokenizes the text, or the two texts, of each row.
func (j *Job) encodeExamples(e *Examples, d *data.Dataset, s Source) error {
	a, err := j.encodeField(d, s.Text)
	if err != nil {
		return err
	}
	var b []*tokenizer.Encoding
	if s.TextPair != "" {
		if b, err = j.encodeField(d, s.TextPair); err != nil {
			return err
		}
	}
	special, err := j.specials(b != nil)
	if err != nil {
		return err
	}
	limit := j.wrapOptions()
	for i := range a {
		x, y := a[i].IDs, []int32(nil)
		if b != nil {
			y = b[i].IDs
			if y == nil {
				y = []int32{}
			}
		}
		if over := len(x) + len(y) + special - limit.MaxTokens; limit.MaxTokens > 0 && over > 0 {
			if limit.Truncation == prompt.NoCut || over > len(x)+len(y) {
				return fmt.Errorf("%s:%d: %w: %d tokens, at most %d; max_length says how to cut", d.Name, d.Rows[i].Line, prompt.ErrTooLong, len(x)+len(y)+special, limit.MaxTokens)
			}
			x, y = cut(x, y, over, limit.Truncation == prompt.Head)
			e.Cut++
		}
		full, err := j.Tokenizer.WithSpecials(x, y)
		if err != nil {
			return err
		}
		if len(full.IDs) == 0 {
			return fmt.Errorf("%s:%d: the text has no tokens", d.Name, d.Rows[i].Line)
		}
		e.add(nn.Segment{IDs: full.IDs, Types: full.TypeIDs})
	}
	return nil
}

func (j *Job) encodeField(d *data.Dataset, field string) ([]*tokenizer.Encoding, error) {
	texts, err := d.Column(field)
	if err != nil {
		return nil, err
	}
	return j.Tokenizer.EncodeBatch(texts, tokenizer.Options{NoSpecialTokens: true, NoTruncation: true, NoPadding: true})
}

// specials is how many special tokens stand around a text, or a pair.
func (j *Job) specials(pair bool) (int, error) {
	var b []int32
	if pair {
		b = []int32{}
	}
	e, err := j.Tokenizer.WithSpecials([]int32{}, b)
	if err != nil {
		return 0, err
	}
	return len(e.IDs), nil
}

// cut takes n tokens off two texts, always from the longer one, as transformers'
// longest_first does: at the end, or at the front.
func cut(a, b []int32, n int, front bool) ([]int32, []int32) {
	for ; n > 0; n-- {
		longer := &a
		if len(b) > len(a) {
			longer = &b
		}
		if front {
			*longer = (*longer)[1:]
		} else {
			*longer = (*longer)[:len(*longer)-1]
		}
	}
	return a, b
}

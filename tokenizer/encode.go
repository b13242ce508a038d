package tokenizer

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Options of encoding. The zero value does what tokenizer.json says.
type Options struct {
	NoSpecialTokens bool // leaves out the special tokens of the post-processor
	NoTruncation    bool // keeps all tokens, whatever tokenizer.json says
	NoPadding       bool // does not fill up, whatever tokenizer.json says
	// MaxLength truncates to so many tokens, special tokens included, in place
	// of the length that tokenizer.json states; 0 leaves that.
	MaxLength int
}

// Encode turns a text into tokens.
func (t *Tokenizer) Encode(text string, o Options) (*Encoding, error) {
	return t.encode([]string{text}, o)
}

// EncodePair turns two texts into one sequence of tokens, in the way that the
// post-processor joins a pair.
func (t *Tokenizer) EncodePair(a, b string, o Options) (*Encoding, error) {
	return t.encode([]string{a, b}, o)
}

// EncodeBatch encodes many texts on all cores. Where tokenizer.json pads to the
// longest of a batch, the texts are the batch. An error names the first text
// that failed.
func (t *Tokenizer) EncodeBatch(texts []string, o Options) ([]*Encoding, error) {
	out := make([]*Encoding, len(texts))
	errs := make([]error, len(texts))
	unpadded := o
	unpadded.NoPadding = true
	const chunk = 16
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(texts)+chunk-1)/chunk) {
		group.Go(func() {
			for {
				end := int(next.Add(chunk))
				for i := end - chunk; i < min(end, len(texts)); i++ {
					out[i], errs[i] = t.Encode(texts[i], unpadded)
				}
				if end >= len(texts) {
					return
				}
			}
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", i, err)
		}
	}
	if t.padding != nil && !o.NoPadding {
		t.padding.pad(out)
	}
	return out, nil
}

// encode runs the whole pipeline on one text or two.
func (t *Tokenizer) encode(texts []string, o Options) (*Encoding, error) {
	parts := make([]*Encoding, len(texts))
	for i, text := range texts {
		var err error
		if parts[i], err = t.tokens(text, int8(i)); err != nil {
			return nil, err
		}
	}
	if err := t.truncate(parts, o); err != nil {
		return nil, err
	}
	e, err := process(t.postprocessors, parts, !o.NoSpecialTokens, texts)
	if err != nil {
		return nil, err
	}
	if t.padding != nil && !o.NoPadding {
		t.padding.pad([]*Encoding{e})
	}
	return e, nil
}

// truncate cuts the texts' encodings before special tokens are put around them.
func (t *Tokenizer) truncate(parts []*Encoding, o Options) error {
	section := t.truncation
	if o.NoTruncation && o.MaxLength > 0 {
		return fmt.Errorf("tokenizer: options NoTruncation and MaxLength %d contradict each other", o.MaxLength)
	}
	if o.MaxLength > 0 {
		var changed truncation
		if section != nil {
			changed = *section
		}
		changed.maxLength = o.MaxLength
		section = &changed
	}
	if section == nil || o.NoTruncation {
		return nil
	}
	length := section.maxLength
	if !o.NoSpecialTokens {
		length -= t.addedSpecials(len(parts) == 2)
	}
	if len(parts) == 1 {
		return section.cut(parts[0], nil, length)
	}
	return section.cut(parts[0], parts[1], length)
}

// addedSpecials is how many special tokens the post-processor puts.
func (t *Tokenizer) addedSpecials(pair bool) int {
	n := 0
	for _, p := range t.postprocessors {
		n += p.added(pair)
	}
	return n
}

// tokens encodes one text without special tokens. which is its place in a pair.
func (t *Tokenizer) tokens(text string, which int8) (*Encoding, error) {
	s := t.scratch.Get().(*scratch)
	defer t.scratch.Put(s)
	if err := t.segments(text, s); err != nil {
		return nil, err
	}
	e := newEncoding(len(s.cut) + len(s.cut)/4 + 4)
	for i := range s.cut {
		p := &s.cut[i]
		if p.added >= 0 {
			at, _ := p.origin(0, len(p.text))
			e.add(p.added, p.text, at, int32(which), false, which)
			continue
		}
		var err error
		if s.tokens, err = t.model.tokenize(p.text, s.tokens[:0], s); err != nil {
			return nil, err
		}
		for _, k := range s.tokens {
			at, ok := p.origin(k.start, k.end)
			if !ok {
				at = Span{k.start, k.end}
			}
			e.add(k.id, k.text, at, int32(which), false, which)
		}
	}
	return e, nil
}

// segments cuts a text into the pieces that the model sees and added tokens,
// and leaves them in s.cut.
func (t *Tokenizer) segments(text string, s *scratch) error {
	if err := checkText(text); err != nil {
		return err
	}
	s.cut = s.cut[:0]
	var failed error
	keep := func(g segment) {
		if g.text != "" {
			s.cut = append(s.cut, g)
		}
	}
	t.added.cut(piece{text: text}, t.added.raw, func(g segment) {
		if g.added >= 0 || g.text == "" {
			keep(g)
			return
		}
		if t.normalizer != nil {
			if err := t.normalizer.normalize(&g.piece); err != nil && failed == nil {
				failed = fmt.Errorf("tokenizer: %w", err)
			}
		}
		t.added.cut(g.piece, t.added.normal, keep)
	})
	if failed != nil {
		return failed
	}
	if err := pretokenize(t.pretokenizers, s); err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	return nil
}

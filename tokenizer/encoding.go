package tokenizer

import "unicode/utf8"

// Encoding is a text, or a pair of texts, as tokens. Its slices have one entry
// a token.
type Encoding struct {
	IDs    []int32
	Tokens []string
	// Offsets are bytes of the token's own text, the first or the second of a
	// pair; {0, 0} for special tokens.
	Offsets []Span
	TypeIDs []int32
	// Special marks tokens that the post-processor or the padding put there. A
	// special token that stood in the text is not marked.
	Special []bool
	// Sequence says which text a token is of: 0, 1, or -1 where Special.
	Sequence []int8
	// Padding is the range of tokens that only fill up the length.
	Padding Span
	// Overflowing are the further windows of a truncated text, each with the
	// special tokens of the first; neighbours overlap by the stride that
	// tokenizer.json states.
	Overflowing []*Encoding
}

func newEncoding(n int) *Encoding {
	return &Encoding{
		IDs: make([]int32, 0, n), Tokens: make([]string, 0, n), Offsets: make([]Span, 0, n),
		TypeIDs: make([]int32, 0, n), Special: make([]bool, 0, n), Sequence: make([]int8, 0, n),
	}
}

// add appends one token.
func (e *Encoding) add(id int32, token string, at Span, typeID int32, special bool, sequence int8) {
	e.IDs = append(e.IDs, id)
	e.Tokens = append(e.Tokens, token)
	e.Offsets = append(e.Offsets, at)
	e.TypeIDs = append(e.TypeIDs, typeID)
	e.Special = append(e.Special, special)
	e.Sequence = append(e.Sequence, sequence)
}

// addSpecial appends a special token.
func (e *Encoding) addSpecial(s specialToken, typeID int32) {
	for i, id := range s.ids {
		e.add(id, s.tokens[i], Span{}, typeID, true, -1)
	}
}

// window is a copy of the tokens [start, end).
func (e *Encoding) window(start, end int) *Encoding {
	w := newEncoding(end - start)
	w.extend(e, start, end)
	return w
}

// extend appends the tokens [start, end) of o.
func (e *Encoding) extend(o *Encoding, start, end int) {
	e.IDs = append(e.IDs, o.IDs[start:end]...)
	e.Tokens = append(e.Tokens, o.Tokens[start:end]...)
	e.Offsets = append(e.Offsets, o.Offsets[start:end]...)
	e.TypeIDs = append(e.TypeIDs, o.TypeIDs[start:end]...)
	e.Special = append(e.Special, o.Special[start:end]...)
	e.Sequence = append(e.Sequence, o.Sequence[start:end]...)
}

// append puts o behind e. Where either has further windows, all combinations
// become windows, in the library's order.
func (e *Encoding) append(o *Encoding) {
	var windows []*Encoding
	join := func(a, b *Encoding) {
		w := a.window(0, len(a.IDs))
		w.extend(b, 0, len(b.IDs))
		windows = append(windows, w)
	}
	for _, a := range e.Overflowing {
		join(a, o)
		for _, b := range o.Overflowing {
			join(a, b)
		}
	}
	for _, b := range o.Overflowing {
		join(e, b)
	}
	e.extend(o, 0, len(o.IDs))
	e.Overflowing = windows
}

// setTypes gives every token the type id.
func (e *Encoding) setTypes(id int32) {
	for i := range e.TypeIDs {
		e.TypeIDs[i] = id
	}
}

// CharOffsets converts spans of bytes of a text to spans of characters (Unicode
// code points), as Python counts them. A span that begins inside a character
// begins with it, and one that ends inside a character ends before it.
func CharOffsets(text string, spans []Span) []Span {
	out := make([]Span, len(spans))
	if asciiOnly(text) {
		copy(out, spans)
		return out
	}
	index := make([]int32, len(text)+1)
	n := int32(0)
	for i := 0; i < len(text); {
		_, size := utf8.DecodeRuneInString(text[i:])
		for ; size > 0; size-- {
			index[i] = n
			i++
		}
		n++
	}
	index[len(text)] = n
	at := func(i int) int { return int(index[max(0, min(i, len(text)))]) }
	for i, s := range spans {
		out[i] = Span{at(s.Start), at(s.End)}
	}
	return out
}

// CharOffsets are the encoding's offsets in characters. It takes the text, or
// the two texts of a pair, that were encoded.
func (e *Encoding) CharOffsets(texts ...string) []Span {
	out := make([]Span, len(e.Offsets))
	for which, text := range texts {
		var of []int
		var spans []Span
		for i, s := range e.Sequence {
			if int(s) == which {
				of = append(of, i)
				spans = append(spans, e.Offsets[i])
			}
		}
		for i, s := range CharOffsets(text, spans) {
			out[of[i]] = s
		}
	}
	return out
}

package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// Span is a half-open range [Start, End) of bytes, or after CharOffsets of
// characters.
type Span struct{ Start, End int }

// align is the range of the original text that one byte of a piece came from.
type align struct{ start, end int32 }

// piece is a part of a text on its way through the pipeline: what it reads now,
// and where each byte came from. The alignment follows the tokenizers library
// to the letter, its oddities included, since offsets are compared with it.
type piece struct {
	text  string
	from  []align // by byte of text; nil while text is the original's text[shift:]
	shift int     // where the piece begins in the original text
}

// maxText bounds a text: its offsets are kept in 32 bits.
const maxText = 1<<31 - 1

// segment is a piece that waits to be tokenized, or an added token found in it.
type segment struct {
	piece
	added int32 // the id of the added token, or -1
}

// checkText refuses texts whose offsets could not be told.
func checkText(text string) error {
	if len(text) > maxText {
		return fmt.Errorf("tokenizer: a text of %d bytes is longer than %d", len(text), maxText)
	}
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			if bad := firstInvalid(text[i:]); bad >= 0 {
				return fmt.Errorf("tokenizer: text: %w at byte %d", ErrNotUTF8, i+bad)
			}
			return nil
		}
	}
	return nil
}

// firstInvalid is the first byte of s that is not UTF-8, or -1.
func firstInvalid(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// asciiOnly says whether every byte of s is below 0x80.
func asciiOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// spell writes the alignment out, a character's range at each of its bytes.
func (p *piece) spell() {
	if p.from != nil {
		return
	}
	p.from = make([]align, len(p.text))
	for i := 0; i < len(p.text); {
		_, size := utf8.DecodeRuneInString(p.text[i:])
		a := align{int32(p.shift + i), int32(p.shift + i + size)}
		for ; size > 0; size-- {
			p.from[i] = a
			i++
		}
	}
}

// origin converts a range of the piece to one of the original text. Ranges
// outside the piece, which a model can only make with odd options, have none.
func (p *piece) origin(start, end int) (Span, bool) {
	if start == end {
		return Span{p.shift + start, p.shift + end}, true
	}
	if start > end || end > len(p.text) {
		return Span{}, false
	}
	if p.from != nil {
		return Span{int(p.from[start].start), int(p.from[end-1].end)}, true
	}
	for start > 0 && !utf8.RuneStart(p.text[start]) {
		start--
	}
	for end < len(p.text) && !utf8.RuneStart(p.text[end]) {
		end++
	}
	return Span{p.shift + start, p.shift + end}, true
}

// slice is the part [start, end) of the piece.
func (p *piece) slice(start, end int) piece {
	if p.from == nil {
		return piece{text: p.text[start:end], shift: p.shift + start}
	}
	s := piece{text: p.text[start:end], from: p.from[start:end:end], shift: p.shift + start}
	if start < end {
		s.shift = int(p.from[start].start)
	}
	return s
}

// edit is one character of a piece's new text. Change 0 takes the place of the
// next old character; a positive change is an insertion, which shares the origin
// of the byte before; a negative one takes a place and drops that many more.
type edit struct {
	r      rune
	change int
}

// transform replaces the whole text of the piece, of which the first dropped
// characters are gone without replacement.
func (p *piece) transform(edits []edit, dropped int) {
	if p.text == "" {
		return
	}
	p.spell()
	head := p.insertedHead()
	old, from := p.text, p.from
	at := head // the next old character to be replaced
	advance := func(n int) {
		for ; n > 0 && at < len(old); n-- {
			_, size := utf8.DecodeRuneInString(old[at:])
			at += size
		}
	}
	advance(dropped)
	text := make([]byte, head, len(old)+len(old)/8)
	copy(text, old[:head])
	out := make([]align, head, cap(text))
	copy(out, from[:head])
	for _, e := range edits {
		a := align{int32(p.shift), int32(p.shift)}
		switch {
		case e.change <= 0 && at < len(from):
			a = from[at]
		case at > 0:
			a = from[at-1]
		}
		if e.change <= 0 {
			advance(1 - e.change)
		}
		text = utf8.AppendRune(text, e.r)
		for len(out) < len(text) {
			out = append(out, a)
		}
	}
	p.text, p.from = string(text), out
}

// insertedHead is the length of a beginning that came from nowhere in the
// original, as only a replacement of an empty match at the start leaves it.
// The library's transformations begin behind it.
func (p *piece) insertedHead() int {
	n := 0
	for n < len(p.from) && p.from[n].start == p.from[n].end {
		n++
	}
	return n
}

// plain says that the piece can be edited in place of a transformation: its
// text has no beginning that came from nowhere.
func (p *piece) plain() bool {
	return len(p.from) == 0 || p.from[0].start != p.from[0].end
}

// prepend puts s before a piece that is not empty. It shares the origin of the
// character that it is put before.
func (p *piece) prepend(s string) {
	if p.text == "" || s == "" {
		return
	}
	p.spell()
	_, size := utf8.DecodeRuneInString(p.text)
	from := make([]align, 0, len(s)+len(p.text))
	_, head := utf8.DecodeRuneInString(s)
	for i := 0; i < len(s); i++ {
		if i < head {
			from = append(from, p.from[0])
		} else {
			from = append(from, p.from[size-1])
		}
	}
	for i := 0; i < size; i++ {
		from = append(from, p.from[size-1])
	}
	p.text, p.from = s+p.text, append(from, p.from[size:]...)
}

package infer

import (
	"strings"
	"unicode/utf8"

	"trimtab/tokenizer"
)

// Text turns a stream of tokens into a stream of text. A piece comes out once it
// is whole: bytes of a character that is not complete wait for the rest.
type Text struct {
	tokenizer *tokenizer.Tokenizer
	ids       []int32
	from      int // the text of ids[from:settled] is out
	settled   int
}

// NewText begins a text after the tokens of a prompt, which decide how the first new
// token is joined to it.
func NewText(t *tokenizer.Tokenizer, prompt []int32) *Text {
	from := max(0, len(prompt)-8)
	ids := append([]int32(nil), prompt[from:]...)
	return &Text{tokenizer: t, ids: ids, settled: len(ids)}
}

// Add takes the next token and returns what can be shown now, special tokens aside.
func (s *Text) Add(id int32) string {
	s.ids = append(s.ids, id)
	piece, whole := s.piece()
	if whole {
		s.from, s.settled = s.settled, len(s.ids)
	}
	return piece
}

// Rest returns what waits, as it is.
func (s *Text) Rest() string {
	before := s.tokenizer.Decode(s.ids[s.from:s.settled], true)
	all := s.tokenizer.Decode(s.ids[s.from:], true)
	s.from, s.settled = s.settled, len(s.ids)
	return strings.TrimPrefix(all, before)
}

// piece is the text of the tokens that are not out, if it is whole.
func (s *Text) piece() (string, bool) {
	before := s.tokenizer.Decode(s.ids[s.from:s.settled], true)
	all := s.tokenizer.Decode(s.ids[s.from:], true)
	if len(all) <= len(before) || strings.HasSuffix(all, string(utf8.RuneError)) {
		return "", false
	}
	return all[len(before):], true
}

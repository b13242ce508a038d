package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// pretokenizer cuts a piece into smaller ones, in order; it may rewrite them.
type pretokenizer interface {
	pretokenize(p piece, emit func(piece)) error
}

// parsePretokenizer reads the pre-tokenizer at the path where, as the list of
// steps that it runs.
func parsePretokenizer(where string, n node) ([]pretokenizer, error) {
	name, f, err := component(where, n)
	if err != nil {
		return nil, err
	}
	var out pretokenizer
	switch name {
	case "Sequence":
		var steps []pretokenizer
		f.where = where
		f.list("pretokenizers", func(where string, n node) error {
			more, err := parsePretokenizer(where, n)
			steps = append(steps, more...)
			return err
		})
		return steps, f.done()
	case "BertPreTokenizer":
		out = bertPretokenizer{}
	case "Whitespace":
		out = wordsAndSymbols{}
	case "WhitespaceSplit":
		out = splitWhere{isSpace, removed}
	case "Punctuation":
		out = splitWhere{isPunctuation, behaviorOr(f, isolated)}
	case "Digits":
		b := contiguous
		if f.bool("individual_digits") {
			b = isolated
		}
		out = splitWhere{isNumeric, b}
	case "CharDelimiterSplit":
		delimiter := f.rune("delimiter")
		out = splitWhere{func(r rune) bool { return r == delimiter }, removed}
	case "Split":
		out = splitPattern{parsePattern(f, "pattern"), behavior(f.choice("behavior", behaviorNames...)), f.bool("invert")}
	case "ByteLevel":
		out = parseByteLevel(f)
	case "Metaspace":
		out = parseMetaspace(f)
	case "UnicodeScripts":
		out = unicodeScripts{}
	case "FixedLength":
		out = parseFixedLength(f)
	default:
		return nil, unknownComponent(where, name)
	}
	return []pretokenizer{out}, f.done()
}

// pretokenize runs the steps on the segments in s.cut that are not added tokens.
func pretokenize(steps []pretokenizer, s *scratch) error {
	for _, step := range steps {
		s.spare = s.spare[:0]
		emit := func(p piece) {
			if p.text != "" {
				s.spare = append(s.spare, segment{p, -1})
			}
		}
		for _, g := range s.cut {
			if g.added >= 0 {
				s.spare = append(s.spare, g)
			} else if err := step.pretokenize(g.piece, emit); err != nil {
				return fmt.Errorf("pre-tokenizer: %w", err)
			}
		}
		s.cut, s.spare = s.spare, s.cut
	}
	return nil
}

// splitWhere takes every character that fits as a delimiter.
type splitWhere struct {
	fits     func(rune) bool
	behavior behavior
}

func (s splitWhere) pretokenize(p piece, emit func(piece)) error {
	var matches []match
	last := 0
	for i, r := range p.text {
		if !s.fits(r) {
			continue
		}
		end := i + utf8.RuneLen(r)
		if last < i {
			matches = append(matches, match{last, i, false})
		}
		matches = append(matches, match{i, end, true})
		last = end
	}
	if last < len(p.text) {
		matches = append(matches, match{last, len(p.text), false})
	}
	s.behavior.split(p, matches, emit)
	return nil
}

// bertPretokenizer drops white space and sets punctuation apart.
type bertPretokenizer struct{}

func (bertPretokenizer) pretokenize(p piece, emit func(piece)) error {
	start := 0
	for i := 0; i < len(p.text); {
		r, size := rune(p.text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(p.text[i:])
		}
		space := isSpace(r)
		if space || isPunctuation(r) {
			emit(p.slice(start, i))
			if !space {
				emit(p.slice(i, i+size))
			}
			start = i + size
		}
		i += size
	}
	emit(p.slice(start, len(p.text)))
	return nil
}

// wordsAndSymbols keeps runs of word characters and runs of what is neither
// word nor white space: \w+|[^\w\s]+.
type wordsAndSymbols struct{}

func (wordsAndSymbols) pretokenize(p piece, emit func(piece)) error {
	const blank, word, symbol = 0, 1, 2
	start, run := 0, blank
	for i, r := range p.text {
		now := symbol
		if isWord(r) {
			now = word
		} else if isSpace(r) {
			now = blank
		}
		if now == run {
			continue
		}
		if run != blank {
			emit(p.slice(start, i))
		}
		start, run = i, now
	}
	if run != blank {
		emit(p.slice(start, len(p.text)))
	}
	return nil
}

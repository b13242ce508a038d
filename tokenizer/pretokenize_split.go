package tokenizer

import "slices"

// splitPattern takes the matches of a pattern as delimiters, or with invert
// what lies between them.
type splitPattern struct {
	pattern  pattern
	behavior behavior
	invert   bool
}

func (s splitPattern) pretokenize(p piece, emit func(piece)) error {
	matches, err := s.pattern.cover(p.text)
	if err != nil {
		return err
	}
	if s.invert {
		for i := range matches {
			matches[i].delimiter = !matches[i].delimiter
		}
	}
	s.behavior.split(p, matches, emit)
	return nil
}

// fixedLength cuts after every so many characters.
type fixedLength int

func parseFixedLength(f *fields) fixedLength {
	n := 5
	if _, ok := f.maybe("length", kindNumber); ok {
		n = f.integer("length")
	}
	if n == 0 {
		f.fail("key \"length\": expected 1 or more, found 0")
	}
	return fixedLength(n)
}

func (n fixedLength) pretokenize(p piece, emit func(piece)) error {
	start, count := 0, 0
	for i := range p.text {
		if count == int(n) {
			emit(p.slice(start, i))
			start, count = i, 0
		}
		count++
	}
	emit(p.slice(start, len(p.text)))
	return nil
}

// unicodeScripts cuts where the script changes, as SentencePiece does: Japanese
// syllables count as Chinese, and a blank goes with what is before it.
type unicodeScripts struct{}

func (unicodeScripts) pretokenize(p piece, emit func(piece)) error {
	start, last := len(p.text), anyScript // what stands before the first script is lost, as in the library
	for i, r := range p.text {
		now := scriptOf(r)
		if now == anyScript || now == last {
			continue
		}
		if last == anyScript {
			start = i
		} else {
			emit(p.slice(start, i))
			start = i
		}
		last = now
	}
	emit(p.slice(start, len(p.text)))
	return nil
}

// anyScript is the script of a blank, and of characters that have none.
const anyScript = -1

// scriptOf is a number for the script of a character.
func scriptOf(r rune) int {
	list := scriptClasses()
	i, _ := slices.BinarySearchFunc(list, r, func(s classRun, r rune) int { return int(s.high) - int(r) })
	if i < len(list) && list[i].low <= r {
		return list[i].class
	}
	return anyScript
}

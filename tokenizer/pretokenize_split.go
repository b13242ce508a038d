package tokenizer

import (
	"slices"
	"sync"
	"unicode"
)

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

// scriptRange is a range of characters of one script.
type scriptRange struct {
	low, high rune
	script    int
}

// scriptRanges are the ranges of all scripts, sorted.
var scriptRanges = sync.OnceValue(func() []scriptRange {
	var list []scriptRange
	number := map[string]int{"Hiragana": 0, "Katakana": 0, "Han": 0}
	for name, table := range unicode.Scripts {
		if _, ok := number[name]; !ok {
			number[name] = len(number)
		}
		for _, r := range tables(table).ranges {
			list = append(list, scriptRange{r[0], r[1], number[name]})
		}
	}
	slices.SortFunc(list, func(a, b scriptRange) int { return int(a.low) - int(b.low) })
	return list
})

// scriptOf is a number for the script of a character.
func scriptOf(r rune) int {
	switch r {
	case ' ':
		return anyScript
	case 0x30FC: // lengthens Japanese vowels; no script of its own
		return 0
	}
	list := scriptRanges()
	i, _ := slices.BinarySearchFunc(list, r, func(s scriptRange, r rune) int { return int(s.high) - int(r) })
	if i < len(list) && list[i].low <= r {
		return list[i].script
	}
	return anyScript
}

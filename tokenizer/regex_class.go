package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
)

// escape reads what follows a backslash, as a set; single characters are told
// apart, since only they can be the ends of a range.
func (p *regexParser) escape() (s *runeSet, char rune, err error) {
	c := p.rune()
	switch c {
	case 'd':
		return digitSet(), -1, nil
	case 'D':
		return digitSet().not(), -1, nil
	case 's':
		return spaceSet(), -1, nil
	case 'S':
		return spaceSet().not(), -1, nil
	case 'w':
		return wordSet(), -1, nil
	case 'W':
		return wordSet().not(), -1, nil
	case 'h':
		return hexSet(), -1, nil
	case 'H':
		return hexSet().not(), -1, nil
	case 'p', 'P':
		s, err := p.property(c == 'P')
		return s, -1, err
	case 'x', 'u':
		char, err = p.hex(c)
	case 't':
		char = '\t'
	case 'n':
		char = '\n'
	case 'r':
		char = '\r'
	case 'f':
		char = '\f'
	case 'v':
		char = '\v'
	case 'a':
		char = '\a'
	case 'e':
		char = 0x1B
	default:
		if c < 0x80 && isWord(c) && c != '_' {
			return nil, -1, p.unsupported(fmt.Sprintf(`\%c`, c))
		}
		char = c
	}
	if err != nil {
		return nil, -1, err
	}
	return single(char), char, nil
}

// property reads {L} or {^L} behind \p or \P.
func (p *regexParser) property(negative bool) (*runeSet, error) {
	end := strings.IndexByte(p.text[p.pos:], '}')
	if !p.accept("{") || end < 0 {
		return nil, p.unsupported(`\p without braces`)
	}
	name := p.text[p.pos : p.pos+end-1]
	p.pos += end
	if strings.HasPrefix(name, "^") {
		name, negative = name[1:], !negative
	}
	s, err := property(name)
	if err != nil {
		return nil, err
	}
	if negative {
		s = s.not()
	}
	return s, nil
}

// hex reads the digits of \xHH, \x{H...} or \uHHHH.
func (p *regexParser) hex(kind rune) (rune, error) {
	digits := ""
	if kind == 'x' && p.accept("{") {
		end := strings.IndexByte(p.text[p.pos:], '}')
		if end < 0 {
			return 0, fmt.Errorf(`\x{ without end`)
		}
		digits = p.text[p.pos : p.pos+end]
		p.pos += end + 1
	} else {
		n := 2
		if kind == 'u' {
			n = 4
		}
		if len(p.text)-p.pos < n {
			return 0, fmt.Errorf(`\%c needs %d digits`, kind, n)
		}
		digits = p.text[p.pos : p.pos+n]
		p.pos += n
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || v > 0x10FFFF || kind == 'x' && len(digits) == 2 && v > 0x7F {
		return 0, fmt.Errorf(`\%c%s is no character`, kind, digits)
	}
	return rune(v), nil
}

// class reads what follows an opening square bracket, up to the closing one.
func (p *regexParser) class() (*runeSet, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.unsupported("classes nested too deeply")
	}
	defer func() { p.depth-- }()
	negative := p.accept("^")
	whole := anySet() // what stands before each &&
	part := &runeSet{}
	for first := true; ; first = false {
		if p.pos == len(p.text) {
			return nil, fmt.Errorf("class without end")
		}
		if !first && p.accept("]") {
			break
		}
		if p.accept("&&") {
			whole, part = whole.and(part), &runeSet{}
			continue
		}
		s, err := p.classItem()
		if err != nil {
			return nil, err
		}
		part = union(part, s)
	}
	s := whole.and(part)
	if p.fold {
		s = s.folded()
	}
	if negative {
		s = s.not()
	}
	return s, nil
}

// classItem reads a character, a range, or a set inside a class.
func (p *regexParser) classItem() (*runeSet, error) {
	if p.accept("[:") {
		end := strings.Index(p.text[p.pos:], ":]")
		if end < 0 {
			return nil, p.unsupported("[: without :]")
		}
		name, negative := strings.CutPrefix(p.text[p.pos:p.pos+end], "^")
		p.pos += end + 2
		s, err := bracket(name)
		if err == nil && negative {
			s = s.not()
		}
		return s, err
	}
	if p.accept("[") {
		return p.class()
	}
	low, s, err := p.classChar()
	if err != nil || low < 0 || !strings.HasPrefix(p.text[p.pos:], "-") || strings.HasPrefix(p.text[p.pos:], "-]") {
		return s, err
	}
	p.pos++
	high, _, err := p.classChar()
	if err != nil {
		return nil, err
	}
	if high < low {
		return nil, fmt.Errorf("range of a class ends before it begins")
	}
	return newRuneSet([][2]rune{{low, high}}), nil
}

// classChar reads a character of a class, or a set written as an escape, for
// which char is -1.
func (p *regexParser) classChar() (char rune, s *runeSet, err error) {
	if p.pos == len(p.text) {
		return -1, nil, fmt.Errorf("class without end")
	}
	if !p.accept(`\`) {
		c := p.rune()
		return c, single(c), nil
	}
	if p.pos == len(p.text) {
		return -1, nil, fmt.Errorf("pattern ends in a backslash")
	}
	if p.accept("b") {
		return '\b', single('\b'), nil
	}
	s, char, err = p.escape()
	return char, s, err
}

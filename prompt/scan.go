package prompt

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says what is wrong with a template, and where.
type SyntaxError struct {
	Offset  int    // in bytes, from 0
	Line    int    // from 1
	Column  int    // in characters of the line, from 1
	Message string // what was found and what would be right
}

// Error names the column, and the line where the template has several.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("template: %s: %s", place(e.Line, e.Column), e.Message)
}

// place writes a position in a template.
func place(line, column int) string {
	if line > 1 {
		return fmt.Sprintf("line %d, column %d", line, column)
	}
	return fmt.Sprintf("column %d", column)
}

// scanner walks through a template's source. The source is valid UTF-8.
type scanner struct {
	s string
	i int

	counted, line, column int // line and column, from 0, of the byte at counted
}

// position returns the line and column of byte offset at, which never
// decreases from call to call.
func (p *scanner) position(at int) (line, column int) {
	for _, r := range p.s[p.counted:at] {
		p.column++
		if r == '\n' {
			p.line, p.column = p.line+1, 0
		}
	}
	p.counted = at
	return p.line + 1, p.column + 1
}

// fail makes the error for byte offset at.
func (p *scanner) fail(at int, format string, args ...any) error {
	at = min(at, len(p.s))
	before := p.s[:at]
	return &SyntaxError{
		Offset:  at,
		Line:    1 + strings.Count(before, "\n"),
		Column:  1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]),
		Message: fmt.Sprintf(format, args...),
	}
}

// peek returns the next byte, 0 at the end.
func (p *scanner) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// blank skips white space inside braces.
func (p *scanner) blank() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

// found describes what stands at the scanner, for an error.
func (p *scanner) found() string {
	if p.i >= len(p.s) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.i:])
	return strconv.QuoteRune(r)
}

// expect consumes one byte, or says what stands there instead.
func (p *scanner) expect(c byte, after string) error {
	p.blank()
	if p.peek() != c {
		return p.fail(p.i, "found %s, expected %q %s", p.found(), c, after)
	}
	p.i++
	return nil
}

// word reads a name: letters, digits and underscores; dots and dashes where
// extra names them. It may be empty.
func (p *scanner) word(extra string) string {
	start := p.i
	for p.i < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.s[p.i:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune(extra, r) {
			break
		}
		p.i += n
	}
	return p.s[start:p.i]
}

// quoted reads a string in single or double quotes, with Python's escapes.
func (p *scanner) quoted() (string, error) {
	start, mark := p.i, p.s[p.i]
	p.i++
	var b strings.Builder
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case mark:
			p.i++
			return b.String(), nil
		case '\n':
			return "", p.fail(start, "the string does not end on its line; write \\n for a line break")
		case '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return "", p.fail(start, "the string that begins here does not end")
}

var escapes = map[byte]rune{
	'\\': '\\', '\'': '\'', '"': '"', '/': '/', 'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f',
}

// escape reads a backslash and what it stands for.
func (p *scanner) escape() (rune, error) {
	start := p.i
	p.i++
	c := p.peek()
	p.i++
	if r, ok := escapes[c]; ok {
		return r, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	if digits == 0 || p.i+digits > len(p.s) {
		return 0, p.fail(start, `unknown escape; known are \\ \' \" \/ \n \r \t \b \f \xNN \uNNNN \UNNNNNNNN`)
	}
	n, err := strconv.ParseUint(p.s[p.i:p.i+digits], 16, 32)
	if err != nil || n > unicode.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, p.fail(start, "the escape names no character; expected %d hexadecimal digits of a Unicode character", digits)
	}
	p.i += digits
	return rune(n), nil
}

// integer reads a decimal number of at most nine digits.
func (p *scanner) integer() (int, error) {
	start := p.i
	if p.peek() == '-' {
		p.i++
	}
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	n, err := strconv.Atoi(p.s[start:p.i])
	if err != nil || p.i-start > 9 {
		return 0, p.fail(start, "expected an integer of at most nine digits")
	}
	return n, nil
}

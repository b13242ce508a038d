package checkpoint

import (
	"fmt"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads the few forms of JSON that a safetensors header is made of, strictly (RFC 8259).
type scanner struct {
	src []byte
	at  int
}

// fail reports what was expected at the current position.
func (s *scanner) fail(expected string) error {
	found := "the end"
	if s.at < len(s.src) {
		r, _ := utf8.DecodeRune(s.src[s.at:])
		found = fmt.Sprintf("%q", r)
	}
	return fmt.Errorf("%w: byte %d: expected %s, found %s", ErrHeader, s.at, expected, found)
}

func (s *scanner) space() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// accept skips white space and the byte c, if it is next.
func (s *scanner) accept(c byte) bool {
	s.space()
	if s.at < len(s.src) && s.src[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) expect(c byte) error {
	if !s.accept(c) {
		return s.fail(fmt.Sprintf("%q", c))
	}
	return nil
}

// more reports whether another item of a list or object follows, and skips the comma before it.
func (s *scanner) more(first bool, end byte) (bool, error) {
	if s.accept(end) {
		return false, nil
	}
	if !first {
		if err := s.expect(','); err != nil {
			return false, err
		}
	}
	return true, nil
}

// object reads an object; member reads the value of each key.
func (s *scanner) object(member func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		if more, err := s.more(first, '}'); !more {
			return err
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
}

// naturals reads a list of integers from 0 up.
func (s *scanner) naturals() ([]int, error) {
	if err := s.expect('['); err != nil {
		return nil, err
	}
	list := []int{}
	for {
		if more, err := s.more(len(list) == 0, ']'); !more {
			return list, err
		}
		n, err := s.natural()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
}

func (s *scanner) natural() (int, error) {
	s.space()
	start, n := s.at, 0
	for ; s.at < len(s.src) && s.src[s.at]-'0' < 10; s.at++ {
		digit := int(s.src[s.at] - '0')
		if n > (math.MaxInt-digit)/10 {
			s.at = start
			return 0, s.fail("a number of at most 63 bits")
		}
		n = n*10 + digit
	}
	if s.at == start || s.src[start] == '0' && s.at > start+1 {
		s.at = start
		return 0, s.fail("an integer from 0 up")
	}
	return n, nil
}

// text reads a string.
func (s *scanner) text() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	start := s.at
	var unescaped []byte // what came before start, once there was an escape
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == '"':
			unescaped = append(unescaped, s.src[start:s.at]...)
			s.at++
			return string(unescaped), nil
		case c < ' ':
			return "", s.fail("no control character in a string")
		case c == '\\':
			unescaped = append(unescaped, s.src[start:s.at]...)
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			unescaped = utf8.AppendRune(unescaped, r)
			start = s.at
		default:
			s.at++
		}
	}
	return "", s.fail("the end of a string")
}

// escape reads an escape sequence from its backslash on.
func (s *scanner) escape() (rune, error) {
	s.at++
	if s.at == len(s.src) {
		return 0, s.fail("an escape sequence")
	}
	c := s.src[s.at]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicode()
	default:
		return 0, s.fail("an escape sequence")
	}
	s.at++
	return rune(c), nil
}

// unicode reads one or, of a surrogate pair, two \u escapes, from the first u on.
func (s *scanner) unicode() (rune, error) {
	start := s.at
	r, ok := s.hex()
	if ok && utf16.IsSurrogate(r) {
		var low rune
		if ok = s.at+1 < len(s.src) && s.src[s.at] == '\\' && s.src[s.at+1] == 'u'; ok {
			s.at++
			low, ok = s.hex()
		}
		r = utf16.DecodeRune(r, low)
		ok = ok && r != utf8.RuneError
	}
	if !ok {
		s.at = start
		return 0, s.fail("four hexadecimal digits, surrogates in pairs")
	}
	return r, nil
}

// hex reads the four digits after a u.
func (s *scanner) hex() (r rune, ok bool) {
	s.at++
	for end := s.at + 4; s.at < end; s.at++ {
		if s.at == len(s.src) {
			return 0, false
		}
		c := s.src[s.at]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

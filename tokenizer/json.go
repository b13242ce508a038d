package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind says which JSON value a node is.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// node is one JSON value. Scalars keep their text: the digits of a number, the
// unescaped characters of a string, "true" or "false".
type node struct {
	kind kind
	text string
	kids *kids
}

// kids are the values of an array, or of an object together with their keys.
type kids struct {
	keys   []string
	values []node
}

// maxDepth is how deeply arrays and objects may nest. Published tokenizers need
// about eight levels.
const maxDepth = 64

// parseJSON reads one JSON document. It is stricter than encoding/json: the
// text must be UTF-8 and an object may not have a key twice.
func parseJSON(data []byte) (node, error) {
	if !utf8.Valid(data) {
		return node{}, fmt.Errorf("json: %w", ErrNotUTF8)
	}
	r := jsonReader{text: string(data)}
	r.space()
	n, err := r.value(0)
	if err != nil {
		return node{}, err
	}
	r.space()
	if r.pos != len(r.text) {
		return node{}, r.fail("text after the document")
	}
	return n, nil
}

// jsonReader walks over a document from left to right.
type jsonReader struct {
	text string
	pos  int
}

func (r *jsonReader) fail(what string) error {
	line := 1 + strings.Count(r.text[:r.pos], "\n")
	return fmt.Errorf("json: %s at line %d, byte %d", what, line, r.pos)
}

func (r *jsonReader) space() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *jsonReader) value(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, r.fail("nested too deeply")
	}
	if r.pos == len(r.text) {
		return node{}, r.fail("unexpected end")
	}
	switch c := r.text[r.pos]; {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		s, err := r.string()
		return node{kind: kindString, text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for _, w := range [...]struct {
		word string
		kind kind
	}{{"null", kindNull}, {"true", kindBool}, {"false", kindBool}} {
		if strings.HasPrefix(r.text[r.pos:], w.word) {
			r.pos += len(w.word)
			return node{kind: w.kind, text: w.word}, nil
		}
	}
	return node{}, r.fail("no JSON value")
}

func (r *jsonReader) number() (node, error) {
	start := r.pos
	for r.pos < len(r.text) && strings.IndexByte("+-.0123456789eE", r.text[r.pos]) >= 0 {
		r.pos++
	}
	digits := r.text[start:r.pos]
	if !plainDigits(digits) && !json.Valid([]byte(digits)) {
		return node{}, r.fail("malformed number")
	}
	return node{kind: kindNumber, text: digits}, nil
}

// plainDigits says whether s is a whole number as JSON writes one.
func plainDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s == "0" || s[0] != '0'
}

// string reads a string and leaves the reader behind its closing quote.
func (r *jsonReader) string() (string, error) {
	start := r.pos
	escaped := false
	for r.pos++; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			if !escaped {
				return r.text[start+1 : r.pos-1], nil
			}
			var s string
			if err := json.Unmarshal([]byte(r.text[start:r.pos]), &s); err != nil {
				return "", r.fail("malformed string")
			}
			return s, nil
		case c == '\\':
			escaped = true
			r.pos++
		case c < ' ':
			return "", r.fail("control character in a string")
		}
	}
	r.pos = len(r.text)
	return "", r.fail("string without end")
}

func (r *jsonReader) array(depth int) (node, error) {
	list := &kids{}
	err := r.list(']', func() error {
		v, err := r.value(depth + 1)
		list.values = append(list.values, v)
		return err
	})
	return node{kind: kindArray, kids: list}, err
}

func (r *jsonReader) object(depth int) (node, error) {
	list := &kids{}
	err := r.list('}', func() error {
		if r.pos == len(r.text) || r.text[r.pos] != '"' {
			return r.fail("expected a key")
		}
		key, err := r.string()
		if err != nil {
			return err
		}
		r.space()
		if r.pos == len(r.text) || r.text[r.pos] != ':' {
			return r.fail("expected a colon")
		}
		r.pos++
		r.space()
		v, err := r.value(depth + 1)
		list.keys = append(list.keys, key)
		list.values = append(list.values, v)
		return err
	})
	if key, twice := list.repeated(); twice && err == nil {
		err = r.fail(fmt.Sprintf("key %q occurs twice in the object that ends", key))
	}
	return node{kind: kindObject, kids: list}, err
}

// repeated finds a key that an object has twice.
func (k *kids) repeated() (key string, twice bool) {
	seen := make(map[string]struct{}, len(k.keys))
	for _, key := range k.keys {
		if _, twice = seen[key]; twice {
			return key, true
		}
		seen[key] = struct{}{}
	}
	return "", false
}

// list reads the items of an array or object up to its closing bracket.
func (r *jsonReader) list(closing byte, item func() error) error {
	r.pos++
	r.space()
	if r.pos < len(r.text) && r.text[r.pos] == closing {
		r.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		r.space()
		if r.pos == len(r.text) {
			return r.fail("unexpected end")
		}
		c := r.text[r.pos]
		r.pos++
		if c == closing {
			return nil
		}
		if c != ',' {
			r.pos--
			return r.fail("expected a comma")
		}
		r.space()
	}
}

// integer is the value of a whole number from 0 to 2³¹-1.
func (n node) integer() (int, bool) {
	if n.kind != kindNumber {
		return 0, false
	}
	v, err := strconv.ParseUint(n.text, 10, 31)
	return int(v), err == nil
}

// float is the value of a finite number.
func (n node) float() (float64, bool) {
	if n.kind != kindNumber {
		return 0, false
	}
	v, err := strconv.ParseFloat(n.text, 64)
	return v, err == nil && !math.IsInf(v, 0)
}

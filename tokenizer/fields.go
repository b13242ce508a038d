package tokenizer

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Errors that a caller may tell apart.
var (
	// ErrNotUTF8 says that a text or a file is not valid UTF-8.
	ErrNotUTF8 = errors.New("not valid UTF-8")
	// ErrUnknownComponent says that tokenizer.json names a component that this package does not have.
	ErrUnknownComponent = errors.New("unknown component")
	// ErrUnknownKey says that a component of tokenizer.json has a key that this package does not read.
	ErrUnknownKey = errors.New("unknown key")
	// ErrUnsupported says that an option has a value that this package refuses to follow.
	ErrUnsupported = errors.New("unsupported")
)

// fields reads the keys of one JSON object, remembers the first mistake, and
// knows at the end which keys nobody asked for.
type fields struct {
	where string // "model", "normalizer.normalizers[2]", ...
	node  node
	used  map[string]bool
	err   error
}

// fieldsOf starts reading n, which stands at the path where.
func fieldsOf(where string, n node) *fields {
	f := &fields{where: where, node: n, used: map[string]bool{}}
	if n.kind != kindObject {
		f.fail("expected an object, found %s", n.kind)
		f.node = node{kind: kindObject, kids: &kids{}}
	}
	return f
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(f.where+": "+format, args...)
	}
}

// take returns the value of key; ok is false where it is absent.
func (f *fields) take(key string) (n node, ok bool) {
	f.used[key] = true
	for i, k := range f.node.kids.keys {
		if k == key {
			return f.node.kids.values[i], true
		}
	}
	return node{}, false
}

// need returns the value of a key that must be there and be of the kind want.
func (f *fields) need(key string, want kind) node {
	n, ok := f.take(key)
	switch {
	case !ok:
		f.fail("key %q is missing", key)
	case n.kind != want:
		f.fail("key %q: expected %s, found %s", key, want, n.kind)
	default:
		return n
	}
	return node{kind: want, kids: &kids{}}
}

// maybe returns the value of a key that may be absent or null.
func (f *fields) maybe(key string, want kind) (node, bool) {
	n, ok := f.take(key)
	if !ok || n.kind == kindNull {
		return node{}, false
	}
	return f.need(key, want), true
}

func (f *fields) string(key string) string { return f.need(key, kindString).text }
func (f *fields) bool(key string) bool     { return f.need(key, kindBool).text == "true" }

// boolOr is the value of a boolean key, or the default where it is absent or null.
func (f *fields) boolOr(key string, or bool) bool {
	if n, ok := f.maybe(key, kindBool); ok {
		return n.text == "true"
	}
	return or
}

// stringOr is the value of a string key, or the default where it is absent or null.
func (f *fields) stringOr(key, or string) string {
	if n, ok := f.maybe(key, kindString); ok {
		return n.text
	}
	return or
}

// integer is the value of a whole number that must be there.
func (f *fields) integer(key string) int {
	n := f.need(key, kindNumber)
	v, ok := n.integer()
	if !ok {
		f.fail("key %q: expected a whole number below 2³¹, found %s", key, n.text)
	}
	return v
}

// rune is the value of a string key that must hold exactly one character.
func (f *fields) rune(key string) rune {
	s := f.string(key)
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 || size != len(s) {
		f.fail("key %q: expected one character, found %q", key, s)
	}
	return r
}

// choice is the index of a string key's value among those allowed.
func (f *fields) choice(key string, allowed ...string) int {
	s := f.string(key)
	for i, a := range allowed {
		if s == a {
			return i
		}
	}
	f.fail("key %q: %w: expected one of %s, found %q", key, ErrUnsupported, strings.Join(allowed, ", "), s)
	return 0
}

// list calls item for each value of an array that must be there.
func (f *fields) list(key string, item func(where string, n node) error) {
	for i, n := range f.need(key, kindArray).kids.values {
		if err := item(fmt.Sprintf("%s.%s[%d]", f.where, key, i), n); err != nil && f.err == nil {
			f.err = err
		}
	}
}

// done returns the first mistake, or an error that names the keys nobody read.
func (f *fields) done() error {
	if f.err != nil {
		return f.err
	}
	var unknown []string
	for _, k := range f.node.kids.keys {
		if !f.used[k] {
			unknown = append(unknown, k)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return fmt.Errorf("%s: %w %q", f.where, ErrUnknownKey, unknown)
	}
	return nil
}

// component is the name in an object's "type" key. Components without one, as
// tokenizers older than 0.9 wrote them, are refused.
func component(where string, n node) (string, *fields, error) {
	f := fieldsOf(where, n)
	name := f.string("type")
	if f.err != nil {
		return "", nil, f.err
	}
	f.where = where + " (" + name + ")"
	return name, f, nil
}

func unknownComponent(where, name string) error {
	return fmt.Errorf("%s: %w %q", where, ErrUnknownComponent, name)
}

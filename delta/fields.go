package delta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"trimtab/internal/nearest"
)

// fields reads the keys of a JSON object: each is asked for, or known to be unneeded, or
// an error. The first error sticks.
type fields struct {
	where string // the file, or the place in a recipe
	keys  []string
	raw   map[string]json.RawMessage
	known map[string]bool
	err   error
}

// object splits a JSON object into its keys, in order, and their values. A key that
// comes twice is an error.
func object(data []byte) (keys []string, raw map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, nil, err
	}
	if raw == nil {
		return nil, nil, errors.New("null, expected an object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		key := token.(string) // or Unmarshal would have failed
		if slices.Contains(keys, key) {
			return nil, nil, fmt.Errorf("key %q comes twice", key)
		}
		keys = append(keys, key)
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return nil, nil, err
		}
	}
	return keys, raw, nil
}

func newFields(where string, data []byte) *fields {
	f := &fields{where: where, known: map[string]bool{}}
	var err error
	if f.keys, f.raw, err = object(data); err != nil {
		f.err = fmt.Errorf("%s: %w: %v", where, ErrConfig, err)
	}
	return f
}

// has reports whether a key is there and not null.
func (f *fields) has(key string) bool {
	v, ok := f.raw[key]
	return ok && string(bytes.TrimSpace(v)) != "null"
}

// read decodes a key's value into dst, which keeps its default where the key is absent or null.
func (f *fields) read(key string, dst any) {
	f.known[key] = true
	if f.err != nil || !f.has(key) {
		return
	}
	if err := json.Unmarshal(f.raw[key], dst); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			f.fail(key, "found %s, expected %s", short(f.raw[key]), kind.Type)
			return
		}
		f.fail(key, "%v", err)
	}
}

// object reads a key whose value is an object, keeping the order of its keys.
func (f *fields) object(key string) (keys []string, raw map[string]json.RawMessage) {
	f.known[key] = true
	if f.err != nil || !f.has(key) {
		return nil, nil
	}
	keys, raw, err := object(f.raw[key])
	if err != nil {
		f.fail(key, "%v", err)
	}
	return keys, raw
}

// unneeded makes keys known that change nothing here.
func (f *fields) unneeded(keys ...string) {
	for _, key := range keys {
		f.known[key] = true
	}
}

// only refuses a key with another value than null or one of those given, in JSON.
func (f *fields) only(key string, values ...string) {
	f.known[key] = true
	if f.err != nil || !f.has(key) {
		return
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, f.raw[key]); err != nil {
		f.fail(key, "%v", err)
		return
	}
	if !slices.Contains(values, compact.String()) {
		f.fail(key, "%s is not supported here, only %s", short(f.raw[key]), strings.Join(append(values, "null"), " or "))
	}
}

// check fails a key unless ok.
func (f *fields) check(ok bool, key, format string, args ...any) {
	if !ok {
		f.fail(key, format, args...)
	}
}

func (f *fields) fail(key, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %s: %w: %s", f.where, key, ErrConfig, fmt.Sprintf(format, args...))
	}
}

// finish is the first error, or one about keys that nobody asked for.
func (f *fields) finish() error {
	if f.err != nil {
		return f.err
	}
	var known []string
	for key := range f.known {
		known = append(known, key)
	}
	sort.Strings(known)
	for _, key := range f.keys {
		if !f.known[key] {
			return fmt.Errorf("%s: %w: unknown key %q%s", f.where, ErrConfig, key, nearest.DidYouMean(key, known))
		}
	}
	return nil
}

// short is a value for an error message.
func short(raw json.RawMessage) string {
	if len(raw) > 60 {
		return string(raw[:57]) + "..."
	}
	return string(raw)
}

// texts is a list of strings that may be given as one string.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// numbers is a list of integers that may be given as one.
type numbers []int

func (n *numbers) UnmarshalJSON(data []byte) error {
	var one int
	if json.Unmarshal(data, &one) == nil {
		*n = numbers{one}
		return nil
	}
	return json.Unmarshal(data, (*[]int)(n))
}

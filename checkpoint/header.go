package checkpoint

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"trimtab/tensor"
)

// maxHeader is the largest header, in bytes, that the safetensors library accepts.
const maxHeader = 100_000_000

// metadataKey is the one key of a header that is not a tensor's name.
const metadataKey = "__metadata__"

// entry is a tensor in a file.
type entry struct {
	name    string
	dtype   tensor.DType
	shape   tensor.Shape
	begin   int // offsets in the file's data
	end     int
	data    []byte
	strides []int   // in elements, from the start of data; nil for row-major
	file    *source // which holds data
}

// parseSafetensors checks a whole safetensors file and gives its tensors, whose data are views
// of it. Numbers are those of docs/formats/safetensors.md.
func parseSafetensors(file []byte) ([]*entry, map[string]string, error) {
	if len(file) < 8 { // rule 1
		return nil, nil, fmt.Errorf("%w: %d bytes, expected at least 8", ErrTruncated, len(file))
	}
	size, rest := binary.LittleEndian.Uint64(file), file[8:]
	if size > maxHeader { // rule 2
		return nil, nil, fmt.Errorf("%w: it claims %d bytes, at most %d are allowed", ErrHeaderSize, size, maxHeader)
	}
	if size > uint64(len(rest)) { // rule 3
		return nil, nil, fmt.Errorf("%w: the header claims %d bytes, %d follow", ErrTruncated, size, len(rest))
	}
	header, data := rest[:size], rest[size:]
	if !utf8.Valid(header) { // rule 4
		return nil, nil, fmt.Errorf("%w: invalid UTF-8", ErrHeader)
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, nil, err
	}
	return entries, metadata, place(entries, data)
}

// parseHeader reads a header's JSON.
func parseHeader(header []byte) ([]*entry, map[string]string, error) {
	s := &scanner{src: header}
	var entries []*entry
	var metadata map[string]string
	seen := map[string]bool{}
	err := s.object(func(name string) (err error) {
		if seen[name] { // rule 6
			return fmt.Errorf("%w: %q comes twice in the header", ErrDuplicate, name)
		}
		seen[name] = true
		if name == metadataKey {
			metadata, err = s.metadata()
			return err
		}
		e, err := s.entry(name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if s.space(); s.at != len(s.src) { // rule 5
		return nil, nil, s.fail("the end of the header")
	}
	return entries, metadata, nil
}

// metadata reads an object of strings (rule 13).
func (s *scanner) metadata() (map[string]string, error) {
	m := map[string]string{}
	return m, s.object(func(key string) (err error) {
		if _, twice := m[key]; twice {
			return fmt.Errorf("%w: key %q of the metadata comes twice", ErrDuplicate, key)
		}
		m[key], err = s.text()
		return err
	})
}

// entry reads what a header says of one tensor (rules 7, 8 and 9).
func (s *scanner) entry(name string) (*entry, error) {
	e := &entry{name: name}
	seen := map[string]bool{}
	err := s.object(func(key string) (err error) {
		if seen[key] {
			return fmt.Errorf("%w: key %q comes twice", ErrDuplicate, key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			var text string
			if text, err = s.text(); err == nil {
				e.dtype, err = tensor.ParseDType(text)
			}
		case "shape":
			var sizes []int
			sizes, err = s.naturals()
			e.shape = sizes
		case "data_offsets":
			var offsets []int
			if offsets, err = s.naturals(); err == nil && len(offsets) != 2 {
				err = fmt.Errorf("%w: %d data offsets, expected 2", ErrHeader, len(offsets))
			}
			if err == nil {
				e.begin, e.end = offsets[0], offsets[1]
			}
		default:
			err = fmt.Errorf("%w: unknown key %q, known are dtype, shape, data_offsets", ErrHeader, key)
		}
		return err
	})
	if err == nil && len(seen) != 3 {
		err = fmt.Errorf("%w: found only the keys %q, expected dtype, shape and data_offsets",
			ErrHeader, slices.Sorted(maps.Keys(seen)))
	}
	return e, err
}

// place checks the tensors' sizes and offsets and cuts their data (rules 10, 11 and 12). It
// leaves entries in the order of their data.
func place(entries []*entry, data []byte) error {
	slices.SortFunc(entries, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at := 0
	for _, e := range entries {
		want, err := e.shape.Bytes(e.dtype)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if e.begin != at || e.end < e.begin {
			return fmt.Errorf("%w: tensor %q lies at [%d, %d), expected to start at %d: tensors follow each other without hole or overlap",
				ErrOffsets, e.name, e.begin, e.end, at)
		}
		if e.end-e.begin != want {
			return fmt.Errorf("%w: tensor %q has %d bytes, %v of %v needs %d", ErrSize, e.name, e.end-e.begin, e.shape, e.dtype, want)
		}
		if e.end > len(data) {
			return fmt.Errorf("%w: tensor %q ends at byte %d of the data, there are %d", ErrTruncated, e.name, e.end, len(data))
		}
		e.data = data[e.begin:e.end:e.end]
		at = e.end
	}
	if at != len(data) {
		return fmt.Errorf("%w: tensors end at byte %d of the data, there are %d", ErrTrailing, at, len(data))
	}
	return nil
}

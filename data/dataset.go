package data

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Dataset is the rows of a file, in its order.
type Dataset struct {
	Name   string   // of the file, for error messages
	Fields []string // names of the columns; of JSON, all keys in the order in which they first come
	Rows   []Row
}

// Row is one example.
type Row struct {
	Line   int          // where it starts in its file, from 1
	Values []string     // by the index of Fields; may end early where the fields of the end are absent
	absent map[int]bool // fields before the end of Values that the row does not have
}

// has reports whether the row has a value at the index of a field.
func (r Row) has(field int) bool { return field >= 0 && field < len(r.Values) && !r.absent[field] }

// Value gives a row's value of a field. A field that the row does not have is an error that
// wraps [ErrField] and names the file, the line and the fields there.
func (d *Dataset) Value(row int, field string) (string, error) {
	r := d.Rows[row]
	if at := slices.Index(d.Fields, field); r.has(at) {
		return r.Values[at], nil
	}
	var there []string
	for i, name := range d.Fields {
		if r.has(i) {
			there = append(there, name)
		}
	}
	return "", fmt.Errorf("%w: %q is not among %s", d.at(row, ErrField), field, quoted(there))
}

// Column gives all rows' values of a field; errors as [Dataset.Value].
func (d *Dataset) Column(field string) ([]string, error) {
	values := make([]string, len(d.Rows))
	for i := range d.Rows {
		var err error
		if values[i], err = d.Value(i, field); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// Subset is a data set of some of the rows, in the order given.
func (d *Dataset) Subset(rows []int) *Dataset {
	s := &Dataset{Name: d.Name, Fields: d.Fields, Rows: make([]Row, len(rows))}
	for i, row := range rows {
		s.Rows[i] = d.Rows[row]
	}
	return s
}

// Hash identifies the content: "sha256:" and the hexadecimal SHA-256 of a line for the fields' names and a line for
// each row's values, as JSON lists of strings (null where a row lacks a field). It does not depend on the file's
// name or format.
func (d *Dataset) Hash() string {
	h := sha256.New()
	lines := json.NewEncoder(h) // to a hash: cannot fail
	lines.SetEscapeHTML(false)
	_ = lines.Encode(d.Fields)
	values := make([]*string, len(d.Fields))
	for _, r := range d.Rows {
		for i := range values {
			values[i] = nil
			if r.has(i) {
				values[i] = &r.Values[i]
			}
		}
		_ = lines.Encode(values)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// at begins an error about a row: file, line and sentinel.
func (d *Dataset) at(row int, sentinel error) error {
	return fmt.Errorf("%s:%d: %w", d.Name, d.Rows[row].Line, sentinel)
}

// quoted lists names for an error message.
func quoted(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	q := make([]string, len(names))
	for i, name := range names {
		q[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(q, ", ")
}

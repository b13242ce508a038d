package data

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// linesOf gives the lines of a text with their numbers, without their ends (\n or \r\n).
func linesOf(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			if !yield(number, line) {
				return
			}
		}
	}
}

// readTSV reads a row a line. Blank lines at the end are passed over.
func readTSV(d *Dataset, text string, o Options) error {
	delimiter := o.Delimiter
	if delimiter == "" {
		delimiter = "\t"
	}
	d.Fields = o.Fields
	for number, line := range linesOf(strings.TrimRight(text, "\r\n")) {
		if err := d.addColumns(number, strings.Split(line, delimiter)); err != nil {
			return err
		}
	}
	return nil
}

// readCSV reads comma-separated values.
func readCSV(d *Dataset, text string, o Options) error {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	if o.Delimiter != "" {
		comma, size := utf8.DecodeRuneInString(o.Delimiter)
		if size != len(o.Delimiter) {
			return fmt.Errorf("%s: %w: the delimiter %q of a csv file is more than a character", d.Name, ErrFormat, o.Delimiter)
		}
		r.Comma = comma
	}
	d.Fields = o.Fields
	for {
		values, err := r.Read()
		if err == io.EOF {
			return nil
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			return fmt.Errorf("%s:%d: %w: column %d: %w", d.Name, parse.Line, ErrRow, parse.Column, parse.Err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %w", d.Name, ErrFormat, err)
		}
		line, _ := r.FieldPos(0)
		if err := d.addColumns(line, values); err != nil {
			return err
		}
	}
}

// addColumns adds a row, or takes it as the header if there is none yet.
func (d *Dataset) addColumns(line int, values []string) error {
	if len(d.Fields) == 0 {
		d.Fields = values
		return d.checkFields(line)
	}
	if len(values) != len(d.Fields) {
		return fmt.Errorf("%s:%d: %w: %d columns, expected %d (%s)", d.Name, line, ErrRow, len(values), len(d.Fields), quoted(d.Fields))
	}
	d.Rows = append(d.Rows, Row{Line: line, Values: values})
	return nil
}

// checkFields reports a header that names a column twice.
func (d *Dataset) checkFields(line int) error {
	seen := map[string]bool{}
	for _, name := range d.Fields {
		if seen[name] {
			return fmt.Errorf("%s:%d: %w: the header names %q twice", d.Name, line, ErrRow, name)
		}
		seen[name] = true
	}
	return nil
}

// readText reads a paragraph a line.
func readText(d *Dataset, text string, _ Options) error {
	d.Fields = []string{"text"}
	for number, line := range linesOf(text) {
		if strings.TrimSpace(line) != "" {
			d.Rows = append(d.Rows, Row{Line: number, Values: []string{line}})
		}
	}
	return nil
}

// readTREC reads a label, a space and a text a line.
func readTREC(d *Dataset, text string, _ Options) error {
	d.Fields = []string{"label", "text"}
	for number, line := range linesOf(strings.TrimRight(text, "\r\n")) {
		label, rest, found := strings.Cut(line, " ")
		if !found || label == "" {
			return fmt.Errorf("%s:%d: %w: expected a label, a space and a text, found %.40q", d.Name, number, ErrRow, line)
		}
		d.Rows = append(d.Rows, Row{Line: number, Values: []string{label, rest}})
	}
	return nil
}

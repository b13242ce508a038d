package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// readJSONLines reads an object a line.
func readJSONLines(d *Dataset, text string, _ Options) error {
	fields := map[string]int{}
	for number, line := range linesOf(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		decoder := json.NewDecoder(strings.NewReader(line))
		if err := d.addObject(decoder, line, number, fields); err != nil {
			return err
		}
		if _, err := decoder.Token(); err != io.EOF {
			return fmt.Errorf("%s:%d: %w: more than one object", d.Name, number, ErrRow)
		}
	}
	return nil
}

// readJSON reads a list of objects.
func readJSON(d *Dataset, text string, _ Options) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	line, counted := 1, 0
	here := func() int { // the line that the decoder has reached
		offset := int(decoder.InputOffset())
		for offset < len(text) && strings.IndexByte(" \t\r\n,", text[offset]) >= 0 {
			offset++
		}
		line += strings.Count(text[counted:offset], "\n")
		counted = offset
		return line
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return fmt.Errorf("%s:%d: %w: expected a list of objects", d.Name, here(), ErrRow)
	}
	fields := map[string]int{}
	for decoder.More() {
		if err := d.addObject(decoder, text, here(), fields); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("%s:%d: %w: %w", d.Name, here(), ErrRow, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%s:%d: %w: something follows the list", d.Name, here(), ErrRow)
	}
	return nil
}

// addObject adds the object that the decoder of text is at as a row. fields are the indexes of the names seen so far.
func (d *Dataset) addObject(decoder *json.Decoder, text string, line int, fields map[string]int) error {
	names, values, err := object(decoder, text)
	if err != nil {
		return fmt.Errorf("%s:%d: %w: %w", d.Name, line, ErrRow, err)
	}
	for _, name := range names {
		if _, known := fields[name]; !known {
			fields[name] = len(d.Fields)
			d.Fields = append(d.Fields, name)
		}
	}
	row := Row{Line: line, Values: make([]string, len(d.Fields))}
	here := make([]bool, len(d.Fields))
	for i, name := range names {
		at := fields[name]
		if here[at] = values[i] != nil; here[at] {
			row.Values[at] = *values[i]
		}
	}
	for at, there := range here {
		if !there {
			if row.absent == nil {
				row.absent = map[int]bool{}
			}
			row.absent[at] = true
		}
	}
	d.Rows = append(d.Rows, row)
	return nil
}

// object reads the keys and values of an object of text in their order; nil stands for null.
func object(decoder *json.Decoder, text string) (names []string, values []*string, err error) {
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		if err == nil {
			err = fmt.Errorf("expected an object, found %v", token)
		}
		return nil, nil, err
	}
	seen := map[string]bool{}
	for decoder.More() {
		from := decoder.InputOffset()
		key, err := decoder.Token()
		if err != nil {
			return nil, nil, err
		}
		if as := strings.TrimLeft(text[from:decoder.InputOffset()], ", \t\r\n"); Unpaired(as) != "" {
			return nil, nil, fmt.Errorf("key %s: %w", as, paired(as))
		}
		name := key.(string) // the decoder lets no other key through
		if seen[name] {
			return nil, nil, fmt.Errorf("key %q comes twice", name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, nil, fmt.Errorf("key %q: %w", name, err)
		}
		value, err := plain(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("key %q: %w", name, err)
		}
		names, values = append(names, name), append(values, value)
	}
	_, err = decoder.Token()
	return names, values, err
}

// plain gives a string's text, nil for null, and other values' JSON without white space.
func plain(raw json.RawMessage) (*string, error) {
	switch raw[0] {
	case '"':
		if err := paired(string(raw)); err != nil {
			return nil, err
		}
		var s string
		err := json.Unmarshal(raw, &s)
		return &s, err
	case 'n':
		return nil, nil
	}
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	s := b.String()
	return &s, err
}

// paired is an error about half of a surrogate pair in JSON text.
func paired(text string) error {
	if half := Unpaired(text); half != "" {
		return fmt.Errorf("%s is half of a surrogate pair and stands for no character", half)
	}
	return nil
}

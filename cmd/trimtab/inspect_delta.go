package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/checkpoint"
	"trimtab/delta"
)

// deltaReport is what inspect says of a delta.
type deltaReport struct {
	Kind        string             `json:"kind"`
	Path        string             `json:"path"`
	Method      string             `json:"method"`
	Config      json.RawMessage    `json:"config"`
	Tensors     int                `json:"tensors"`
	Parameters  int                `json:"parameters"`
	Bytes       int64              `json:"bytes"`
	DTypes      map[string]int     `json:"dtypes"`
	Fingerprint string             `json:"base_fingerprint,omitempty"`
	Template    json.RawMessage    `json:"template,omitempty"`
	Verbalizer  json.RawMessage    `json:"verbalizer,omitempty"`
	Head        json.RawMessage    `json:"head,omitempty"`
	Data        json.RawMessage    `json:"data,omitempty"`
	Library     *delta.LibraryHead `json:"library_head,omitempty"`
}

func (o *inspecting) delta(out *printer, dir string) error {
	r, err := reportDelta(dir)
	if err != nil {
		return err
	}
	if o.json {
		return out.json(r)
	}
	r.print(out)
	return nil
}

func reportDelta(dir string) (*deltaReport, error) {
	path := filepath.Join(dir, "adapter_config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config, err := delta.Parse(path, text)
	if err != nil {
		return nil, err
	}
	r := &deltaReport{Kind: "delta", Path: dir, Method: config.Method(), Config: text, DTypes: map[string]int{}}
	side, err := delta.ReadSidecar(dir)
	switch {
	case err == nil:
		r.Fingerprint, r.Template, r.Verbalizer, r.Head, r.Data = side.Fingerprint, side.Template, side.Verbalizer, side.Head, side.Data
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if r.Library, err = delta.ReadLibraryHead(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	r.Tensors, r.Parameters, r.Bytes = measure(file, r.DTypes)
	return r, file.Close()
}

// measure counts the tensors of a file, their elements and bytes, and tensors by type.
func measure(file *checkpoint.File, dtypes map[string]int) (tensors, elements int, bytes int64) {
	for _, name := range file.Names() {
		dtype, shape, _ := file.Info(name)
		dtypes[dtype.String()]++
		tensors++
		if n, err := shape.Elements(); err == nil { // else the file would not have opened
			elements += n
			bytes += int64(n) * int64(dtype.Bits()) / 8
		}
	}
	return tensors, elements, bytes
}

func (r *deltaReport) print(out *printer) {
	rows := [][]string{
		{"delta", r.Path},
		{"method", r.Method},
		{"parameters", number(r.Parameters)},
		{"tensors", fmt.Sprintf("%s, %s", size(r.Bytes), counts(r.DTypes))},
	}
	for _, s := range []struct {
		name string
		text string
	}{{"base", r.Fingerprint}, {"template", unquote(r.Template)}, {"verbalizer", unquote(r.Verbalizer)},
		{"head", unquote(r.Head)}, {"data", unquote(r.Data)}} {
		if s.text != "" {
			rows = append(rows, []string{s.name, s.text})
		}
	}
	if r.Library != nil {
		rows = append(rows, libraryHeadRows(r.Library)...)
	}
	out.table(rows)
}

// libraryHeadRows tell of a prediction head that lies beside an adapter.
func libraryHeadRows(h *delta.LibraryHead) [][]string {
	kind := h.Type
	if kind == "" {
		kind = "of a type that no file tells"
	}
	rows := [][]string{{"library's head", kind + ", not read: --force opens the adapter without it"}}
	if h.Labels != nil {
		rows = append(rows, []string{"  labels", strings.Join(h.Labels, ", ")})
	}
	for _, name := range slices.Sorted(maps.Keys(h.Shapes)) {
		rows = append(rows, []string{"  " + name, fmt.Sprint(h.Shapes[name])})
	}
	return rows
}

// counts writes tensors by type.
func counts(dtypes map[string]int) string {
	var words []string
	for _, d := range slices.Sorted(maps.Keys(dtypes)) {
		words = append(words, fmt.Sprintf("%d %s", dtypes[d], d))
	}
	return strings.Join(words, ", ")
}

// unquote is the text of a JSON string, or the JSON of anything else on one line.
func unquote(text json.RawMessage) string {
	var s string
	if json.Unmarshal(text, &s) == nil {
		return s
	}
	var line bytes.Buffer
	if json.Compact(&line, text) != nil {
		return string(text)
	}
	return line.String()
}

package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options say how a file is read; the zero value goes by the file's name.
type Options struct {
	// Format is "tsv", "csv", "jsonl", "json", "text" or "trec". Empty: by the file's name, the ending .gz
	// aside: .tsv, .csv, .jsonl or .ndjson, .json, .txt (text).
	//
	//   - tsv: a row a line, divided by Delimiter (a tab), nothing is quoted; blank lines at the
	//     end are passed over.
	//   - csv: RFC 4180, divided by Delimiter (a comma), values may be quoted and then
	//     span lines; blank lines are passed over.
	//   - jsonl: an object a line; blank lines are passed over. Strings are taken as they are, null counts as
	//     absent, other values are their JSON.
	//   - json: a list of such objects.
	//   - text: a paragraph a line, the field "text"; blank lines are passed over.
	//   - trec: "LABEL TEXT" a line, the fields "label" and "text".
	Format string
	// Fields names the columns of a tsv or csv file without a header. Empty: the first line names them.
	Fields []string
	// Delimiter divides the columns of tsv and csv files (there one character). A .txt file with a delimiter is read as tsv.
	Delimiter string
	// Encoding is "utf-8" (default) or "latin-1" (ISO 8859-1).
	Encoding string
}

// maxBytes is how many bytes of a file are read, after decompression.
const maxBytes = 4 << 30

// readers are the formats by name.
var readers = map[string]func(d *Dataset, text string, o Options) error{
	"tsv": readTSV, "csv": readCSV, "jsonl": readJSONLines, "json": readJSON, "text": readText, "trec": readTREC,
}

// endings are the formats by the endings of files' names.
var endings = map[string]string{
	".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".txt": "text",
}

// Read reads a file of examples. A file without rows is an error that wraps [ErrEmpty].
func Read(path string, o Options) (*Dataset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadFrom(f, path, o)
}

// ReadFrom is [Read] for what is open already, such as standard input; name stands for it in errors and,
// where o.Format is empty, tells the format.
func ReadFrom(r io.Reader, name string, o Options) (*Dataset, error) {
	format, err := formatOf(name, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	text, err := textOf(r, o.Encoding, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if line, ok := firstInvalid(text); ok {
		return nil, fmt.Errorf("%s:%d: %w (encoding: latin-1 may be meant)", name, line, ErrUTF8)
	}
	d := &Dataset{Name: name}
	if err := readers[format](d, text, o); err != nil {
		return nil, err
	}
	if len(d.Rows) == 0 {
		return nil, fmt.Errorf("%s: %w: no rows", name, ErrEmpty)
	}
	return d, nil
}

// formatOf finds the format's name.
func formatOf(name string, o Options) (string, error) {
	format := o.Format
	if format == "" {
		ending := filepath.Ext(strings.TrimSuffix(name, ".gz"))
		format = endings[strings.ToLower(ending)]
		if format == "text" && o.Delimiter != "" {
			format = "tsv"
		}
	}
	if readers[format] == nil {
		return "", fmt.Errorf("%w %q: name the file's format, one of %s", ErrFormat, format, quoted(slices.Sorted(maps.Keys(readers))))
	}
	if len(o.Fields) > 0 && format != "tsv" && format != "csv" {
		return "", fmt.Errorf("%w: names of columns make no sense for %s", ErrFormat, format)
	}
	if o.Delimiter != "" && format != "tsv" && format != "csv" {
		return "", fmt.Errorf("%w: a delimiter makes no sense for %s", ErrFormat, format)
	}
	return format, nil
}

// textOf reads all, at most limit bytes, decompressed and in UTF-8 (valid or not), without a byte order mark.
func textOf(r io.Reader, encoding string, limit int64) (string, error) {
	buffered := bufio.NewReader(r)
	r = buffered
	if magic, err := buffered.Peek(2); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if r, err = gzip.NewReader(buffered); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	if _, err := io.Copy(&b, io.LimitReader(r, limit+1)); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("truncated gzip: %w", err)
		}
		return "", err
	}
	if int64(b.Len()) > limit {
		return "", fmt.Errorf("%w: at most %d bytes are read", ErrTooLarge, limit)
	}
	text := b.String()
	switch encoding {
	case "", "utf-8":
		return strings.TrimPrefix(text, "\ufeff"), nil
	case "latin-1":
		wide := make([]byte, 0, len(text)+len(text)/8)
		for i := range len(text) {
			wide = utf8.AppendRune(wide, rune(text[i]))
		}
		return string(wide), nil
	}
	return "", fmt.Errorf("%w: encoding %q, known are utf-8 and latin-1", ErrFormat, encoding)
}

// firstInvalid gives the line of the first invalid UTF-8.
func firstInvalid(text string) (line int, found bool) {
	if utf8.ValidString(text) {
		return 0, false
	}
	for at, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[at:]); size == 1 {
				return 1 + strings.Count(text[:at], "\n"), true
			}
		}
	}
	return 0, false
}

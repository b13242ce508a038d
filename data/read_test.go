package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/internal/near"
)

// show writes a data set as text: its fields, then line=values a row, with ~ for what is absent.
func show(d *Dataset) string {
	var b strings.Builder
	fmt.Fprint(&b, strings.Join(d.Fields, "|"))
	for _, r := range d.Rows {
		fmt.Fprintf(&b, " %d=", r.Line)
		for i := range d.Fields {
			if i > 0 {
				b.WriteByte('|')
			}
			if r.has(i) {
				b.WriteString(r.Values[i])
			} else {
				b.WriteByte('~')
			}
		}
	}
	return b.String()
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"a.tsv", "s\tl\nx \"y\" z\t1\n\t2\n", Options{}, `s|l 2=x "y" z|1 3=|2`},
		{"a.tsv", "\ufeffs\tl\r\nx\t1\r\n\r\n\n", Options{}, `s|l 2=x|1`},
		{"a.tsv", "x\t1\ny\t2", Options{Fields: []string{"s", "l"}}, `s|l 1=x|1 2=y|2`},
		{"a.txt", "x||1\ny||2\n", Options{Fields: []string{"s", "l"}, Delimiter: "||"}, `s|l 1=x|1 2=y|2`},
		{"A.CSV", "s,l\n\"x, \"\"y\"\"\nz\",1\n\nw,2\n", Options{}, "s|l 2=x, \"y\"\nz|1 5=w|2"},
		{"a.data", "x;1\n", Options{Format: "csv", Fields: []string{"s", "l"}, Delimiter: ";"}, `s|l 1=x|1`},
		{"a.jsonl", "{\"s\": \"x\\n\", \"n\": 1.50}\n\n{\"n\": true, \"t\": [1, {\"a\": null}], \"s\": null}\n", Options{},
			"s|n|t 1=x\n|1.50|~ 3=~|true|[1,{\"a\":null}]"},
		{"a.ndjson", `{"s":"x"}`, Options{}, `s 1=x`},
		{"a.json", "[\n {\"s\": \"x\"},\n\n {\n\"s\": \"y\",\n\"l\": 2}\n]\n", Options{}, `s|l 2=x|~ 4=y|2`},
		{"a.txt", "one\n\n \ntwo \r\n", Options{}, `text 1=one 4=two `},
		{"-", "0 How far ?\n1 What\tnow ?\n", Options{Format: "trec"}, "label|text 1=0|How far ? 2=1|What\tnow ?"},
		{"a.txt", "caf\xe9\n", Options{Encoding: "latin-1"}, `text 1=café`},
	} {
		d, err := ReadFrom(strings.NewReader(c.text), c.name, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := show(d); got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          Options
		want       error
		says       string
	}{
		{"a.tsv", "", Options{}, ErrEmpty, "a.tsv: "},
		{"a.tsv", "s\tl\n", Options{}, ErrEmpty, "no rows"},
		{"a.jsonl", "\n\n", Options{}, ErrEmpty, "no rows"},
		{"a.json", "[]", Options{}, ErrEmpty, "no rows"},
		{"a.parquet", "PAR1", Options{}, ErrFormat, `"csv", "json", "jsonl", "text", "trec", "tsv"`},
		{"a.tsv", "x", Options{Format: "xls"}, ErrFormat, `"xls"`},
		{"a.jsonl", "{}", Options{Fields: []string{"s"}}, ErrFormat, "columns"},
		{"a.jsonl", "{}", Options{Delimiter: ";"}, ErrFormat, "delimiter"},
		{"a.csv", "x", Options{Delimiter: "||"}, ErrFormat, `"||"`},
		{"a.csv", "x", Options{Delimiter: "\""}, ErrFormat, "delimiter"},
		{"a.tsv", "x", Options{Encoding: "utf-16"}, ErrFormat, `"utf-16"`},
		{"a.tsv", "s\tl\nx\t1\ny\n", Options{}, ErrRow, `a.tsv:3: malformed row: 1 columns, expected 2 ("s", "l")`},
		{"a.tsv", "s\tl\n\nx\t1\n", Options{}, ErrRow, "a.tsv:2: "},
		{"a.tsv", "s\tl\ts\nx\t1\t2\n", Options{}, ErrRow, `a.tsv:1: malformed row: the header names "s" twice`},
		{"a.csv", "s,l\nx,1\n\"y\nz,2\n", Options{}, ErrRow, "a.csv:4: "},
		{"a.csv", "s,l\n\n\"a\nb\",1,2\n", Options{}, ErrRow, "a.csv:3: malformed row: 3 columns"},
		{"a.jsonl", "{\"s\":1}\n{\"s\":}\n", Options{}, ErrRow, "a.jsonl:2: "},
		{"a.jsonl", "{\"s\":1}\n[1]\n", Options{}, ErrRow, "expected an object, found ["},
		{"a.jsonl", "{\"s\":1} {}\n", Options{}, ErrRow, "more than one object"},
		{"a.jsonl", "{\"s\":1,\"s\":2}\n", Options{}, ErrRow, `"s" comes twice`},
		{"a.jsonl", "{\"s\":1}\n{\"s\":1, \"\\ud800\":2}", Options{}, ErrRow, `a.jsonl:2: malformed row: key "\ud800": \ud800 is half of a surrogate pair`},
		{"a.json", "[{\"s\":1},\n{ \"a\\udc00b\":2}]", Options{}, ErrRow, `a.json:2: malformed row: key "a\udc00b": \udc00 is half of a surrogate pair`},
		{"a.jsonl", "{\"s\":1}\n{\"s\":\"a\\udc00\"}", Options{}, ErrRow, `a.jsonl:2: malformed row: key "s": \udc00 is half of a surrogate pair`},
		{"a.jsonl", "{\"s\":1", Options{}, ErrRow, "a.jsonl:1: "},
		{"a.json", "{\"s\":1}", Options{}, ErrRow, "expected a list"},
		{"a.json", "[\n{\"s\":1},\n3]", Options{}, ErrRow, "a.json:3: "},
		{"a.json", "[{\"s\":1}", Options{}, ErrRow, "a.json:1: "},
		{"a.json", "[{\"s\":1}]\n[]", Options{}, ErrRow, "follows"},
		{"a.txt", "one\ntwo\xff\n", Options{}, ErrUTF8, "a.txt:2: invalid UTF-8"},
		{"a.txt", "\ufffd\n\xc3(\n", Options{}, ErrUTF8, "a.txt:2: invalid UTF-8"},
		{"-", "0 a\nb\n", Options{Format: "trec"}, ErrRow, `-:2: malformed row: expected a label, a space and a text, found "b"`},
		{"a.txt", "\x1f\x8bnot gzip", Options{}, gzip.ErrHeader, "a.txt: "},
	} {
		_, err := ReadFrom(strings.NewReader(c.text), c.name, c.o)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s of %q: got the error %v, want %v that says %q", c.name, c.text, err, c.want, c.says)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "a.tsv"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestGzip(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte("s\tl\nx\t1\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.tsv.gz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if d, err := Read(path, Options{}); err != nil || show(d) != "s|l 2=x|1" {
		t.Error(d, err)
	}
	if _, err := textOf(bytes.NewReader(b.Bytes()), "", 7); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "7 bytes") {
		t.Error(err)
	}
	if text, err := textOf(bytes.NewReader(b.Bytes()), "", 8); err != nil || len(text) != 8 {
		t.Error(text, err)
	}
	if _, err := ReadFrom(bytes.NewReader(b.Bytes()[:b.Len()-9]), "a.tsv.gz", Options{}); err == nil || !strings.Contains(err.Error(), "truncated gzip") {
		t.Error(err)
	}
}

func TestValuesAndLabels(t *testing.T) {
	d, err := ReadFrom(strings.NewReader("{\"s\":\"x\",\"l\":\"b\"}\n{\"s\":\"y\",\"l\":\"a\"}\n{\"t\":\"z\"}\n{}\n"), "a.jsonl", Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Column("l")
	if !errors.Is(err, ErrField) || err.Error() != `a.jsonl:3: missing field: "l" is not among "t"` {
		t.Error(err)
	}
	if _, err := d.Value(3, "l"); err.Error() != `a.jsonl:4: missing field: "l" is not among nothing` {
		t.Error(err)
	}
	two := d.Subset([]int{0, 1})
	for order, want := range map[Order][]string{Sorted: {"a", "b"}, FirstSeen: {"b", "a"}} {
		l, err := two.CollectLabels("l", order)
		if err != nil || !slices.Equal(l.Names, want) {
			t.Error(l, err)
		}
	}
	numbers, err := ReadFrom(strings.NewReader("10\n9\n-1\n"), "a.txt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := numbers.CollectLabels("text", Sorted)
	if err != nil || !slices.Equal(l.Names, []string{"-1", "9", "10"}) {
		t.Error(l, err)
	}
	given, err := NewLabels([]string{"b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Classes("l", given); !errors.Is(err, ErrLabel) || err.Error() != `a.jsonl:2: unknown label: l is "a", expected one of "b", "c"` {
		t.Error(err)
	}
	if c, err := two.Subset([]int{0}).Classes("l", given); err != nil || !slices.Equal(c, []int{0}) {
		t.Error(c, err)
	}
	if _, err := NewLabels([]string{"a", "a"}); !errors.Is(err, ErrLabel) {
		t.Error(err)
	}
	if _, err := d.CollectLabels("l", Sorted); !errors.Is(err, ErrField) {
		t.Error(err)
	}
	if _, err := d.Classes("nothing", given); !errors.Is(err, ErrField) {
		t.Error(err)
	}
}

func TestHash(t *testing.T) {
	read := func(name, text string) *Dataset {
		d, err := ReadFrom(strings.NewReader(text), name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := read("a.tsv", "s\tl\nx<\t1\ny\t2\n").Hash()
	// printf '["s","l"]\n["x<","1"]\n["y","2"]\n' | sha256sum
	if want := "sha256:1cfff7d9b3aca6108f9276ab04a8452a64a97cfcd47fecb963e74ff52dea0c56"; a != want {
		t.Errorf("%s, want %s", a, want)
	}
	if b := read("b.jsonl", "{\"s\":\"x<\",\"l\":1}\n{\"l\":2,\"s\":\"y\"}\n").Hash(); b != a {
		t.Error("the format counts")
	}
	for _, other := range []string{"s\tl\nx<\t1\ny\t3\n", "s\tm\nx<\t1\ny\t2\n", "s\tl\ny\t2\nx<\t1\n", "s\tl\nx<\t1\n"} {
		if read("a.tsv", other).Hash() == a {
			t.Errorf("%q has the same hash", other)
		}
	}
	if read("a.jsonl", "{\"s\":\"\"}\n{\"s\":1}").Hash() == read("a.jsonl", "{\"s\":null}\n{\"s\":1}").Hash() {
		t.Error("nothing is something")
	}
}

// TestSharedData reads the published data sets: so many rows as their makers say.
func TestSharedData(t *testing.T) {
	agnews := Options{Fields: []string{"text", "label"}}
	for _, c := range []struct {
		file    string
		o       Options
		rows    int
		label   string
		classes int
	}{
		{"sst2/train.tsv", Options{}, 60614, "label", 2},
		{"sst2/dev.tsv", Options{}, 6735, "label", 2},
		{"sst2/test.tsv", Options{}, 872, "label", 2},
		{"trec/train.txt", Options{Format: "trec", Encoding: "latin-1"}, 5452, "label", 6},
		{"trec/test.txt", Options{Format: "trec"}, 500, "label", 6},
		{"agnews/test.tsv", agnews, 7600, "label", 4},
		{"agnews/dev.tsv", agnews, 10001, "label", 4},
		{"chnsenticorp/dev.tsv", Options{}, 1200, "label", 2},
		{"superglue/RTE/train.jsonl", Options{}, 32, "label", 2},
		{"superglue/CB/train.jsonl", Options{}, 32, "label", 3},
		{"superglue/BoolQ/dev32.jsonl", Options{}, 32, "label", 2},
		{"instruct/alpaca_en_demo.json", Options{}, 999, "", 0},
		{"multi30k/val.de.gz", Options{Format: "text"}, 1014, "", 0},
	} {
		d, err := Read(near.Shared(t, "data", filepath.FromSlash(c.file)), c.o)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(d.Rows) != c.rows {
			t.Errorf("%s has %d rows, want %d", c.file, len(d.Rows), c.rows)
		}
		if c.label == "" {
			continue
		}
		l, err := d.CollectLabels(c.label, Sorted)
		if err != nil || len(l.Names) != c.classes {
			t.Errorf("%s has the labels %v, want %d (%v)", c.file, l, c.classes, err)
		}
	}
	if _, err := Read(near.Shared(t, "data", "trec", "train.txt"), Options{Format: "trec"}); !errors.Is(err, ErrUTF8) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, format := range []string{"tsv", "csv", "jsonl", "json", "text", "trec"} {
		f.Add(format, []byte("s\tl\nx\t1\n"))
		f.Add(format, []byte("s,l\n\"x,\n\"\"\",1\n"))
		f.Add(format, []byte(`{"s":"x","t":[1,{"a":null}]}`+"\n{}"))
		f.Add(format, []byte("[{\"s\":\"\\ud800\"},\n{\"t\":-1e5}]"))
		f.Add(format, []byte("\x1f\x8b\x08\x00"))
	}
	f.Fuzz(func(t *testing.T, format string, text []byte) {
		d, err := ReadFrom(bytes.NewReader(text), "x", Options{Format: format})
		if err != nil {
			return
		}
		d.Hash()
		for i, r := range d.Rows {
			if len(r.Values) > len(d.Fields) || r.Line < 1 || i > 0 && r.Line < d.Rows[i-1].Line {
				t.Errorf("row %d: %v", i, r)
			}
			for _, field := range d.Fields {
				if _, err := d.Value(i, field); err != nil && !errors.Is(err, ErrField) {
					t.Error(err)
				}
			}
		}
	})
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"trimtab/data"
)

// line is a line of input and where it stands.
type line struct {
	file   string
	number int // from 1
	text   string
}

func (l line) wrap(err error) error { return fmt.Errorf("%s:%d: %w", l.file, l.number, err) }

// decode reads the line as a JSON object.
func (l line) decode(v any) error {
	if !utf8.ValidString(l.text) {
		return l.wrap(errors.New("not valid UTF-8"))
	}
	if err := json.Unmarshal([]byte(l.text), v); err != nil {
		return l.wrap(fmt.Errorf("not a JSON object of the expected form: %w", err))
	}
	if half := data.Unpaired(l.text); half != "" {
		return l.wrap(fmt.Errorf("%s is half of a surrogate pair and stands for no character", half))
	}
	return nil
}

// batchLines is how many lines are worked on at a time.
const batchLines = 512

// eachBatch hands on the lines of files, in order; "-" or no file is standard
// input. A batch ends early where the next line would have to be waited for.
func eachBatch(stdin io.Reader, files []string, f func([]line) error) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if err := batchesOf(stdin, name, f); err != nil {
			return err
		}
	}
	return nil
}

func batchesOf(stdin io.Reader, name string, f func([]line) error) error {
	r := stdin
	if name == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		r = file
	}
	in := bufio.NewReaderSize(r, 1<<16)
	var batch []line
	for number := 1; ; number++ {
		text, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: %w", name, err)
		}
		ended := err == io.EOF
		if !ended || text != "" {
			batch = append(batch, line{name, number, strings.TrimSuffix(text, "\n")})
		}
		if len(batch) > 0 && (ended || len(batch) == batchLines || in.Buffered() == 0) {
			if err := f(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if ended {
			return nil
		}
	}
}

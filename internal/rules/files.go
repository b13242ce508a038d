package rules

import (
	"bytes"
	"fmt"
	"go/format"
	"regexp"
)

// MaxLines is how long a file that was not generated may be.
const MaxLines = 499

// Sizes is the rule that a file is about one thing, and so has at most
// [MaxLines] lines. Generated files are left out.
func Sizes(t *Tree) []string {
	var found []string
	for _, file := range t.Files {
		if lines := bytes.Count(file.Source, []byte("\n")); !file.Generated && lines > MaxLines {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d", file.Path, lines, MaxLines))
		}
	}
	return found
}

// Formatting is the rule that every file is as gofmt leaves it.
func Formatting(t *Tree) []string {
	var found []string
	for _, file := range t.Files {
		if out, err := format.Source(file.Source); err != nil || !bytes.Equal(out, file.Source) {
			found = append(found, file.Path+": not as gofmt leaves it")
		}
	}
	return found
}

// machines matches what belongs to one machine and to no repository: paths below
// the usual places for somebody's work, private addresses, names of hosts that
// only a private network resolves.
var machines = regexp.MustCompile(`(?:^|[^a-zA-Z0-9._~-])/(?:work|root|farm|home|Users)/` +
	`|\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b` +
	`|//[a-z0-9.-]+\.(?:internal|corp|lan|local)\b`)

// Machines returns a violation for each line of a text file that names a path
// or a host of somebody's machine. Files with a zero byte are no text.
func Machines(name string, content []byte) []string {
	if bytes.IndexByte(content, 0) >= 0 || !machines.Match(content) {
		return nil
	}
	var found []string
	number := 0
	for line := range bytes.Lines(content) {
		number++
		if match := machines.Find(line); match != nil {
			found = append(found, fmt.Sprintf("%s:%d: %q belongs to one machine", name, number, match))
		}
	}
	return found
}

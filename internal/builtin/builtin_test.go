package builtin

import (
	"errors"
	"strings"
	"testing"
)

// rows are the texts and labels of a file of the demo.
func rows(t *testing.T, content string) (texts, labels []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	if lines[0] != "text\tlabel" {
		t.Fatalf("the header is %q", lines[0])
	}
	for _, line := range lines[1:] {
		text, label, ok := strings.Cut(line, "\t")
		if !ok || text == "" {
			t.Fatalf("not a text and a label: %q", line)
		}
		texts, labels = append(texts, text), append(labels, label)
	}
	return texts, labels
}

// The demo's data is what its README says.
func TestData(t *testing.T) {
	seen := map[string]bool{}
	for name, c := range map[string]struct {
		content string
		each    int
	}{"train": {Train(), 100}, "test": {Test(), 50}} {
		texts, labels := rows(t, c.content)
		count := map[string]int{}
		for i, text := range texts {
			count[labels[i]]++
			if seen[text] {
				t.Errorf("%s: twice: %q", name, text)
			}
			seen[text] = true
			if words := len(strings.Fields(text)); words < 8 || words > 20 {
				t.Errorf("%s: %d words: %q", name, words, text)
			}
			for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
				if word == labels[i] {
					t.Errorf("%s: the label is in %q", name, text)
				}
			}
		}
		for _, label := range []string{"food", "health", "money", "travel"} {
			if count[label] != c.each || len(count) != 4 {
				t.Errorf("%s: labels %v", name, count)
			}
		}
	}
}

func TestBase(t *testing.T) {
	f, err := Base()
	if errors.Is(err, ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const most = 15_000_000
	if size := len(f.Config) + len(f.Weights) + len(f.Tokenizer); size > most {
		t.Errorf("the base has %d bytes, at most %d", size, most)
	}
}

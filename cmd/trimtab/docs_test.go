package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/internal/near"
)

// Every command line in a fence of README and the pages in docs, and in the examples
// of --help, is one that the program takes.
func TestDocumentedCommands(t *testing.T) {
	root := near.Root(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range commandLines(fences(string(text))) {
			accept(t, filepath.Base(page), args)
			checked++
		}
	}
	if checked == 0 {
		t.Error("the documentation has no command")
	}
	for _, c := range newRoot().Commands() {
		lines := commandLines(c.Example)
		if len(lines) == 0 && c.Name() != "help" && c.Name() != "completion" {
			t.Errorf("%s: no command in the example", c.Name())
		}
		for _, args := range lines {
			accept(t, c.Name()+" --help", args)
		}
	}
}

// With TRIMTAB_LONG=1 the README's commands are run, one after another, but for the
// demo and the tests. They leave the program and runs/ in the repository's root.
func TestREADMERuns(t *testing.T) {
	if os.Getenv("TRIMTAB_LONG") == "" {
		t.Skip("TRIMTAB_LONG is not set")
	}
	root := near.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(fences(string(text))) {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") || strings.HasPrefix(l, "go run") || strings.HasPrefix(l, "go test") {
			continue
		}
		cmd := exec.Command("bash", "-c", l)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", l, err, out)
		}
	}
}

// accept fails the test unless a command line names a verb, its flags and its arguments.
func accept(t *testing.T, where string, args []string) {
	t.Helper()
	cmd, rest, err := newRoot().Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil && cmd.Args != nil {
		err = cmd.Args(cmd, cmd.Flags().Args())
	}
	if err == nil {
		err = cmd.ValidateRequiredFlags()
	}
	if err == nil {
		err = cmd.ValidateFlagGroups()
	}
	if err != nil || !cmd.HasParent() {
		t.Errorf("%s: trimtab %s: %v", where, strings.Join(args, " "), err)
	}
}

// fences is what stands in the fenced blocks of shell commands of a page.
func fences(page string) string {
	var b strings.Builder
	in := false
	for l := range strings.Lines(page) {
		if strings.HasPrefix(l, "```") {
			in = strings.HasPrefix(l, "```sh")
		} else if in {
			b.WriteString(l)
		}
	}
	return b.String()
}

// commandLines are the arguments of each call of the program in shell text.
func commandLines(text string) [][]string {
	var lines [][]string
	for l := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		words := shellWords(l)
		for i, w := range words {
			if (w == "trimtab" || w == "./trimtab") && (i == 0 || words[i-1] == "|") || w == "./cmd/trimtab" && i > 1 && words[i-1] == "run" {
				args := words[i+1:]
				for j, w := range args {
					if w == "|" || w == ">" || w == "&&" || strings.HasPrefix(w, "#") {
						args = args[:j]
						break
					}
				}
				lines = append(lines, args)
			}
		}
	}
	return lines
}

// shellWords splits a line as a shell does, with quotes and nothing else. A
// substitution "<(...)" is opened.
func shellWords(line string) []string {
	var words []string
	word, open, quote := "", false, rune(0)
	for _, r := range strings.TrimSuffix(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "<(", " "), ")") {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, open = r, true
		case quote == 0 && strings.ContainsRune(" \t\n", r):
			if open {
				words = append(words, word)
			}
			word, open = "", false
		default:
			word, open = word+string(r), true
		}
	}
	if open {
		words = append(words, word)
	}
	return words
}

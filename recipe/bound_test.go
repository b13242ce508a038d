package recipe_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"trimtab/recipe"
)

// longest is how long any text may keep Parse, on a machine that does other things too.
const longest = 5 * time.Second

// hostile are texts that keep the YAML library for long: of some its time grows with the square of their length.
func hostile() map[string]string {
	const n = 16000
	aliases := "deltas:\n  - x0: &x0 [x, x]\n"
	for i := 1; i < 9; i++ {
		aliases += fmt.Sprintf("    x%d: &x%d [*x%d, *x%d]\n", i, i, i-1, i-1)
	}
	keys, indent := "", ""
	for i := range 6000 {
		keys += fmt.Sprintf("k%d: 1\n", i)
	}
	for i := range 300 {
		indent += strings.Repeat(" ", i) + "a:\n"
	}
	return map[string]string{
		"lists": strings.Repeat("[", n), "closed lists": strings.Repeat("[", n) + strings.Repeat("]", n), "mappings": strings.Repeat("{a: ", n), "lines": indent,
		"dashes": strings.Repeat("- ", n), "questions": strings.Repeat("? ", n), "keys": keys, "aliases": aliases, "anchors": strings.Repeat("&a ", n), "tags": strings.Repeat("!!a ", n),
		"pipes": strings.Repeat("|\n", n), "commas": "[" + strings.Repeat(",", n), "documents": strings.Repeat("---\n", n), "colons": strings.Repeat("a: ", n),
		"deep again and again": "deltas: [" + strings.Repeat(strings.Repeat("[", 30)+strings.Repeat("]", 30)+",", 1000) + "]", "long": strings.Repeat("x", 1<<20),
		"mappings again and again": "deltas: [" + strings.Repeat(strings.Repeat("{a: ", 29)+strings.Repeat("}", 29)+",", 60) + "]",
	}
}

func TestHostileTexts(t *testing.T) {
	for name, text := range hostile() {
		begun := time.Now()
		_, err := recipe.Parse("r.yaml", []byte(text))
		if took := time.Since(begun); took > longest {
			t.Errorf("%s: %v", name, took)
		}
		if !errors.Is(err, recipe.ErrRecipe) || !strings.HasPrefix(err.Error(), "r.yaml:") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestBounds(t *testing.T) {
	text := func(inner string) string { return "model_name_or_path: x\noutput_dir: y\ndeltas:\n  - " + inner + "\n" }
	for inner, want := range map[string]string{
		strings.Repeat("[", 31):                                       "r.yaml:4:35: recipe: there are more than 32 lists and mappings in one another",
		"{a: &a 1, b: [" + strings.Repeat("*a, ", 17) + "]}":          "r.yaml:4:83: recipe: there are more than 16 aliases",
		"a: {" + strings.Repeat("a: 1, ", 1996) + "b: 1, c: 1, d: 1}": "there are more than 2000 keys",
		"a: " + strings.Repeat("x", 1<<16):                            "at most 65536 are read",
	} {
		if _, err := recipe.Parse("r.yaml", []byte(text(inner))); !errors.Is(err, recipe.ErrRecipe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: error %v, expected %s", inner, err, want)
		}
	}
	// What stands in quotes or in a block is no list, and lists beside each other are none in one another.
	for _, inner := range []string{`{a: "` + strings.Repeat("[", 40) + `"}`, "a: |\n      " + strings.Repeat("{", 40), "{a: [" + strings.Repeat("[], ", 40) + "]}"} {
		if _, err := recipe.Parse("r.yaml", []byte(text(inner))); err != nil {
			t.Errorf("%.40s: error %v", inner, err)
		}
	}
}

package recipe_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trimtab/internal/near"
	"trimtab/recipe"
)

// TestTableOfKeys holds docs/recipes.md to the struct's tags. Run with UPDATE_DOCS=1 to write it.
func TestTableOfKeys(t *testing.T) {
	path := filepath.Join(near.Root(t), "docs", "recipes.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- keys -->\n", "<!-- /keys -->\n"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + recipe.Table() + end + after
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what the struct's tags say: run UPDATE_DOCS=1 go test ./recipe", path)
	}
}

var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestRecipesInDocumentation reads every recipe that a page shows, and the examples.
func TestRecipesInDocumentation(t *testing.T) {
	root, count := near.Root(t), 0
	pages := []string{filepath.Join(root, "README.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(block[1], "model_name_or_path:") {
				continue
			}
			count++
			if _, err := recipe.Parse(page, []byte(block[1])); err != nil {
				t.Error(err)
			}
		}
	}
	if count == 0 {
		t.Error("no page shows a recipe")
	}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*.yaml"))
	if err != nil || len(examples) == 0 {
		t.Errorf("examples: %v, %v", examples, err)
	}
	for _, path := range examples {
		if _, err := recipe.Read(path); err != nil {
			t.Error(err)
		}
	}
}

func TestSchema(t *testing.T) {
	text, err := recipe.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Required   []string `json:"required"`
		Additional *bool    `json:"additionalProperties"`
		Properties map[string]struct {
			Default    any            `json:"default"`
			Properties map[string]any `json:"properties"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Additional == nil || *schema.Additional || len(schema.Required) != 1 || schema.Properties["task"].Default != "classification" {
		t.Errorf("schema: %s", text)
	}
	if schema.Properties["training"].Properties["learning_rate"] == nil {
		t.Error("the schema lacks training.learning_rate")
	}
}

package recipe_test

import (
	"path/filepath"
	"testing"

	"trimtab/internal/near"
	"trimtab/recipe"
)

// TestRecipesOfTheComparison reads the recipes that run beside PyTorch.
func TestRecipesOfTheComparison(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(near.Root(t), "internal", "reference", "sst2", "*.yaml"))
	if err != nil || len(paths) != 5 {
		t.Fatalf("%d recipes, error %v", len(paths), err)
	}
	for _, path := range paths {
		r, err := recipe.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Training.Dropout == nil || *r.Training.Dropout != 0 {
			t.Errorf("%s: an export needs dropout 0", path)
		}
	}
}

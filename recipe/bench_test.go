package recipe_test

import (
	"path/filepath"
	"testing"

	"trimtab/internal/near"
	"trimtab/recipe"
)

// TestDecodeWorkload runs the smallest of the workloads with a model.
func TestDecodeWorkload(t *testing.T) {
	if testing.Short() {
		t.Skip("draws 124 million weights")
	}
	f, err := recipe.Bench(t.Context(), "decode-gpt2", recipe.BenchOptions{Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.AllSeconds) != 9 || f.Tokens != 1 || f.Flops != 2*(12*(4*768*768+2*768*3072)+50257*768) {
		t.Errorf("figures %+v", f)
	}
	if _, err := recipe.Bench(t.Context(), "decode", recipe.BenchOptions{}); err == nil {
		t.Error("an unknown workload was measured")
	}
}

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

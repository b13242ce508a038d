package recipe_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trimtab/compute/cpu"
	"trimtab/internal/builtin"
	"trimtab/internal/near"
	"trimtab/recipe"
)

// Every recipe of the demo is one, for whatever folder.
func TestDemoRecipes(t *testing.T) {
	for _, name := range recipe.DemoRecipes() {
		for _, dir := range []string{recipe.DemoDir, "it's here"} {
			text, err := recipe.DemoRecipe(name, dir)
			if err != nil {
				t.Fatal(err)
			}
			r, err := recipe.Parse(name, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if r.Base != recipe.Builtin || r.Data.Train.File != dir+"/data/train.tsv" || r.Data.Test.File != dir+"/data/test.tsv" {
				t.Errorf("%s: %s learns from %s, test %s", name, r.Base, r.Data.Train.File, r.Data.Test.File)
			}
			if r.Data.FewShot != nil && r.OutputDir != "runs/"+strings.TrimSuffix(name, ".yaml") {
				t.Errorf("%s: output_dir is %s", name, r.OutputDir)
			}
		}
	}
	if _, err := recipe.DemoRecipe("no.yaml", "x"); err == nil {
		t.Error("a recipe that is not there")
	}
}

func TestDemoKeepsOthersFolders(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := recipe.Demo(t.Context(), nil, recipe.DemoOptions{Dir: dir})
	if !errors.Is(err, recipe.ErrRun) || !strings.Contains(err.Error(), "thesis.txt") {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left %v (%v)", entries, err)
	}
}

// A small demo fills its table, and the run that it keeps is the one that the table tells of.
func TestDemo(t *testing.T) {
	if _, err := builtin.Base(); errors.Is(err, builtin.ErrAbsent) {
		t.Skip(err)
	}
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir, told := filepath.Join(t.TempDir(), "demo [1]"), 0
	if err := os.MkdirAll(filepath.Join(dir, "recipes"), 0o777); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, "delta-2")
	if err := os.Mkdir(stale, 0o777); err != nil {
		t.Fatal(err)
	}
	table, err := recipe.Demo(t.Context(), dev, recipe.DemoOptions{Seeds: 2, K: 1, Dir: dir, Report: func(recipe.DemoProgress) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("a delta of an earlier demo is still there")
	}
	if len(table.Rows) != len(recipe.DemoRecipes()) || told != 2*len(table.Rows) {
		t.Errorf("%d rows, told of %d runs", len(table.Rows), told)
	}
	near.Number(t, "chance", table.Chance, 0.25, near.Exact)
	var kept recipe.DemoRow
	for i, row := range table.Rows {
		trains := i > 0
		if (row.Validation != nil) != trains || (row.Parameters > 0) != trains || (row.Bytes > 0) != trains || len(row.Accuracies) == 0 {
			t.Errorf("%+v", row)
		}
		if row.Way == table.Best.Way {
			kept = row
		}
	}
	j, report, err := recipe.OpenRun(dir, dev, recipe.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	near.Number(t, "test accuracy of the kept run", report.Test["accuracy"], kept.Accuracies[table.Best.Seed-1], near.Exact)
	near.Number(t, "its validation accuracy", report.Validation["accuracy"], table.Best.Validation, near.Exact)
	if report.Fingerprint == "" || report.Parameters != kept.Parameters {
		t.Errorf("%+v", report)
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); err != nil {
		t.Error(err)
	}
}

package recipe

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/internal/builtin"
)

//go:embed demo/*.yaml
var demoFiles embed.FS

// demoWays are the rows of the demo's table and their recipes.
var demoWays = []struct{ title, file string }{
	{"zero-shot prompt", "zero-shot.yaml"},
	{"head alone", "head.yaml"},
	{"head + full fine-tuning", "head-full.yaml"},
	{"prompt + full fine-tuning", "prompt-full.yaml"},
	{"prompt + LoRA", "prompt-lora.yaml"},
	{"prompt + BitFit", "prompt-bitfit.yaml"},
	{"prompt + soft tokens", "prompt-soft.yaml"},
}

// The demo's own parts of its folder, beside those of a run.
const (
	demoRecipes = "recipes"
	demoData    = "data"
	demoFile    = "demo.json"
)

// DemoRecipe is the text of a recipe of the demo, by the name of its file, for the demo's folder dir.
func DemoRecipe(file, dir string) (string, error) {
	text, err := demoFiles.ReadFile("demo/" + file)
	if err != nil {
		return "", err
	}
	quoted := strings.ReplaceAll(filepath.ToSlash(dir), "'", "''")
	return strings.ReplaceAll(string(text), DemoDir+"/", quoted+"/"), nil
}

// DemoRecipes are the names of the demo's recipes, in the order of its table.
func DemoRecipes() []string {
	var names []string
	for _, w := range demoWays {
		names = append(names, w.file)
	}
	return names
}

// layOut makes the demo's folder, with data and recipes and nothing of an earlier run, and takes it.
func layOut(dir string) (*claimed, error) {
	if err := mayLayOut(dir); err != nil {
		return nil, err
	}
	lock, err := claim(dir)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(string) error{clearRun, writeDemo} {
		if err := step(dir); err != nil {
			return nil, errors.Join(err, lock.release())
		}
	}
	return lock, nil
}

// mayLayOut is an error if a folder holds something else than a demo.
func mayLayOut(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := func(e os.DirEntry) bool { return slices.Contains([]string{demoRecipes, demoFile, lockFile}, e.Name()) }
	if len(entries) > 0 && !slices.ContainsFunc(entries, ours) {
		return fmt.Errorf("%s: %w: it is not empty, and no demo has made it: it holds %s", dir, ErrRun, entries[0].Name())
	}
	return nil
}

// clearRun removes what an earlier run has left; run.json goes first: without it nobody takes the rest for a run.
func clearRun(dir string) error {
	for _, pattern := range []string{runFile, recipeFile, demoFile, softFile, "metrics.jsonl", "delta", "delta-*", "checkpoint-*"} {
		names, err := filepath.Glob(filepath.Join(escape(dir), pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// escape makes a pattern that matches a path as it is.
func escape(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

// writeDemo writes the demo's data and recipes.
func writeDemo(dir string) error {
	files := map[string]string{path.Join(demoData, "train.tsv"): builtin.Train(), path.Join(demoData, "test.tsv"): builtin.Test()}
	for _, w := range demoWays {
		text, err := DemoRecipe(w.file, dir)
		if err != nil {
			return err
		}
		files[path.Join(demoRecipes, w.file)] = text
	}
	for _, sub := range []string{demoData, demoRecipes} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// recipe is a recipe of the demo's folder for a few-shot sample.
func (d *demo) recipe(file string, seed int) (*Recipe, error) {
	r, err := Read(filepath.Join(d.Dir, demoRecipes, file))
	if err != nil {
		return nil, err
	}
	if r.Data.FewShot != nil {
		r.Data.FewShot.K, r.Data.FewShot.Seed = d.K, uint64(seed)
	}
	r.Training.Seed = uint64(seed)
	return r, nil
}

// keepBest trains the best run again, which gives the same bits, into the folder, and writes the table beside it.
func (d *demo) keepBest(ctx context.Context, table *DemoTable) error {
	i := slices.IndexFunc(table.Rows, func(row DemoRow) bool { return row.Way == table.Best.Way })
	r, err := d.recipe(table.Rows[i].Recipe, table.Best.Seed)
	if err != nil {
		return err
	}
	r.OutputDir = d.Dir
	j, err := r.Open(d.dev)
	if err != nil {
		return err
	}
	_, err = j.train(ctx, TrainOptions{})
	if err = firstOf(err, j.Close()); err != nil {
		return err
	}
	text, err := json.MarshalIndent(table, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(d.Dir, demoFile), append(text, '\n'))
}

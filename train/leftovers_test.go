package train_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"trimtab/train"
)

// What a killed run left half-written goes when it is resumed; what is not its own stays.
func TestUnfinishedCheckpointsAreSwept(t *testing.T) {
	dir := t.TempDir()
	_, r := sorting(t, func(r *train.Run) {
		r.Dir, r.Identity, r.Options.SaveSteps, r.Options.SaveLimit, r.Options.MaxSteps = dir, "one", 2, 9, 5
	})
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join(dir, "checkpoint-2", "training.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	_, o := sorting(t, func(o *train.Run) { o.Dir, o.Identity, o.Options.SaveSteps, o.Options.MaxSteps = other, "two", 2, 3 })
	if _, err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(other, "checkpoint-2", "training.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	const tensors, state = "training.safetensors", "training_state.json"
	gone := map[string]map[string][]byte{
		"checkpoint-6":  {tensors + ".77-0.tmp": []byte("half")},
		"checkpoint-8":  {tensors: own},
		"checkpoint-10": {tensors: own, state + ".77-1.tmp": nil},
	}
	stays := map[string]map[string][]byte{
		"checkpoint-12":   {tensors: foreign},
		"checkpoint-14":   {tensors: own, "notes.txt": nil},
		"checkpoint-16":   {tensors: []byte("no tensors")},
		"checkpoint-18":   {},
		"checkpoint-020":  {tensors: own},
		"checkpoint-best": {tensors: own},
		"checkpoint-22":   {tensors + ".tmp": own},
		"checkpoints":     {tensors: own},
	}
	for _, all := range []map[string]map[string][]byte{gone, stays} {
		for folder, files := range all {
			if err := os.Mkdir(filepath.Join(dir, folder), 0o777); err != nil {
				t.Fatal(err)
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, folder, name), text, 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	r.Resume = true
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "checkpoint*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	want := slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(stays)), "checkpoint-2", "checkpoint-4")))
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("found    %q\nexpected %q", found, want)
	}
	for folder, files := range stays {
		if left, err := os.ReadDir(filepath.Join(dir, folder)); err != nil || len(left) != len(files) {
			t.Errorf("%s holds %v (%v)", folder, left, err)
		}
	}
}

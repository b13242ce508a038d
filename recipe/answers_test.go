package recipe_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/data"
	"trimtab/internal/near"
	"trimtab/recipe"
)

// scoresOf are the scores that a job gives to the reviews, one class after the other.
func scoresOf(t *testing.T, j *recipe.Job, s recipe.Source, d *data.Dataset) []float64 {
	t.Helper()
	got, err := j.Predict(t.Context(), d, s)
	if err != nil {
		t.Fatal(err)
	}
	var scores []float64
	for _, a := range got {
		for _, label := range slices.Sorted(maps.Keys(a.Scores)) {
			scores = append(scores, a.Scores[label])
		}
	}
	return scores
}

func reopened(t *testing.T, r *recipe.Recipe) (*recipe.Job, *recipe.Report) {
	t.Helper()
	j, report, err := recipe.OpenRun(r.OutputDir, device(t), recipe.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, report
}

// A run that is opened answers with what it was calibrated with when it was trained.
func TestCalibrationIsKept(t *testing.T) {
	for _, how := range []string{"true", "train"} {
		r := reviewing(t, asked, "prompt.calibrate="+how, "training.learning_rate=0.1")
		before, err := r.Open(device(t))
		if err != nil {
			t.Fatal(err)
		}
		defer before.Close()
		if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{}); err != nil {
			t.Fatal(err)
		}
		after, _ := reopened(t, r)
		near.Check64(t, how, after.Prompt.Verbalizer.Calibration, before.Prompt.Verbalizer.Calibration, near.Exact)
		if len(after.Prompt.Verbalizer.Calibration) == 0 {
			t.Errorf("%s: there is none", how)
		}
	}
}

// Soft tokens of a template, virtual tokens of two deltas and wanted rows do not depend on the order of the deltas.
func TestVirtualTokensInAnyOrder(t *testing.T) {
	const prompts, prefix = "{peft_type: PROMPT_TUNING, num_virtual_tokens: 3}", "{peft_type: PREFIX_TUNING, num_virtual_tokens: 2}"
	var want []float64
	for _, deltas := range []string{prompts + ", " + prefix, prefix + ", " + prompts} {
		r := reviewing(t, "prompt: {template: '{\"soft\": \"In short\"} {sentence} {mask}', verbalizer: "+negative+"}\ndeltas: ["+deltas+"]")
		j, err := r.Open(device(t))
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		for _, p := range j.Parameters { // whatever chance has made of them
			for i := range p.Data {
				p.Data[i] = float32(i%7-3) / 8
			}
		}
		d, s, err := r.Rows(r.Data.Test)
		if err != nil {
			t.Fatal(err)
		}
		got := scoresOf(t, j, s, d)
		if want == nil {
			want = got
		}
		near.Check64(t, deltas, got, want, near.Logits)
	}
}

// Fields of a pair reach the template and the head as the recipe names them.
func TestPairs(t *testing.T) {
	rows := table(t, "text_b\ttext_a\tlabel", "the film\twas great\t1", "a plot\twas dull\t0")
	swapped := table(t, "text_a\ttext_b\tlabel", "the film\twas great\t1", "a plot\twas dull\t0")
	base := small(t, "masked_lm")
	for _, how := range []string{"", "prompt: {template: '{text_a} {mask} {text_b}', verbalizer: " + negative + "}"} {
		var want []float64
		for file, fields := range map[string]string{rows: "text: text_b, text_pair: text_a", swapped: "text: text_a, text_pair: text_b"} {
			for range 5 { // the order of a map's keys is chance
				r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, "model_name_or_path: %s\ndata: {train: {file: %s, %s}}\n%s", base, file, fields, how))
				if err != nil {
					t.Fatal(err)
				}
				j, err := r.Open(device(t))
				if err != nil {
					t.Fatal(err)
				}
				d, s, err := r.Rows(r.Data.Train)
				if err != nil {
					t.Fatal(err)
				}
				got := scoresOf(t, j, s, d)
				if want == nil {
					want = got
				}
				near.Check64(t, how+fields, got, want, near.Exact)
				j.Close()
			}
		}
	}
}

// The text is never taken from the label, and not guessed among many fields.
func TestTextIsNotTheLabel(t *testing.T) {
	for header, want := range map[string]string{"label\treview": "", "label\treview\tauthor": "data.train.text is missing", "kind\treview": "data.train.label is missing"} {
		row := map[bool]string{true: "1\tthe film\tme\n0\tthe plot\tyou", false: "1\tthe film\n0\tthe plot"}[strings.Count(header, "\t") == 2]
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, "model_name_or_path: %s\ndata: {train: {file: %s}}\n", small(t, "masked_lm"), table(t, header, row)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Plan(device(t))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, expected %s", header, err, want)
		}
	}
}

// A run's folder that was changed by hand.
func TestChangedRuns(t *testing.T) {
	r := reviewing(t, "deltas: ["+lora+"]", "training.max_steps=1", "training.eval_steps=1")
	if _, err := r.Train(t.Context(), device(t), recipe.TrainOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.OutputDir, "run.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]any{"labels": nil, "deltas": []string{"../other"}, "version": 2, "calibration": []int{1}} {
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		m[key] = value
		changed, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(changed))
		if _, _, err := recipe.OpenRun(r.OutputDir, device(t), recipe.OpenOptions{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v: %v", key, value, err)
		}
	}
	write(t, path, strings.Replace(string(text), `"labels"`, `"labels": ["0", "1", "2"], "was"`, 1))
	if _, _, err := recipe.OpenRun(r.OutputDir, device(t), recipe.OpenOptions{}); err == nil {
		t.Error("a head of two classes opened for three labels")
	}
}

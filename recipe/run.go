package recipe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/data"
	"trimtab/delta"
	"trimtab/tensor"
	"trimtab/train"
)

// ErrRun is wrapped by errors about a run's folder.
var ErrRun = errors.New("run folder")

// The files of a run's folder. run.json comes last: a folder without it is no finished run.
const (
	recipeFile = "recipe.yaml"
	runFile    = "run.json"
	softFile   = "template.safetensors"
)

// Report is run.json: what a run learnt from, and how well.
type Report struct {
	// Version of this file's format.
	Version int `json:"version"`
	// Labels are the classes, in order.
	Labels []string `json:"labels,omitempty"`
	// Deltas are the folders of the deltas, in the order of attaching.
	Deltas []string `json:"deltas"`
	// Calibration is what the prompt was calibrated with: the logits of an input that says nothing.
	Calibration []float64 `json:"calibration,omitempty"`
	// DataHash identifies the training data (there is none where nothing trains), Fingerprint the base.
	DataHash    string `json:"data_hash,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	// Parameters is how many numbers trained; Steps were taken, Best is the step that was kept (0: the last).
	Parameters int `json:"trained_parameters"`
	Steps      int `json:"steps"`
	Best       int `json:"best_step,omitempty"`
	// Loss is the last step's; Validation and Test are metrics of the kept state.
	Loss       float64            `json:"loss"`
	Validation map[string]float64 `json:"validation,omitempty"`
	Test       map[string]float64 `json:"test,omitempty"`
}

// deltaFolder is the name of a delta's folder in a run's.
func deltaFolder(i int) string {
	if i == 0 {
		return "delta"
	}
	return fmt.Sprintf("delta-%d", i+1)
}

// save writes the trained job to the recipe's folder.
func (j *Job) save(o *Outcome, dataHash string) error {
	dir := j.Recipe.OutputDir
	report := Report{Version: 1, DataHash: dataHash, Parameters: o.Parameters, Steps: o.Steps, Best: o.BestStep, Loss: o.Loss,
		Validation: named(o.Best), Test: named(o.Test), Deltas: []string{}}
	if j.Labels != nil {
		report.Labels = j.Labels.Names
	}
	if j.Prompt != nil {
		report.Calibration = j.Prompt.Verbalizer.Calibration
	}
	side, err := delta.NewSidecar(j.Base, cacheFolder())
	if err != nil {
		return err
	}
	report.Fingerprint = side.Fingerprint
	if err := j.describe(side, report.DataHash); err != nil {
		return err
	}
	for i, d := range j.Deltas {
		report.Deltas = append(report.Deltas, deltaFolder(i))
		if err := d.Save(filepath.Join(dir, deltaFolder(i)), side); err != nil {
			return err
		}
	}
	if j.Prompt != nil && j.Prompt.Soft != nil {
		p := j.Prompt.Soft.Parameter
		tensors := map[string]*tensor.Tensor{p.Name: tensor.FromFloat32s(p.Shape, p.Data)}
		if err := checkpoint.WriteSafetensors(filepath.Join(dir, softFile), tensors, nil); err != nil {
			return err
		}
	}
	text, err := marshal(j.Recipe)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, recipeFile), text); err != nil {
		return err
	}
	if text, err = json.MarshalIndent(report, "", "  "); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, runFile), append(text, '\n'))
}

// describe fills a sidecar with what PEFT's files cannot say.
func (j *Job) describe(side *delta.Sidecar, dataHash string) error {
	var err error
	section := func(v any) json.RawMessage {
		text, e := json.Marshal(v)
		err = firstOf(err, e)
		return text
	}
	side.Data = section(map[string]string{"sha256": strings.TrimPrefix(dataHash, "sha256:")})
	if j.Prompt != nil {
		side.Template = section(j.Recipe.Prompt.Template)
		side.Verbalizer = section(j.Recipe.Prompt.Verbalizer)
	}
	if j.Labels != nil {
		side.Head = section(map[string]any{"labels": j.Labels.Names})
	}
	text, e := marshal(j.Recipe)
	if e != nil {
		return e
	}
	side.Recipe = section(string(text))
	return err
}

func named(scores []train.Score) map[string]float64 {
	if scores == nil {
		return nil
	}
	m := map[string]float64{}
	for _, s := range scores {
		m[s.Name] = s.Value
	}
	return m
}

func writeFile(path string, text []byte) error {
	return checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// cacheFolder is where fingerprints of unchanged files are remembered; empty if the system has no such place.
func cacheFolder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "trimtab", "fingerprints")
}

// ReadReport reads the run.json of a run's folder.
func ReadReport(dir string) (*Report, error) {
	path := filepath.Join(dir, runFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: there is no %s: it is not a finished run", dir, ErrRun, runFile)
	}
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", path, ErrRun, err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("%s: %w: version %d, expected 1", path, ErrRun, r.Version)
	}
	return r, nil
}

// OpenOptions say how a run is opened.
type OpenOptions struct {
	// Base replaces the recipe's model_name_or_path; empty for that.
	Base string
	// Quantization replaces the recipe's quantization; empty for that.
	Quantization string
	// Force opens a run whose base has another fingerprint.
	Force bool
}

// OpenRun wires a finished run again: its base, and what it learnt.
func OpenRun(dir string, dev compute.Device, o OpenOptions) (*Job, *Report, error) {
	report, err := ReadReport(dir)
	if err != nil {
		return nil, nil, err
	}
	r, err := Read(filepath.Join(dir, recipeFile))
	if err != nil {
		return nil, nil, err
	}
	if o.Base != "" {
		r.Base = o.Base
	}
	if o.Quantization != "" {
		r.Quantization = o.Quantization
	}
	r.calibration = report.Calibration
	if asked := r.Prompt != nil && r.Prompt.calibrates(); asked != (report.Calibration != nil) {
		return nil, nil, fmt.Errorf("%s: %w: calibration has %d numbers, and the recipe's prompt.calibrate is %v", filepath.Join(dir, runFile), ErrRun, len(report.Calibration), asked)
	}
	var labels *data.Labels
	if r.Task == "classification" {
		if len(report.Labels) == 0 {
			return nil, nil, fmt.Errorf("%s: %w: there are no labels, and the task is classification", filepath.Join(dir, runFile), ErrRun)
		}
		if labels, err = data.NewLabels(report.Labels); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, runFile), err)
		}
	}
	j, err := r.open(dev, labels, func(j *Job) error { return j.restore(dir, report, o) })
	return j, report, err
}

// restore puts the deltas of a run's folder on the base.
func (j *Job) restore(dir string, report *Report, o OpenOptions) error {
	for _, name := range report.Deltas {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: %w: a delta's folder is called %q", filepath.Join(dir, runFile), ErrRun, name)
		}
		d, err := delta.Open(filepath.Join(dir, name), j.Base, delta.Options{Force: o.Force, FingerprintCache: cacheFolder()})
		if err != nil {
			return err
		}
		if err := j.keep(name, d); err != nil {
			return err
		}
	}
	if j.Prompt != nil && j.Prompt.Soft != nil {
		return restoreSoft(filepath.Join(dir, softFile), j)
	}
	return nil
}

func restoreSoft(path string, j *Job) error {
	f, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p := j.Prompt.Soft.Parameter
	t, ok := f.Tensor(p.Name)
	if !ok || !t.Shape.Equal(p.Shape) {
		return fmt.Errorf("%s: %w: expected a tensor %s %v, found %v", path, ErrRun, p.Name, p.Shape, f.Names())
	}
	return t.CopyFloat32s(p.Data)
}

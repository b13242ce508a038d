package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"trimtab/checkpoint"
	"trimtab/tensor"
)

// ErrCheckpoint is wrapped by errors about a checkpoint that does not fit the run.
var ErrCheckpoint = errors.New("checkpoint does not fit")

// state is what a checkpoint holds beside tensors.
type state struct {
	At        position `json:"at"`
	Updates   int      `json:"updates"`
	Identity  string   `json:"identity"`
	Loss      float64  `json:"loss"`
	Best      []Score  `json:"best,omitempty"`
	BestValue float64  `json:"best_value"`
	BestStep  int      `json:"best_step"`
	Patience  int      `json:"patience"`
	Stopped   bool     `json:"stopped"`
	Pending   bool     `json:"pending"` // an evaluation of the present state
}

const (
	folderPrefix = "checkpoint-"
	tensorsFile  = "training.safetensors"
	stateFile    = "training_state.json"
	metricsFile  = "metrics.jsonl"
)

// part is a tensor of a checkpoint: float32 or bytes.
type part struct {
	name   string
	shape  tensor.Shape
	floats []float32
	codes  []uint8
}

func (p *part) tensor() *tensor.Tensor {
	if p.codes != nil {
		return &tensor.Tensor{DType: tensor.U8, Shape: p.shape, Data: p.codes}
	}
	return tensor.FromFloat32s(p.shape, p.floats)
}

// parts are the tensors of a checkpoint.
func (r *Run) parts() []part {
	var all []part
	for i, p := range r.Parameters {
		all = append(all, part{"parameter." + p.Name, p.Shape, p.Data, nil})
		if r.best != nil {
			all = append(all, part{"best." + p.Name, p.Shape, r.best[i], nil})
		}
		m := &r.opt.moments[i]
		if m.first != nil {
			all = append(all, part{"first." + p.Name, p.Shape, m.first, nil}, part{"second." + p.Name, p.Shape, m.second, nil})
			continue
		}
		blocks := tensor.Shape{len(m.first8.Absmax)}
		all = append(all, part{"first." + p.Name, p.Shape, nil, m.first8.Codes}, part{"first_absmax." + p.Name, blocks, m.first8.Absmax, nil},
			part{"second." + p.Name, p.Shape, nil, m.second8.Codes}, part{"second_absmax." + p.Name, blocks, m.second8.Absmax, nil})
	}
	return all
}

// save writes a checkpoint and removes those beyond the limit. The state file comes
// last: a folder without one is no checkpoint.
func (r *Run) save() error {
	if r.Dir == "" {
		return nil
	}
	dir := filepath.Join(r.Dir, folderPrefix+strconv.Itoa(r.state.At.Step))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tensors := map[string]*tensor.Tensor{}
	for _, p := range r.parts() {
		tensors[p.name] = p.tensor()
	}
	if err := checkpoint.WriteSafetensors(filepath.Join(dir, tensorsFile), tensors, map[string]string{identityKey: r.Identity}); err != nil {
		return err
	}
	s := r.state
	s.Updates, s.Identity = r.opt.Step, r.Identity
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	err = checkpoint.WriteFile(filepath.Join(dir, stateFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	return r.prune()
}

// saved are the steps of the checkpoints in Dir, ascending.
func (r *Run) saved() ([]int, error) {
	entries, err := os.ReadDir(r.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), folderPrefix)
		step, err := strconv.Atoi(text)
		if !ok || err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(r.Dir, e.Name(), stateFile)); err == nil {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// prune removes the oldest checkpoints beyond the limit.
func (r *Run) prune() error {
	steps, err := r.saved()
	if err != nil {
		return err
	}
	for len(steps) > r.Options.SaveLimit {
		if err := os.RemoveAll(filepath.Join(r.Dir, folderPrefix+strconv.Itoa(steps[0]))); err != nil {
			return err
		}
		steps = steps[1:]
	}
	return nil
}

// unused is an error if a run has written to Dir.
func (r *Run) unused() error {
	steps, err := r.saved()
	if err != nil {
		return err
	}
	found := metricsFile
	if len(steps) > 0 {
		found = folderPrefix + strconv.Itoa(steps[len(steps)-1])
	} else if _, err := os.Stat(filepath.Join(r.Dir, metricsFile)); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	return fmt.Errorf("%s: %w: an earlier run left %s: go on from it with --resume, or take another output_dir", r.Dir, os.ErrExist, found)
}

// load goes back to the newest checkpoint, and removes those that the run did not finish.
func (r *Run) load() error {
	steps, err := r.saved()
	if err != nil {
		return err
	}
	if len(steps) == 0 { // what there is comes again
		return errors.Join(r.sweep(), r.cutMetrics(0))
	}
	dir := filepath.Join(r.Dir, folderPrefix+strconv.Itoa(steps[len(steps)-1]))
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return err
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s: %w: %v", filepath.Join(dir, stateFile), ErrCheckpoint, err)
	}
	if s.Identity != r.Identity {
		return fmt.Errorf("%s: %w: it was made for another recipe, base or data", dir, ErrCheckpoint)
	}
	known, err := r.course.knows(s.At)
	if err != nil {
		return err
	}
	if !known || s.Updates != s.At.Step || s.Patience < 0 {
		return fmt.Errorf("%s: %w: no run can be at %+v, after %d updates", filepath.Join(dir, stateFile), ErrCheckpoint, s.At, s.Updates)
	}
	if s.Best != nil {
		r.keepBest()
	}
	if err := r.loadTensors(filepath.Join(dir, tensorsFile)); err != nil {
		return err
	}
	r.state, r.opt.Step = s, s.Updates
	return errors.Join(r.sweep(), r.cutMetrics(s.At.Step))
}

func (r *Run) loadTensors(path string) error {
	f, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range r.parts() {
		t, ok := f.Tensor(p.name)
		if !ok {
			return fmt.Errorf("%s: %w: no tensor %s", path, ErrCheckpoint, p.name)
		}
		want := p.tensor()
		if !t.Shape.Equal(want.Shape) || t.DType != want.DType {
			return fmt.Errorf("%s: %w: %s is %v of %v, the run has %v of %v", path, ErrCheckpoint, p.name, t.Shape, t.DType, want.Shape, want.DType)
		}
		if p.codes != nil {
			copy(p.codes, t.Data)
			continue
		}
		if err := t.CopyFloat32s(p.floats); err != nil {
			return fmt.Errorf("%s: %s: %w", path, p.name, err)
		}
	}
	return nil
}

// stepLine and scoreLine are the lines of metrics.jsonl.
type stepLine struct {
	Step   int     `json:"step"`
	Epoch  float64 `json:"epoch"`
	Loss   float64 `json:"loss"`
	Rate   float64 `json:"learning_rate"`
	Norm   float64 `json:"grad_norm"`
	Tokens int     `json:"tokens"`
}

type scoreLine struct {
	Step int                `json:"step"`
	Eval map[string]float64 `json:"eval"`
}

func (r *Run) log(p Progress) error {
	if r.Dir == "" {
		return nil
	}
	r.line = stepLine{p.Step, p.Epoch, p.Loss, p.Rate, p.GradientNorm, p.Tokens}
	return r.append(&r.line)
}

func (r *Run) logScores(p Progress) error {
	l := scoreLine{p.Step, map[string]float64{}}
	for _, s := range p.Scores {
		l.Eval[s.Name] = s.Value
	}
	return r.append(l)
}

// append adds a line to metrics.jsonl, which is open from the first line to the end of the run.
func (r *Run) append(l any) error {
	if r.Dir == "" {
		return nil
	}
	if r.metrics == nil {
		if err := os.MkdirAll(r.Dir, 0o777); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(r.Dir, metricsFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return err
		}
		r.metrics, r.lines = f, json.NewEncoder(f)
	}
	if err := r.lines.Encode(l); err != nil {
		return fmt.Errorf("%s: %w", metricsFile, err)
	}
	return nil
}

// closeMetrics ends metrics.jsonl.
func (r *Run) closeMetrics() error {
	if r.metrics == nil {
		return nil
	}
	err := r.metrics.Close()
	r.metrics, r.lines = nil, nil
	return err
}

// cutMetrics drops the lines of steps after a checkpoint: they come again.
func (r *Run) cutMetrics(step int) error {
	path := filepath.Join(r.Dir, metricsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept strings.Builder
	for l := range strings.Lines(string(text)) {
		var at scoreLine
		if json.Unmarshal([]byte(l), &at) == nil && at.Step <= step {
			kept.WriteString(l)
		}
	}
	return checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, kept.String())
		return err
	})
}

package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/chance"
	"trimtab/internal/near"
	"trimtab/nn"
	"trimtab/train"
)

// toy is a table of vectors that is to sort examples into classes.
type toy struct {
	table  *autograd.Parameter
	labels []int32
}

func newToy(dev compute.Device) *toy { return toyOf(dev, 3) }

// toyOf is a toy with so many classes, of which it needs three.
func toyOf(dev compute.Device, classes int) *toy {
	o := &toy{table: autograd.NewParameter(dev, "table", 7, classes)}
	chance.Normals(chance.Key{Seed: 1}, o.table.Data)
	for i := range 23 {
		o.labels = append(o.labels, int32(i%3))
	}
	return o
}

func (o *toy) Lengths() []int { return slices.Repeat([]int{1}, len(o.labels)) }

func (o *toy) Count(int, uint64) float64 { return 1 }

func (o *toy) Batch(b *nn.Batch, examples []int, _ uint64) error {
	for _, e := range examples {
		if err := b.Add(nn.Segment{IDs: []int32{int32(e % 7)}}); err != nil {
			return err
		}
	}
	return nil
}

func (o *toy) Loss(p *nn.Pass, examples []int, _ uint64, scale float32) *autograd.Value {
	var target []int32
	for _, e := range examples {
		target = append(target, o.labels[e])
	}
	h := p.LookupMat(p.Parameter(o.table), p.Batch.IDs, 1)
	h = p.Drop(&nn.Site{Name: "h"}, h, 0.3)
	return p.CrossEntropy(h, target, nil, scale)
}

// interruptAt runs a toy of so many classes to the end, with a stop and a resumption after each of the given steps.
func interruptAt(t *testing.T, classes int, optim string, stops ...int) ([]float32, train.Result, string) {
	t.Helper()
	dir := t.TempDir()
	for {
		dev, err := cpu.New(cpu.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		o := toyOf(dev, classes)
		options := train.Defaults()
		options.Optim = optim
		options.BatchSize, options.Accumulation, options.LearningRate, options.WeightDecay, options.WarmupRatio = 2, 2, 0.1, 0.1, 0.2
		options.EvalSteps, options.Patience, options.Epochs = 2, 4, 5
		ctx, cancel := context.WithCancel(t.Context())
		evaluations := 0
		run := train.Run{Device: dev, Options: options, Parameters: []*autograd.Parameter{o.table}, Objective: o, Dir: dir, Resume: true, Identity: "toy",
			Evaluate: func(ctx context.Context) ([]train.Score, error) {
				evaluations++
				if len(stops) > 0 && stops[0] < 0 && evaluations == -stops[0] { // in the middle of an evaluation
					stops = stops[1:]
					cancel()
					return nil, ctx.Err()
				}
				return []train.Score{{Name: "x", Value: float64(o.table.Data[4])}}, nil
			},
			Report: func(p train.Progress) {
				if len(stops) > 0 && p.Step == stops[0] {
					stops = stops[1:]
					cancel()
				}
			}}
		result, err := run.Train(ctx)
		cancel()
		if errors.Is(err, train.ErrInterrupted) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return o.table.Data, result, string(metrics)
	}
}

func TestResumeGivesTheSameBits(t *testing.T) {
	t.Run("moments in float32", func(t *testing.T) { resumed(t, 3, "adamw_torch") })
	t.Run("moments in 8 bits", func(t *testing.T) { resumed(t, 600, "adamw_bnb_8bit") }) // 4200 elements
}

func resumed(t *testing.T, classes int, optim string) {
	want, wantResult, wantMetrics := interruptAt(t, classes, optim)
	if wantResult.Steps == 0 || len(wantResult.Best) == 0 {
		t.Fatalf("the run did nothing: %+v", wantResult)
	}
	for _, stops := range [][]int{{1}, {3, 4, 7}, {-1}, {2, -2, 9}} {
		got, result, metrics := interruptAt(t, classes, optim, stops...)
		if !slices.Equal(got, want) {
			t.Errorf("stops %v: other bits", stops)
		}
		if result.Steps != wantResult.Steps || result.BestStep != wantResult.BestStep || result.Stopped != wantResult.Stopped {
			t.Errorf("stops %v: %+v, without stops %+v", stops, result, wantResult)
		}
		if metrics != wantMetrics {
			t.Errorf("stops %v: other metrics:\n%s\nwithout stops:\n%s", stops, metrics, wantMetrics)
		}
	}
}

func TestCheckpointOfAnotherRun(t *testing.T) {
	dir := t.TempDir()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := newToy(dev)
	options := train.Defaults()
	options.BatchSize = 4
	run := train.Run{Device: dev, Options: options, Parameters: []*autograd.Parameter{o.table}, Objective: o, Dir: dir, Identity: "one"}
	if _, err := run.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	run.Identity, run.Resume = "two", true
	if _, err := run.Train(t.Context()); !errors.Is(err, train.ErrCheckpoint) {
		t.Errorf("got %v, expected %v", err, train.ErrCheckpoint)
	}
}

// sorting is a run of the toy with settings that change may change.
func sorting(t *testing.T, change func(*train.Run)) (*toy, *train.Run) {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := newToy(dev)
	options := train.Defaults()
	options.BatchSize, options.LearningRate = 4, 0.1
	r := &train.Run{Device: dev, Options: options, Parameters: []*autograd.Parameter{o.table}, Objective: o}
	change(r)
	return o, r
}

// A run that begins must not mix with what an earlier one left: its metrics, its checkpoints.
func TestFolderOfAnotherRun(t *testing.T) {
	dir := t.TempDir()
	_, r := sorting(t, func(r *train.Run) { r.Dir = dir })
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Train(t.Context()); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v, expected %v", err, os.ErrExist)
	}
	after, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil || string(after) != string(before) {
		t.Errorf("metrics.jsonl changed (%v)", err)
	}
}

func TestCheckpointsArePruned(t *testing.T) {
	dir := t.TempDir()
	_, r := sorting(t, func(r *train.Run) {
		r.Dir, r.Options.SaveSteps, r.Options.SaveLimit, r.Options.MaxSteps = dir, 2, 2, 11
	})
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "checkpoint-*"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "checkpoint-10"), filepath.Join(dir, "checkpoint-8")}; !slices.Equal(found, want) {
		t.Errorf("%v, expected %v", found, want)
	}
}

// Positions that no run can have been at.
func TestCheckpointIsNoPosition(t *testing.T) {
	dir := t.TempDir()
	_, r := sorting(t, func(r *train.Run) { r.Dir, r.Options.SaveSteps, r.Options.MaxSteps = dir, 2, 3 })
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "checkpoint-2", "training_state.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Resume = true
	for _, c := range [][2]string{{`"index": 2`, `"index": 99`}, {`"index": 2`, `"index": -1`}, {`"epoch": 0`, `"epoch": -1`}, {`"step": 2`, `"step": -7`},
		{`"micro": 2`, `"micro": -2`}, {`"updates": 2`, `"updates": -2`}, {`"patience": 0`, `"patience": "many"`}} {
		bad := strings.Replace(string(text), c[0], c[1], 1)
		if bad == string(text) {
			t.Fatalf("no %s in %s", c[0], text)
		}
		if err := os.WriteFile(path, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrCheckpoint) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", c[1], err)
		}
	}
}

func TestNoExamples(t *testing.T) {
	for _, steps := range []int{0, 5} {
		o, r := sorting(t, func(r *train.Run) { r.Options.MaxSteps = steps })
		o.labels = nil
		if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrOptions) {
			t.Errorf("max_steps %d: %v", steps, err)
		}
	}
}

// The steps of a part of an epoch are rounded up, and rounding of numbers adds none.
func TestFractionalEpochs(t *testing.T) {
	for epochs, want := range map[float64]int{1: 20, 0.01: 1, 1.1: 22, 2.1: 42, 0.26: 6, 2.55: 51} {
		o, r := sorting(t, func(r *train.Run) { r.Options.Epochs, r.Options.BatchSize = epochs, 1 })
		o.labels = o.labels[:20]
		got, err := train.Steps(r.Options, o)
		if err != nil || got != want {
			t.Errorf("%v epochs of 20 steps: %d (%v), expected %d", epochs, got, err, want)
		}
	}
}

// What is no number is told when it comes up, and changes no parameter.
func TestNotFinite(t *testing.T) {
	o, r := sorting(t, func(r *train.Run) { r.Options.MaxSteps = 1 })
	for i := range o.table.Data {
		o.table.Data[i] = float32(math.Inf(1))
	}
	before := slices.Clone(o.table.Data)
	if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrDiverged) {
		t.Errorf("a loss that is no number: %v", err)
	}
	near.Bits(t, "parameters", o.table.Data, before)

	o, r = sorting(t, func(r *train.Run) { r.Options.MaxSteps = 1 })
	before = slices.Clone(o.table.Data)
	r.Objective = steep{o}
	if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrDiverged) {
		t.Errorf("a gradient that is no number: %v", err)
	}
	near.Bits(t, "parameters", o.table.Data, before)

	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		_, r = sorting(t, func(r *train.Run) {
			r.Evaluate = func(context.Context) ([]train.Score, error) {
				return []train.Score{{Name: "accuracy", Value: 1}, {Name: "perplexity", Value: v, Less: true}}, nil
			}
		})
		if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrDiverged) || !strings.Contains(err.Error(), "perplexity") {
			t.Errorf("a score that is %v: %v", v, err)
		}
	}
}

// steep is a toy whose loss is 0 and whose gradient is not finite.
type steep struct{ *toy }

func (o steep) Loss(p *nn.Pass, examples []int, _ uint64, _ float32) *autograd.Value {
	h := p.LookupMat(p.Parameter(o.table), p.Batch.IDs, 1)
	for range 3 {
		h = p.Scale(h, 1e-20)
	}
	for range 5 {
		h = p.Scale(h, 1e20)
	}
	target := make([]int32, len(examples))
	return p.CrossEntropy(p.Scale(p.Scale(h, 1e-20), 1e-30), target, nil, 1e30)
}

// Where less is better, the least is kept, and the run ends when it is passed.
func TestLessIsBetter(t *testing.T) {
	values := []float64{5, 3, 4, 2, 6, 7, 1}
	_, r := sorting(t, func(r *train.Run) {
		r.Options.EvalSteps, r.Options.Patience, r.Options.MaxSteps, r.Options.Metric = 1, 2, 7, "perplexity"
		r.Evaluate = func(context.Context) ([]train.Score, error) {
			v := values[0]
			values = values[1:]
			return []train.Score{{Name: "accuracy", Value: -v}, {Name: "perplexity", Value: v, Less: true}}, nil
		}
	})
	got, err := r.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.BestStep != 4 || got.Steps != 6 || !got.Stopped || got.Best[1].Value != 2 {
		t.Errorf("%+v", got)
	}
}

// A step of batches of different sizes is the step of one batch of all.
func TestAccumulation(t *testing.T) {
	var want []float32
	for _, size := range []int{23, 9, 4, 1} {
		o, r := sorting(t, func(r *train.Run) {
			none := float32(0)
			r.Options.BatchSize, r.Options.Accumulation, r.Options.MaxSteps, r.Options.Dropout = size, 23, 3, &none
		})
		r.Objective = weighted{o}
		if _, err := r.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = slices.Clone(o.table.Data)
		}
		near.Check(t, fmt.Sprintf("batches of %d", size), o.table.Data, want, near.Final)
	}
}

// weighted is a toy whose examples count differently.
type weighted struct{ *toy }

func (o weighted) Count(e int, _ uint64) float64 { return float64(1 + o.labels[e]) }

func (o weighted) Loss(p *nn.Pass, examples []int, _ uint64, scale float32) *autograd.Value {
	var target []int32
	for _, e := range examples {
		target = append(target, o.labels[e])
	}
	return p.CrossEntropy(p.LookupMat(p.Parameter(o.table), p.Batch.IDs, 1), target, []float32{1, 2, 3}, scale)
}

// Settings of evaluations that never come.
func TestSettingsWithoutEvaluation(t *testing.T) {
	for key, change := range map[string]func(*train.Run){
		"eval_steps":              func(r *train.Run) { r.Options.EvalSteps = 1 },
		"early_stopping_patience": func(r *train.Run) { r.Options.Patience = 1 },
		"metric_for_best_model":   func(r *train.Run) { r.Options.Metric = "accuracy" },
	} {
		_, r := sorting(t, change)
		if _, err := r.Train(t.Context()); !errors.Is(err, train.ErrOptions) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*train.Options){
		"learning_rate":    func(o *train.Options) { o.LearningRate = -1 },
		"two sizes":        func(o *train.Options) { o.BatchSize, o.BatchTokens = 1, 1 },
		"schedule":         func(o *train.Options) { o.Schedule = "triangle" },
		"warmup_ratio":     func(o *train.Options) { o.WarmupRatio = 2 },
		"accumulation":     func(o *train.Options) { o.Accumulation = 0 },
		"constant":         func(o *train.Options) { o.Schedule, o.WarmupRatio = "constant", 0.1 },
		"optim":            func(o *train.Options) { o.Optim = "sgd" },
		"weight_decay":     func(o *train.Options) { o.WeightDecay = math.Inf(1) },
		"save_total_limit": func(o *train.Options) { o.SaveLimit = 0 },
	} {
		o := train.Defaults()
		change(&o)
		if err := o.Validate(); !errors.Is(err, train.ErrOptions) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	o := train.Defaults()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

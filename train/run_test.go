package train_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/chance"
	"trimtab/nn"
	"trimtab/train"
)

// toy is a table of vectors that is to sort examples into classes.
type toy struct {
	table  *autograd.Parameter
	labels []int32
}

func newToy(dev compute.Device) *toy {
	o := &toy{table: autograd.NewParameter(dev, "table", 7, 3)}
	chance.Normals(chance.Key{Seed: 1}, o.table.Data)
	for i := range 23 {
		o.labels = append(o.labels, int32(i%3))
	}
	return o
}

func (o *toy) Lengths() []int { return slices.Repeat([]int{1}, len(o.labels)) }

func (o *toy) Count(int, uint64) float64 { return 1 }

func (o *toy) Batch(examples []int, _ uint64) (*nn.Batch, error) {
	var segments []nn.Segment
	for _, e := range examples {
		segments = append(segments, nn.Segment{IDs: []int32{int32(e % 7)}})
	}
	return nn.Pack(segments...)
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

// interruptAt runs to the end, with a stop and a resumption after each of the given steps.
func interruptAt(t *testing.T, stops ...int) ([]float32, train.Result, string) {
	t.Helper()
	dir := t.TempDir()
	for {
		dev, err := cpu.New(cpu.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		o := newToy(dev)
		options := train.Defaults()
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
	want, wantResult, wantMetrics := interruptAt(t)
	if wantResult.Steps == 0 || len(wantResult.Best) == 0 {
		t.Fatalf("the run did nothing: %+v", wantResult)
	}
	for _, stops := range [][]int{{1}, {3, 4, 7}, {-1}, {2, -2, 9}} {
		got, result, metrics := interruptAt(t, stops...)
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

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*train.Options){
		"learning_rate":    func(o *train.Options) { o.LearningRate = -1 },
		"two sizes":        func(o *train.Options) { o.BatchSize, o.BatchTokens = 1, 1 },
		"schedule":         func(o *train.Options) { o.Schedule = "triangle" },
		"warmup_ratio":     func(o *train.Options) { o.WarmupRatio = 2 },
		"accumulation":     func(o *train.Options) { o.Accumulation = 0 },
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

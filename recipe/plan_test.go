package recipe_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/recipe"
)

// What a plan counts of frozen weights is what a job holds, up to what fills the last panels up.
func TestPlannedWeights(t *testing.T) {
	for _, p := range []compute.Precision{compute.Int8, compute.NF4} {
		r := sentiment(t, asked, "quantization="+p.String())
		dev := device(t)
		plan, err := r.Plan(dev)
		if err != nil {
			t.Fatal(err)
		}
		j, err := r.Open(dev)
		if err != nil {
			t.Fatal(err)
		}
		held := int64(0)
		for _, q := range j.Base.Tree.Params() {
			held += 4 * int64(q.Elements())
		}
		for _, l := range linears(j) {
			if !inBlock(l.Name) {
				continue
			}
			w, err := l.Weight.Weight()
			if err != nil {
				t.Fatal(err)
			}
			held += int64(w.Bytes() - 4*l.Weight.Elements())
		}
		for _, e := range embeddings(j) {
			w, err := e.Weight.Weight()
			if err != nil {
				t.Fatal(err)
			}
			held += int64(w.Bytes() - 4*e.Weight.Elements())
		}
		if off := plan.Memory.Weights - held; off > held/50 || -off > held/50 {
			t.Errorf("%v: planned %d bytes, held %d", p, plan.Memory.Weights, held)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

// once is a device that removes a file when it is asked for its scratch, which a plan asks once the data are read.
type once struct {
	*cpu.Device
	file string
}

func (o once) ScratchBytes() int {
	os.Remove(o.file)
	return o.Device.ScratchBytes()
}

// A limit of memory changes as little as it must, and what it changes fits when the recipe is read with it. The data are read once.
func TestFit(t *testing.T) {
	dev := device(t)
	r := sentiment(t, asked)
	plan, err := r.Plan(dev)
	if err != nil {
		t.Fatal(err)
	}
	total := plan.Memory.Total()
	if fit, err := r.Fit(dev, 2*total); err != nil || len(fit.Set) > 0 {
		t.Errorf("twice the memory: %v, %v", fit, err)
	}
	if _, err := r.Fit(dev, total/10); !errors.Is(err, recipe.ErrMemory) || !strings.Contains(err.Error(), "at its smallest the run takes ") {
		t.Errorf("a tenth of the memory: %v", err)
	}
	for _, limit := range []int64{total, total - plan.Memory.Weights/4} {
		r := sentiment(t, asked)
		fit, err := r.Fit(once{dev.(*cpu.Device), r.Data.Test.File}, limit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(r.Data.Test.File); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the data are still there: %v", err)
		}
		again := sentiment(t, asked, fit.Set...)
		planned, err := again.Plan(dev)
		if err != nil {
			t.Fatal(err)
		}
		if fit.Memory.Arena != planned.Memory.Arena || fit.Memory.Weights != planned.Memory.Weights || fit.Memory.Total() > limit {
			t.Errorf("%d bytes: %q takes %+v by the fit, %+v by a plan", limit, fit.Set, fit.Memory, planned.Memory)
		}
		batch, steps := again.Training.BatchSize*again.Training.Accumulation, r.Training.BatchSize*r.Training.Accumulation
		if len(fit.Set) == 0 || batch != steps {
			t.Errorf("%d bytes: %q, steps of %d examples, expected %d", limit, fit.Set, batch, steps)
		}
	}
}

// What a prompt is calibrated with is counted: a forward of one empty text, or of the training texts, which are more.
func TestPlannedCalibration(t *testing.T) {
	dev := device(t)
	took := map[string]time.Duration{}
	for _, way := range []string{"false", "true", "train"} {
		plan, err := sentiment(t, asked, "prompt.calibrate="+way).Plan(dev)
		if err != nil {
			t.Fatal(err)
		}
		took[way] = plan.CalibrationTime
	}
	if took["false"] != 0 || took["true"] <= 0 || took["train"] <= took["true"] {
		t.Errorf("calibration takes %v", took)
	}
}

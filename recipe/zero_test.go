package recipe_test

import (
	"testing"

	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/recipe"
)

// TestZeroShot runs a prompt of which nothing trains: it is a run like others.
func TestZeroShot(t *testing.T) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := sentiment(t, `
prompt:
  template: '{sentence} It was {mask}.'
  verbalizer: {"0": [terrible, bad], "1": [great, good]}
  calibrate: true
`)
	r.Data.Train = nil
	o, err := r.Train(t.Context(), dev, recipe.TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if o.Steps != 0 || o.Parameters != 0 || len(o.Test) == 0 || o.Test[0].Value <= 0.5 {
		t.Errorf("outcome %+v", o)
	}
	j, report, err := recipe.OpenRun(r.OutputDir, dev, recipe.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	scores, _, err := j.Evaluate(t.Context(), r.Data.Test)
	if err != nil {
		t.Fatal(err)
	}
	near.Number(t, "accuracy", scores[0].Value, report.Test["accuracy"], near.Exact)
}

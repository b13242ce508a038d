package recipe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trimtab/compute"
	"trimtab/data"
	"trimtab/eval"
	"trimtab/model"
	"trimtab/tokenizer"
)

// DemoDir is the folder that the demo leaves its best run in.
const DemoDir = "demo-run"

// DemoOptions say how the demo is run. The zero value is the default.
type DemoOptions struct {
	// Seeds is how many few-shot samples each way is trained on, one a seed from 1; 0 is 5.
	Seeds int
	// K is how many examples a class it is trained on; 0 is 16. As many more decide which state is kept.
	K int
	// Dir is the folder for the best run, the recipes and the data; empty is [DemoDir].
	Dir string
	// Report is told of every run that has ended. Nil: nobody is.
	Report func(DemoProgress)
}

// DemoProgress is a run that has ended.
type DemoProgress struct {
	// Way is the row of the table, Seed the few-shot sample.
	Way  string
	Seed int
	// Accuracy is the run's on the test texts, from 0 to 1.
	Accuracy float64
	// Done runs of Total have ended.
	Done, Total int
}

// DemoTable is what the demo found.
type DemoTable struct {
	// K examples a class were trained on, Seeds times; guessing has the accuracy Chance.
	K      int     `json:"k"`
	Seeds  int     `json:"seeds"`
	Chance float64 `json:"chance"`
	// Rows are the ways, in the order in which they are told.
	Rows []DemoRow `json:"rows"`
	// Best is the run that is kept.
	Best DemoBest `json:"best"`
}

// DemoRow is one way to use the base.
type DemoRow struct {
	// Way is what it is called, Recipe its file in the folder's recipes.
	Way    string `json:"way"`
	Recipe string `json:"recipe"`
	// Accuracy is the mean of Accuracies over the seeds, on the test texts, Deviation their sample standard deviation.
	Accuracy   float64   `json:"accuracy"`
	Deviation  float64   `json:"deviation"`
	Accuracies []float64 `json:"accuracies"`
	// Validation is the mean accuracy on the validation texts; nil for what does not train.
	Validation *float64 `json:"validation,omitempty"`
	// Parameters is how many numbers train, Bytes what they take on disk.
	Parameters int   `json:"parameters"`
	Bytes      int64 `json:"bytes"`
	// Seconds is the mean time of a training.
	Seconds float64 `json:"seconds"`

	validations []float64
}

// DemoBest is the run that the demo keeps: of the way with the best mean on the
// validation texts, the seed with the best. The test texts have no say.
type DemoBest struct {
	Way        string  `json:"way"`
	Seed       int     `json:"seed"`
	Validation float64 `json:"validation"`
	Dir        string  `json:"dir"`
}

// demo is a demo under way.
type demo struct {
	DemoOptions
	dev   compute.Device
	bases []*demoBase
	rows  []*DemoRow
	done  int
}

// demoBase is an open base that runs share.
type demoBase struct {
	model.Options
	base *model.Base
	tok  *tokenizer.Tokenizer
}

// Demo compares the ways to use the built-in base on the demo's texts: a prompt without training, a head
// alone, full fine-tuning with a head, and a prompt with several deltas, each on the same few-shot samples. It leaves a folder
// with the best run, and with the data and a recipe for each way. A folder that is not a demo's is an error that wraps [ErrRun].
func Demo(ctx context.Context, dev compute.Device, o DemoOptions) (*DemoTable, error) {
	if o.Seeds == 0 {
		o.Seeds = 5
	}
	if o.K == 0 {
		o.K = 16
	}
	if o.Dir == "" {
		o.Dir = DemoDir
	}
	if o.Seeds < 0 || o.K < 0 {
		return nil, fmt.Errorf("%w: %d seeds and %d examples a class, and both must be above 0", ErrRecipe, o.Seeds, o.K)
	}
	lock, err := layOut(o.Dir)
	if err != nil {
		return nil, err
	}
	defer lock.release()
	d := &demo{DemoOptions: o, dev: dev}
	table, err := d.compare(ctx)
	if err = errors.Join(err, d.close(func(*demoBase) bool { return true })); err != nil {
		return nil, err
	}
	return table, d.keepBest(ctx, table)
}

// compare fills the table.
func (d *demo) compare(ctx context.Context) (*DemoTable, error) {
	table := &DemoTable{K: d.K, Seeds: d.Seeds}
	for _, w := range demoWays {
		d.rows = append(d.rows, &DemoRow{Way: w.title, Recipe: w.file})
	}
	for seed := 1; seed <= d.Seeds; seed++ {
		for _, row := range d.rows {
			labels, err := d.try(ctx, row, seed)
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", row.Way, seed, err)
			}
			table.Chance = 1 / float64(len(labels.Names))
		}
		if err := d.close(func(b *demoBase) bool { return b.Seed != 0 }); err != nil {
			return nil, err
		}
	}
	for _, row := range d.rows {
		row.Accuracy, row.Deviation = eval.MeanDeviation(row.Accuracies)
		row.Seconds /= float64(d.Seeds)
		if row.validations != nil {
			mean, _ := eval.MeanDeviation(row.validations)
			row.Validation = &mean
		}
		table.Rows = append(table.Rows, *row)
	}
	table.Best = best(table.Rows)
	table.Best.Dir = d.Dir
	return table, nil
}

// try runs one way on one sample.
func (d *demo) try(ctx context.Context, row *DemoRow, seed int) (*data.Labels, error) {
	r, err := d.recipe(row.Recipe, seed)
	if err != nil {
		return nil, err
	}
	labels, err := r.labels()
	if err != nil {
		return nil, err
	}
	trains := r.Data.FewShot != nil
	if !trains && len(row.Accuracies) > 0 { // it is the same for every sample
		d.tell(row, seed, row.Accuracies[0])
		return labels, nil
	}
	b, err := d.open(r, labels)
	if err != nil {
		return nil, err
	}
	j, err := r.on(b.base, b.tok, d.dev, labels, (*Job).attach)
	if err != nil {
		return nil, err
	}
	if trains {
		err = d.train(ctx, j, row)
	}
	if err == nil {
		err = d.measure(ctx, j, row, seed)
	}
	return labels, firstOf(err, j.takeOff())
}

// train trains a job in memory.
func (d *demo) train(ctx context.Context, j *Job, row *DemoRow) error {
	examples, validation, err := j.splits()
	if err != nil {
		return err
	}
	run, err := j.run(examples, validation)
	if err != nil {
		return err
	}
	start := time.Now()
	result, err := run.Train(ctx)
	if err != nil {
		return err
	}
	row.Seconds += time.Since(start).Seconds()
	row.validations = append(row.validations, result.Best[0].Value)
	if row.Parameters > 0 {
		return nil
	}
	for _, p := range j.Parameters {
		row.Parameters += len(p.Data)
	}
	row.Bytes, err = j.savedBytes()
	return err
}

// savedBytes is what the tensors that a run saves take.
func (j *Job) savedBytes() (int64, error) {
	var sum int64
	for _, x := range j.Deltas {
		tensors, err := x.Saved()
		if err != nil {
			return 0, err
		}
		for _, t := range tensors {
			sum += int64(len(t.Data))
		}
	}
	if j.Prompt != nil && j.Prompt.Soft != nil {
		sum += 4 * int64(len(j.Prompt.Soft.Parameter.Data))
	}
	return sum, nil
}

// measure adds the job's accuracy on the test texts.
func (d *demo) measure(ctx context.Context, j *Job, row *DemoRow, seed int) error {
	scores, _, err := j.Evaluate(ctx, j.Recipe.Data.Test)
	if err != nil {
		return err
	}
	row.Accuracies = append(row.Accuracies, scores[0].Value)
	d.tell(row, seed, scores[0].Value)
	return nil
}

func (d *demo) tell(row *DemoRow, seed int, accuracy float64) {
	d.done++
	if d.Report != nil {
		d.Report(DemoProgress{Way: row.Way, Seed: seed, Accuracy: accuracy, Done: d.done, Total: d.Seeds * len(d.rows)})
	}
}

// open is the base of a recipe: one for all prompts, and one for each new head.
func (d *demo) open(r *Recipe, labels *data.Labels) (*demoBase, error) {
	o, err := r.baseOptions(labels)
	if err != nil {
		return nil, err
	}
	if r.Prompt != nil {
		o.Seed = 0 // nothing of it is new
	}
	for _, b := range d.bases {
		if b.Task == o.Task && b.Seed == o.Seed && slices.Equal(b.Labels, o.Labels) {
			return b, nil
		}
	}
	base, tok, err := OpenBase(r.Base, d.dev, o)
	if err != nil {
		return nil, err
	}
	b := &demoBase{Options: o, base: base, tok: tok}
	d.bases = append(d.bases, b)
	return b, nil
}

// close lets go of some bases.
func (d *demo) close(which func(*demoBase) bool) error {
	var err error
	d.bases = slices.DeleteFunc(d.bases, func(b *demoBase) bool {
		if !which(b) {
			return false
		}
		err = errors.Join(err, b.base.Close())
		return true
	})
	return err
}

// best is the run to keep. Of equals the one with fewer parameters.
func best(rows []DemoRow) DemoBest {
	var top *DemoRow
	for i := range rows {
		row := &rows[i]
		if row.Validation == nil {
			continue
		}
		if top == nil || *row.Validation > *top.Validation || *row.Validation == *top.Validation && row.Parameters < top.Parameters {
			top = row
		}
	}
	validation := slices.Max(top.validations)
	return DemoBest{Way: top.Way, Seed: 1 + slices.Index(top.validations, validation), Validation: validation}
}

package recipe

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/delta"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/prompt"
	"trimtab/tensor"
	"trimtab/train"
)

// exportSettings is settings.json of an export, as internal/reference/README.md has it.
type exportSettings struct {
	Base         string    `json:"base"`
	Class        string    `json:"class"`
	NumLabels    int       `json:"num_labels,omitempty"`
	Verbalizer   [][]int32 `json:"verbalizer,omitempty"`
	Trainable    []string  `json:"trainable,omitempty"`
	NoDecay      []string  `json:"no_decay,omitempty"`
	LearningRate float64   `json:"learning_rate"`
	WeightDecay  float64   `json:"weight_decay"`
	Beta1        float64   `json:"adam_beta1"`
	Beta2        float64   `json:"adam_beta2"`
	Epsilon      float64   `json:"adam_epsilon"`
	MaxGradNorm  float64   `json:"max_grad_norm"`
	Schedule     string    `json:"lr_scheduler_type"`
	WarmupSteps  int       `json:"warmup_steps"`
	Steps        int       `json:"steps"`
}

// exportSegment is an input of an export; ids -1, -2, … are soft tokens 0, 1, ….
type exportSegment struct {
	IDs   []int32 `json:"ids"`
	Types []int32 `json:"types,omitempty"`
	Mask  *int32  `json:"mask,omitempty"`
	Label int     `json:"label"`
}

// exportClasses are transformers' classes by the head that a base has.
var exportClasses = map[model.Task]string{model.MaskedLM: "BertForMaskedLM", model.SequenceClassification: "BertForSequenceClassification"}

// Export writes down the run that [Recipe.Train] would do, for another program to do
// the same: initial tensors, batches in their order, settings and test data, in the
// format of internal/reference/README.md. It is for classification with BERT by a head
// or by single words at one mask, by LoRA, selections of the base's tensors and soft tokens,
// without dropout and without a choice among states; else it is an error that wraps
// [ErrRecipe].
func (r *Recipe) Export(dev compute.Device, dir string) error {
	j, err := r.Open(dev)
	if err != nil {
		return err
	}
	return firstOf(j.export(dir), j.Close())
}

func (j *Job) export(dir string) error {
	if err := j.exportable(); err != nil {
		return err
	}
	examples, validation, err := j.splits()
	if err != nil {
		return err
	}
	run, err := j.run(examples, validation)
	if err != nil {
		return err
	}
	settings, err := j.exportSettings(run)
	if err != nil {
		return err
	}
	if every := run.Options.EvalSteps; validation != nil && (every == 0 || every < settings.Steps) {
		return j.Recipe.fail(fmt.Sprintf("an export ends with the last state, and here validation chooses one: set training.eval_steps to %d or more", settings.Steps))
	}
	if err := emptyFolder(dir); err != nil {
		return err
	}
	if err := j.exportTensors(dir); err != nil {
		return err
	}
	err = exportLines(filepath.Join(dir, "batches.jsonl"), examples, func(visit func([]int) error) error {
		return train.Walk(run.Options, run.Objective, func(batches [][]int) error { return visit(slices.Concat(batches...)) })
	})
	if err != nil {
		return err
	}
	if err := j.exportTest(filepath.Join(dir, "test.jsonl")); err != nil {
		return err
	}
	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "settings.json"), append(text, '\n'))
}

// emptyFolder makes a folder; one that holds something already is an error.
func emptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s: %w: it holds %s already, and an export needs a folder of its own", dir, os.ErrExist, entries[0].Name())
	}
	return err
}

// exportable reports what the format cannot say.
func (j *Job) exportable() error {
	r := j.Recipe
	switch info := j.Base.Info(); {
	case r.Task != "classification" || info.Type != "bert" || exportClasses[j.Base.Task] == "":
		return r.fail("only classification with BERT can be exported")
	case j.Base.Dir == "":
		return r.fail("model_name_or_path is " + r.Base + ", and only a base in a folder can be exported")
	case r.Data.Test == nil:
		return r.fail("an export needs data.test")
	case r.Training.Dropout == nil || *r.Training.Dropout != 0:
		return r.fail("an export draws nothing by chance: set training.dropout to 0")
	case r.ClassWeights != nil:
		return r.fail("class_weights cannot be exported")
	case r.Prompt != nil && r.Prompt.calibrates():
		return r.fail("prompt.calibrate cannot be exported")
	}
	if j.Prompt != nil {
		v := j.Prompt.Verbalizer
		many := slices.ContainsFunc(v.Words, func(w prompt.BoundWord) bool { return len(w.Columns) > 1 })
		if many || v.Masks > 1 || !v.PostLogSoftmax {
			return r.fail("prompt: only words of one token at one mask, with post_log_softmax, can be exported")
		}
	}
	folders := 0
	for _, d := range j.Deltas {
		switch c := d.Config().(type) {
		case *delta.Selection:
		case *delta.LoRA:
			if folders++; folders > 1 || c.Dropout != 0 {
				return r.fail("deltas: only one LoRA, without lora_dropout, can be exported")
			}
		default:
			return r.fail(fmt.Sprintf("deltas: %s cannot be exported", c.Method()))
		}
	}
	return nil
}

func (j *Job) exportSettings(run *train.Run) (*exportSettings, error) {
	o := run.Options
	base, err := filepath.Abs(j.Base.Dir)
	if err != nil {
		return nil, err
	}
	s := &exportSettings{Base: base, Class: exportClasses[j.Base.Task], LearningRate: o.LearningRate, WeightDecay: o.WeightDecay,
		Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon, Schedule: o.Schedule}
	if o.MaxGradNorm != nil {
		s.MaxGradNorm = *o.MaxGradNorm
	}
	if s.Steps, err = train.Steps(o, run.Objective); err != nil {
		return nil, err
	}
	s.WarmupSteps = o.Warmup(s.Steps)
	if j.Prompt != nil {
		s.Verbalizer = make([][]int32, len(j.Labels.Names))
		for _, w := range j.Prompt.Verbalizer.Words {
			s.Verbalizer[w.Class] = append(s.Verbalizer[w.Class], j.Prompt.Verbalizer.Vocabulary[w.Columns[0]])
		}
	} else {
		s.NumLabels = len(j.Labels.Names)
	}
	if j.Prompt != nil && j.Prompt.Soft != nil {
		s.Trainable = append(s.Trainable, "soft")
	}
	for _, d := range j.Deltas {
		for _, p := range d.Parameters() {
			if _, own := d.Config().(*delta.Selection); own {
				s.Trainable = append(s.Trainable, p.Name)
			}
			if !o.Decays(p.Name) {
				s.NoDecay = append(s.NoDecay, plainName(p.Name))
			}
		}
	}
	return s, nil
}

// plainName is a parameter's name without what PEFT puts around it.
func plainName(name string) string {
	return strings.NewReplacer("base_model.model.", "", ".base_layer", "", ".modules_to_save.default", "", ".modules_to_save", "").Replace(name)
}

// exportTensors writes the initial values: what the base lacks, soft tokens, and LoRA.
func (j *Job) exportTensors(dir string) error {
	tensors := map[string]*tensor.Tensor{}
	for _, q := range j.Base.Tree.Params() {
		if q.Fresh {
			v, err := q.Float32s()
			if err != nil {
				return err
			}
			tensors[q.Name] = tensor.FromFloat32s(q.Shape, v)
		}
	}
	if j.Prompt != nil && j.Prompt.Soft != nil {
		p := j.Prompt.Soft.Parameter
		tensors["soft"] = tensor.FromFloat32s(p.Shape, p.Data)
	}
	if len(tensors) > 0 {
		if err := checkpoint.WriteSafetensors(filepath.Join(dir, "init.safetensors"), tensors, map[string]string{"format": "pt"}); err != nil {
			return err
		}
	}
	for _, d := range j.Deltas {
		if _, own := d.Config().(*delta.Selection); !own {
			if err := d.Save(filepath.Join(dir, "delta"), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// exportTest writes the recipe's test data, in the batches of an evaluation.
func (j *Job) exportTest(path string) error {
	d, s, err := j.Recipe.read(j.Recipe.Data.Test)
	if err != nil {
		return err
	}
	e, err := j.examples(d, s, true)
	if err != nil {
		return err
	}
	batches, err := evalBatches(lengths(e.Segments), evalTokens)
	if err != nil {
		return err
	}
	return exportLines(path, e, func(visit func([]int) error) error {
		for _, b := range batches {
			if err := visit(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// exportLines writes a line for each list of examples that each visits.
func exportLines(path string, e *Examples, each func(visit func([]int) error) error) error {
	return checkpoint.WriteFile(path, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		return each(func(examples []int) error {
			segments := make([]exportSegment, len(examples))
			for i, at := range examples {
				segments[i] = exported(e.Segments[at], e.Classes[at])
			}
			return lines.Encode(map[string][]exportSegment{"segments": segments})
		})
	})
}

func exported(s nn.Segment, class int) exportSegment {
	out := exportSegment{IDs: slices.Clone(s.IDs), Label: class}
	for _, soft := range s.Soft {
		out.IDs[soft.Row] = -1 - soft.Index
	}
	if slices.ContainsFunc(s.Types, func(t int32) bool { return t != 0 }) {
		out.Types = s.Types
	}
	if s.Wanted != nil {
		out.Mask = &s.Wanted[0]
	}
	return out
}

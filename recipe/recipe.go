package recipe

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"trimtab/data"
	"trimtab/prompt"
	"trimtab/train"
)

// Recipe is one task: base + data + template and verbalizer or head + deltas + training.
type Recipe struct {
	// Base is a transformers folder, or `builtin`.
	Base string `yaml:"model_name_or_path" doc:"a transformers folder, or builtin"`
	// Quantization is how frozen weights are held.
	Quantization string `yaml:"quantization" default:"f32" enum:"f32,bf16,int8,llm_int8,nf4,int4" doc:"how the frozen weights of the blocks are held"`
	// Data are the examples.
	Data Data `yaml:"data" doc:"the examples"`
	// Task is what is learnt.
	Task string `yaml:"task" default:"classification" enum:"classification,causal_lm,masked_lm" doc:"what is learnt"`
	// Prompt asks a language model; left out, a classification head answers.
	Prompt *Prompt `yaml:"prompt" doc:"template and verbalizer; left out: a classification head"`
	// Deltas are what trains, each a PEFT configuration, an AdapterHub one, or a method.
	Deltas []map[string]any `yaml:"deltas" doc:"what trains: PEFT configurations, {adapter: seq_bn}, {method: bitfit}, {method: full}"`
	// Masking is how tokens are hidden in task masked_lm.
	Masking Masking `yaml:"masking" doc:"how tokens are hidden in task masked_lm"`
	// Training are the settings of the loop.
	Training train.Options `yaml:"training" doc:"the training loop"`
	// ClassWeights weigh the classes in the loss: nothing, "balanced", or a number a class.
	ClassWeights any `yaml:"class_weights" doc:"weights of the classes in the loss: balanced, or {label: number}"`
	// MaxLength is how long an input may be and how it is cut.
	MaxLength Length `yaml:"max_length" doc:"how long an input may be, and how it is cut"`
	// OutputDir is the run's folder.
	OutputDir string `yaml:"output_dir" doc:"the run's folder"`

	path        string
	calibration []float64     // of a run that is opened again: what its prompt was calibrated with
	rows        *data.Dataset // the training rows, where they were read for their labels and nobody took them yet
}

// Data are the examples of a task.
type Data struct {
	Train      *Source `yaml:"train" doc:"what is learnt from"`
	Validation *Source `yaml:"validation" doc:"what decides which state is best"`
	// ValidationSplit is how much of the training data is held back for validation, in percent.
	ValidationSplit float64  `yaml:"validation_split_percentage" doc:"percent of train that training.seed draws and holds back as validation; not beside validation or few_shot; left out: none"`
	Test            *Source  `yaml:"test" doc:"what eval measures on"`
	FewShot         *FewShot `yaml:"few_shot" doc:"train on a few examples a class"`
	Labels          []string `yaml:"labels" doc:"the classes in order; left out: the verbalizer's, or those of the training data, sorted"`
}

// Source is a file of examples. What it leaves out of text, label and format, it has from train.
type Source struct {
	File      string   `yaml:"file" doc:"tsv, csv, jsonl, json, txt, by the file's name; .gz too"`
	Text      string   `yaml:"text" doc:"the field of the text (text_a in templates); left out: sentence, text, text_a, question, or the only one beside the label"`
	TextPair  string   `yaml:"text_pair" doc:"the field of a second text (text_b in templates)"`
	Label     string   `yaml:"label" doc:"the field of the label; left out: label"`
	Format    string   `yaml:"format" doc:"tsv, csv, jsonl, json, text, trec instead of by the file's name"`
	Fields    []string `yaml:"fields" doc:"names of the columns of a file without a header"`
	Delimiter string   `yaml:"delimiter" doc:"what divides the columns"`
	Encoding  string   `yaml:"encoding" doc:"utf-8 or latin-1"`
}

// FewShot samples K examples a class, and as many for validation where there is no validation file.
type FewShot struct {
	K    int    `yaml:"k" default:"16" doc:"examples a class"`
	Seed uint64 `yaml:"seed" default:"13" doc:"which they are"`
}

// Prompt asks a language model.
type Prompt struct {
	// Template is OpenPrompt's language or the short form.
	Template string `yaml:"template" doc:"OpenPrompt's template language, or {sentence} It was {mask}."`
	// Verbalizer names words for classes.
	Verbalizer any `yaml:"verbalizer" doc:"{label: [words]}, or {label_words: ..., multi_token_handler: first, post_log_softmax: true}"`
	// Calibrate subtracts what the model answers, before it is trained, to an empty text ("true"), or on average to
	// the training texts ("train"). Empty is "false".
	Calibrate string `yaml:"calibrate" enum:"false,true,train" doc:"subtract what the model answers, before it is trained, to an empty text (true: contextual calibration), or on average to the training texts, whose labels are not looked at (train)"`
}

// Length is how long an input may be.
type Length struct {
	Tokens     int               `yaml:"tokens" doc:"tokens of an input; left out: what the model takes, and longer texts are an error"`
	Truncation prompt.Truncation `yaml:"truncation" doc:"tail (default), head (cuts the front), balanced, error"`
}

// Read reads the recipe at path; sets are "key.key=value".
func Read(path string, sets ...string) (*Recipe, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, sets...)
}

// Parse reads the text of a recipe; path names it in errors.
func Parse(path string, text []byte, sets ...string) (*Recipe, error) {
	r := &Recipe{path: path}
	if err := decode(path, text, sets, r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Recipe) fail(message string) error {
	return fmt.Errorf("%s: %w: %s", r.path, ErrRecipe, message)
}

// source is a source with what it leaves out filled in from train.
func (r *Recipe) source(s *Source) Source {
	full := *s
	if t := r.Data.Train; t != nil && s != t {
		for _, f := range []struct{ to, from *string }{{&full.Text, &t.Text}, {&full.TextPair, &t.TextPair}, {&full.Label, &t.Label},
			{&full.Format, &t.Format}, {&full.Delimiter, &t.Delimiter}, {&full.Encoding, &t.Encoding}} {
			if *f.to == "" {
				*f.to = *f.from
			}
		}
		if full.Fields == nil {
			full.Fields = t.Fields
		}
	}
	return full
}

// read reads the rows of a source of the recipe.
func (r *Recipe) read(s *Source) (*data.Dataset, Source, error) {
	full := r.source(s)
	if d := r.rows; d != nil && s == r.Data.Train {
		r.rows = nil
		return d, full.named(d), nil
	}
	d, err := data.Read(full.File, full.options())
	if err != nil {
		return nil, full, err
	}
	return d, full.named(d), nil
}

// options are how a source's file is read.
func (s Source) options() data.Options {
	return data.Options{Format: s.Format, Fields: s.Fields, Delimiter: s.Delimiter, Encoding: s.Encoding}
}

// named is a source whose text and label are fields of its rows.
func (s Source) named(d *data.Dataset) Source {
	if s.Label == "" {
		s.Label = first(d.Fields, "label")
	}
	if s.Text == "" {
		s.Text = first(d.Fields, "sentence", "text", "text_a", "question")
	}
	if others := slices.DeleteFunc(slices.Clone(d.Fields), func(f string) bool { return f == s.Label || f == s.TextPair }); s.Text == "" && len(others) == 1 {
		s.Text = others[0]
	}
	return s
}

// first is the first of names that is a field.
func first(fields []string, names ...string) string {
	for _, n := range names {
		for _, f := range fields {
			if strings.EqualFold(f, n) {
				return f
			}
		}
	}
	return ""
}

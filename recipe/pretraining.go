package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/data"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tensor"
	"trimtab/tokenizer"
	"trimtab/train"
)

// Pretraining is the recipe of a base from text: a masked language model with its
// own vocabulary.
type Pretraining struct {
	// Model is the config.json of the new base; vocab_size and architectures follow from the rest.
	Model map[string]any `yaml:"model" doc:"the new base's config.json: model_type and sizes"`
	// Tokenizer says what vocabulary to make.
	Tokenizer Vocabulary `yaml:"tokenizer" doc:"the vocabulary to make"`
	// Data are files of text, a paragraph a line.
	Data Corpus `yaml:"data" doc:"text, a paragraph a line"`
	// Masking says how tokens are hidden.
	Masking Masking `yaml:"masking" doc:"how tokens are hidden"`
	// MaxLength cuts paragraphs into segments of so many tokens.
	MaxLength int `yaml:"max_length" default:"128" doc:"tokens of a segment, special ones included"`
	// Training are the settings of the run.
	Training train.Options `yaml:"training" doc:"the training loop"`
	// SaveDType is the type that the base is written in.
	SaveDType string `yaml:"dtype" default:"float32" enum:"float32,float16" doc:"the type that the base is written in"`
	// OutputDir is the folder of the run; the base is its folder base.
	OutputDir string `yaml:"output_dir" doc:"the run's folder"`

	path string
}

// Vocabulary says what vocabulary to make.
type Vocabulary struct {
	Size      int   `yaml:"vocab_size" default:"8000" doc:"tokens of the vocabulary"`
	Lowercase *bool `yaml:"do_lower_case" default:"true" doc:"lower-case the text and strip accents"`
}

// Corpus names files of text.
type Corpus struct {
	Train      []string `yaml:"train" doc:"files, or patterns of files"`
	Validation string   `yaml:"validation" doc:"a file of text held out"`
	// ValidationSplit, in percent, takes the place of Validation.
	ValidationSplit float64 `yaml:"validation_split_percentage" doc:"percent of train's paragraphs that training.seed draws and holds out; not beside validation; left out: none"`
}

// ReadPretraining reads the pretraining recipe at path; sets are "key.key=value".
func ReadPretraining(path string, sets ...string) (*Pretraining, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Pretraining{path: path}
	if err := decode(path, text, sets, r); err != nil {
		return nil, err
	}
	if len(r.Data.Train) == 0 {
		return nil, fmt.Errorf("%s: %w: data.train is missing", path, ErrRecipe)
	}
	return r, r.check()
}

// check reports what is missing or makes no sense, before a vocabulary is made.
func (r *Pretraining) check() error {
	fail := func(message string) error { return fmt.Errorf("%s: %w: %s", r.path, ErrRecipe, message) }
	name, split := r.Training.Metric, r.Data.ValidationSplit
	switch {
	case split != 0 && !(split > 0 && split < 100):
		return fail(fmt.Sprintf("data.validation_split_percentage is %g, and must be above 0 and below 100", split))
	case split != 0 && r.Data.Validation != "":
		return fail("data.validation_split_percentage and data.validation both say what to validate on: leave one out")
	case r.Model == nil:
		return fail("model is missing")
	case r.MaxLength < 10:
		return fail(fmt.Sprintf("max_length is %d, and must be 10 or more", r.MaxLength))
	case name != "" && !slices.Contains(tokenMetrics, name):
		return fail(fmt.Sprintf("training.metric_for_best_model is %q, and there are %s", name, strings.Join(tokenMetrics, ", ")))
	}
	if err := r.Masking.check(r.path); err != nil {
		return err
	}
	r.Training.Resolve()
	if err := r.Training.Validate(); err != nil {
		return fmt.Errorf("%s: training: %w", r.path, err)
	}
	return nil
}

// Pretrain trains a base from text and returns the folder that it is in. report is told of progress.
func (r *Pretraining) Pretrain(ctx context.Context, dev compute.Device, resume bool, say func(string), report func(train.Progress)) (string, error) {
	lock, err := claim(r.OutputDir)
	if err != nil {
		return "", err
	}
	defer lock.release()
	if !resume {
		if err := vacant(r.OutputDir); err != nil {
			return "", err
		}
	}
	texts, held, err := r.corpus()
	if err != nil {
		return "", err
	}
	tok, err := r.vocabulary(ctx, texts, say)
	if err != nil {
		return "", err
	}
	base, err := r.base(dev, tok)
	if err != nil {
		return "", err
	}
	if n := base.Info().Positions; r.MaxLength > n {
		return "", fmt.Errorf("%s: %w: max_length is %d, and model.max_position_embeddings is %d", r.path, ErrRecipe, r.MaxLength, n)
	}
	var params []*autograd.Parameter
	for _, q := range base.Tree.Params() {
		p, err := q.Train()
		if err != nil {
			return "", err
		}
		params = append(params, p)
	}
	objective, err := r.objective(base, tok, texts, say)
	if err != nil {
		return "", err
	}
	bare := *r
	bare.OutputDir = ""
	id, err := identity(&bare, objective.hash())
	if err != nil {
		return "", err
	}
	tape := autograd.New(dev)
	run := train.Run{Device: dev, Options: r.Training, Parameters: params, Objective: objective, Tape: tape,
		Dir: r.OutputDir, Resume: resume, Identity: id, Report: report}
	if held != nil {
		run.Evaluate, err = r.evaluation(base, tok, held, tape)
		if err != nil {
			return "", err
		}
	}
	if _, err := run.Train(ctx); err != nil {
		return "", err
	}
	dir := filepath.Join(r.OutputDir, "base")
	dtype := tensor.F32
	if r.SaveDType == "float16" {
		dtype = tensor.F16
	}
	if err := base.Save(dir, dtype); err != nil {
		return "", err
	}
	return dir, tok.Save(dir)
}

// vocabularyFile is what the vocabulary of a run's folder was made for: a hash of settings and text.
const vocabularyFile = "vocabulary.sha256"

// vocabulary is the run's vocabulary: made once, then read.
func (r *Pretraining) vocabulary(ctx context.Context, texts []string, say func(string)) (*tokenizer.Tokenizer, error) {
	dir, made := filepath.Join(r.OutputDir, "base"), filepath.Join(r.OutputDir, vocabularyFile)
	id, err := identity(r.Tokenizer, texts...)
	if err != nil {
		return nil, err
	}
	if found, err := os.ReadFile(made); err == nil && string(found) == id {
		return tokenizer.Open(dir)
	}
	say(fmt.Sprintf("making a vocabulary of %d from %d paragraphs", r.Tokenizer.Size, len(texts)))
	lower := r.Tokenizer.Lowercase == nil || *r.Tokenizer.Lowercase
	tok, err := tokenizer.TrainWordPiece(ctx, slices.Values(texts), tokenizer.TrainOptions{
		Size: r.Tokenizer.Size, Alphabet: max(64, r.Tokenizer.Size/32), Cased: !lower})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if err := tok.Save(dir); err != nil {
		return nil, err
	}
	return tok, writeFile(made, []byte(id))
}

// base is the new base, by chance.
func (r *Pretraining) base(dev compute.Device, tok *tokenizer.Tokenizer) (*model.Base, error) {
	keys := maps.Clone(r.Model)
	keys["vocab_size"] = tok.Size()
	keys["architectures"] = []string{"BertForMaskedLM"}
	text, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("%s: model: %w", r.path, err)
	}
	config, err := model.ParseConfig(r.path+": model", text)
	if err != nil {
		return nil, err
	}
	return model.New(config, nil, dev, model.Options{Task: model.MaskedLM, Seed: r.Training.Seed})
}

// corpus are the paragraphs to learn from, and those held out; nil if there are none.
func (r *Pretraining) corpus() (texts, held []string, err error) {
	if texts, err = r.texts(r.Data.Train); err != nil {
		return nil, nil, err
	}
	switch {
	case r.Data.Validation != "":
		held, err = r.texts([]string{r.Data.Validation})
		return texts, held, err
	case r.Data.ValidationSplit == 0:
		return texts, nil, nil
	}
	rows, rest, err := share(len(texts), "data.train", r.Data.ValidationSplit, r.Training.Seed)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.path, err)
	}
	pick := func(rows []int) []string {
		some := make([]string, len(rows))
		for i, row := range rows {
			some[i] = texts[row]
		}
		return some
	}
	return pick(rows), pick(rest), nil
}

// texts are the paragraphs of files.
func (r *Pretraining) texts(patterns []string) ([]string, error) {
	var texts []string
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("%s: data: %s: %w", r.path, pattern, err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%s: data: no file is called %s", r.path, pattern)
		}
		for _, name := range names {
			d, err := data.Read(name, data.Options{})
			if err != nil {
				return nil, err
			}
			column, err := d.Column(d.Fields[0])
			if err != nil {
				return nil, err
			}
			texts = append(texts, column...)
		}
	}
	return texts, nil
}

// objective is masked language modelling on the training text.
func (r *Pretraining) objective(base *model.Base, tok *tokenizer.Tokenizer, texts []string, say func(string)) (*masked, error) {
	segments, err := r.segments(tok, texts)
	if err != nil {
		return nil, err
	}
	tokens := 0
	for _, s := range segments {
		tokens += len(s.IDs)
	}
	say(fmt.Sprintf("%d segments of %d tokens in all", len(segments), tokens))
	return newMasked(base.Model.(model.LanguageModel), tok, segments, r.Masking, r.Training.Seed)
}

// segments are the paragraphs as tokens, cut at the longest length; what is left of a
// paragraph goes before the next one.
func (r *Pretraining) segments(tok *tokenizer.Tokenizer, texts []string) ([]nn.Segment, error) {
	encoded, err := tok.EncodeBatch(texts, tokenizer.Options{NoSpecialTokens: true, NoTruncation: true, NoPadding: true})
	if err != nil {
		return nil, err
	}
	const shortest = 8 // shorter rests are joined with what follows
	special, room := tok.Special(), r.MaxLength-2
	var segments []nn.Segment
	var rest []int32
	for _, e := range encoded {
		rest = append(rest, e.IDs...)
		for len(rest) >= shortest {
			n := min(room, len(rest))
			s := append(make([]int32, 0, n+2), special.CLS)
			segments = append(segments, nn.Segment{IDs: append(append(s, rest[:n]...), special.SEP)})
			rest = rest[n:]
		}
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("%s: data: the text has fewer than %d tokens", r.path, shortest)
	}
	return segments, nil
}

// evaluation measures perplexity and accuracy at the same hidden tokens of the held-out text each time.
func (r *Pretraining) evaluation(base *model.Base, tok *tokenizer.Tokenizer, held []string, tape *autograd.Tape) (func(context.Context) ([]train.Score, error), error) {
	segments, err := r.segments(tok, held)
	if err != nil {
		return nil, err
	}
	m := base.Model.(model.LanguageModel)
	k, err := newMasked(m, tok, segments, r.Masking, r.Training.Seed+1)
	if err != nil {
		return nil, err
	}
	k.fixed = true
	return func(ctx context.Context) ([]train.Score, error) { return scoreTokens(ctx, tape, m, k) }, nil
}

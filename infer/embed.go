package infer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tokenizer"
)

// ErrEmbedding is wrapped by errors about a folder that says how to make vectors in a way not computed here.
var ErrEmbedding = errors.New("embedding is not computed here")

// Embedder makes vectors of texts, as a sentence-transformers folder says.
type Embedder struct {
	// MaxLength is the number of tokens, special ones included, at which texts are cut.
	MaxLength int
	// BatchTokens bounds the tokens of a pass; 0 is 4096. One text may have more.
	BatchTokens int

	base      *model.Base
	device    compute.Device
	tokenizer *tokenizer.Tokenizer
	pool      string // mean, cls or lasttoken
	normalize bool
	lower     bool
}

// NewEmbedder reads how base's folder makes vectors: modules.json, the pooling that it
// names, and sentence_bert_config.json, whose length overrides the tokenizer's own.
// A folder without modules.json, and a base without a folder, are pooled by the mean, and not normalised, as the library does.
func NewEmbedder(base *model.Base, t *tokenizer.Tokenizer, dev compute.Device) (*Embedder, error) {
	e := &Embedder{MaxLength: base.Info().Positions, base: base, device: dev, tokenizer: t, pool: "mean"}
	for _, read := range []func() error{e.readModules, e.readLength, e.readPrompts} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// read fills v from a JSON file of the folder, and reports whether there is one.
func (e *Embedder) read(v any, elems ...string) (path string, ok bool, err error) {
	if e.base.Dir == "" {
		return "", false, nil
	}
	path = filepath.Join(append([]string{e.base.Dir}, elems...)...)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return path, false, fmt.Errorf("%s: %w", path, err)
	}
	return path, true, nil
}

func (e *Embedder) readModules() error {
	var modules []struct{ Path, Type string }
	path, ok, err := e.read(&modules, "modules.json")
	if err != nil || !ok {
		return err
	}
	for i, m := range modules {
		kind := m.Type[strings.LastIndexByte(m.Type, '.')+1:]
		switch {
		case i == 0 && kind == "Transformer" && m.Path == "":
		case i == 1 && kind == "Pooling" && filepath.IsLocal(m.Path):
			if err := e.readPooling(m.Path); err != nil {
				return err
			}
		case i == 2 && kind == "Normalize":
			e.normalize = true
		default:
			return fmt.Errorf("%s: %w: module %d is %s at %q, expected Transformer, Pooling, Normalize", path, ErrEmbedding, i, m.Type, m.Path)
		}
	}
	if len(modules) < 2 {
		return fmt.Errorf("%s: %w: there is no Pooling", path, ErrEmbedding)
	}
	return nil
}

func (e *Embedder) readPooling(dir string) error {
	var keys map[string]any
	path, ok, err := e.read(&keys, dir, "config.json")
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	var modes []string
	for key, value := range keys {
		mode, isMode := strings.CutPrefix(key, "pooling_mode_")
		switch {
		case key == "word_embedding_dimension" || key == "embedding_dimension":
			if value != float64(e.base.Info().Hidden) {
				return fmt.Errorf("%s: %s: %w: %v, and the model has %d", path, key, ErrEmbedding, value, e.base.Info().Hidden)
			}
		case key == "include_prompt" && value == true:
		case key == "pooling_mode":
			modes = append(modes, fmt.Sprint(value))
		case isMode && value == true:
			modes = append(modes, strings.TrimSuffix(strings.TrimSuffix(mode, "_tokens"), "_token"))
		case isMode && value == false:
		default:
			return fmt.Errorf("%s: %s: %w: %v", path, key, ErrEmbedding, value)
		}
	}
	if len(modes) != 1 || !slices.Contains([]string{"mean", "cls", "lasttoken"}, modes[0]) {
		return fmt.Errorf("%s: %w: pooling by %q, expected mean, cls or lasttoken", path, ErrEmbedding, modes)
	}
	e.pool = modes[0]
	return nil
}

func (e *Embedder) readLength() error {
	var k struct {
		Length *int `json:"max_seq_length"`
		Lower  bool `json:"do_lower_case"`
	}
	path, _, err := e.read(&k, "sentence_bert_config.json")
	if err != nil {
		return err
	}
	e.lower = k.Lower
	if k.Length == nil {
		return nil
	}
	if *k.Length < 1 || *k.Length > e.MaxLength {
		return fmt.Errorf("%s: max_seq_length: %w: %d, expected from 1 to the model's %d", path, ErrEmbedding, *k.Length, e.MaxLength)
	}
	e.MaxLength = *k.Length
	return nil
}

// readPrompts refuses a prompt that would be put before every text.
func (e *Embedder) readPrompts() error {
	var k struct {
		Prompt *string `json:"default_prompt_name"`
	}
	path, _, err := e.read(&k, "config_sentence_transformers.json")
	if err == nil && k.Prompt != nil {
		err = fmt.Errorf("%s: default_prompt_name: %w: %q", path, ErrEmbedding, *k.Prompt)
	}
	return err
}

// Dim is the width of a vector.
func (e *Embedder) Dim() int { return e.base.Info().Hidden }

// Embed makes a vector of each text.
func (e *Embedder) Embed(texts []string) ([][]float32, error) {
	if e.lower {
		texts = slices.Clone(texts)
		for i, t := range texts {
			texts[i] = strings.ToLower(t)
		}
	}
	encoded, err := e.tokenizer.EncodeBatch(texts, tokenizer.Options{NoPadding: true, MaxLength: e.MaxLength})
	if err != nil {
		return nil, err
	}
	order := make([]int, len(texts)) // neighbours of like length
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(encoded[a].IDs), len(encoded[b].IDs)) })
	vectors := make([][]float32, len(texts))
	tape, budget := autograd.New(e.device), e.BatchTokens
	if budget == 0 {
		budget = 4096
	}
	for from := 0; from < len(order); {
		to, tokens := from, 0
		for ; to < len(order) && (to == from || tokens+len(encoded[order[to]].IDs) <= budget); to++ {
			tokens += len(encoded[order[to]].IDs)
		}
		if err := e.batch(tape, encoded, order[from:to], vectors); err != nil {
			return nil, err
		}
		from = to
	}
	return vectors, nil
}

// batch makes the vectors of some texts in one pass.
func (e *Embedder) batch(tape *autograd.Tape, encoded []*tokenizer.Encoding, texts []int, vectors [][]float32) error {
	segments := make([]nn.Segment, len(texts))
	for i, text := range texts {
		if len(encoded[text].IDs) == 0 {
			return fmt.Errorf("text %d has no tokens", text)
		}
		segments[i] = nn.Segment{IDs: encoded[text].IDs, Types: encoded[text].TypeIDs}
	}
	b, err := nn.Pack(segments...)
	if err != nil {
		return err
	}
	tape.Reset()
	p := nn.NewPass(tape, b)
	h := e.base.Hidden(p)
	switch e.pool {
	case "mean":
		h = p.SegmentMean(h, p.Batch.Segments)
	case "cls":
		h = p.Gather(h, p.FirstRows())
	case "lasttoken":
		h = p.Gather(h, p.LastRows())
	}
	if err := tape.Forward(h); err != nil {
		return err
	}
	for i, text := range texts {
		vectors[text] = slices.Clone(h.Data().Row(i))
		if e.normalize {
			unit(vectors[text])
		}
	}
	return nil
}

// unit scales v to length 1; zeros stay.
func unit(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	s := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= s
	}
}

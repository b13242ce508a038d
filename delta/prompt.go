package delta

import (
	"fmt"

	"trimtab/autograd"
	"trimtab/internal/chance"
	"trimtab/nn"
)

func init() { register("peft_type", "PROMPT_TUNING", parsePrompt) }

// Prompt is prompt tuning (Lester et al. 2021): trained vectors before each segment, in the place of
// word embeddings.
type Prompt struct {
	common
	virtual
	// Init is prompt_tuning_init: RANDOM, SAMPLE_VOCAB or TEXT; Text prompt_tuning_init_text.
	Init, Text string
	tokenizer  string // tokenizer_name_or_path, kept for other programs
}

// Method is "PROMPT_TUNING".
func (*Prompt) Method() string { return "PROMPT_TUNING" }

func parsePrompt(f *fields) (Config, error) {
	c := &Prompt{Init: "RANDOM"}
	c.common.read(f)
	c.virtual.read(f)
	f.read("prompt_tuning_init", &c.Init)
	f.read("prompt_tuning_init_text", &c.Text)
	f.read("tokenizer_name_or_path", &c.tokenizer)
	f.only("tokenizer_kwargs", "{}")
	switch c.Init {
	case "RANDOM", "SAMPLE_VOCAB":
	case "TEXT":
		f.check(c.Text != "", "prompt_tuning_init_text", "is needed: prompt_tuning_init is TEXT")
	default:
		f.fail("prompt_tuning_init", "is %q, expected RANDOM, SAMPLE_VOCAB or TEXT", c.Init)
	}
	return c, f.finish()
}

func (c *Prompt) build(b *build) error {
	c = copied(b, c)
	c.common.bind(b)
	info := b.base.Info()
	if err := c.virtual.bind(c.where, b.base.Words().Dim, info.Blocks, info.Heads); err != nil {
		return err
	}
	p := &prompt{words: b.base.Words()}
	p.vectors = b.tensor(promptName, promptKey, normal(1), c.Tokens, c.Dim)
	if b.source == nil && c.Init != "RANDOM" {
		ids, err := c.ids(b)
		if err != nil {
			return err
		}
		if err := copyRows(p.vectors.Data, p.words, ids); err != nil {
			return err
		}
	}
	b.part(p)
	return c.modules(b, peftBare)
}

// ids are the tokens whose vectors a prompt begins with: drawn from the vocabulary, or a text's, from the
// beginning again where it is too short.
func (c *Prompt) ids(b *build) ([]int32, error) {
	ids := make([]int32, c.Tokens)
	if c.Init == "SAMPLE_VOCAB" {
		key := chance.Key{Seed: b.options.Seed, Site: chance.SiteOf(promptName)}
		for i := range ids {
			ids[i] = int32(chance.Below(key, uint64(i), uint64(b.base.Words().Count)))
		}
		return ids, nil
	}
	if b.options.Encode == nil {
		return nil, fmt.Errorf("%s: prompt_tuning_init: %w: TEXT needs a tokenizer, and the base has none", c.where, ErrConfig)
	}
	text, err := b.options.Encode(c.Text)
	if err != nil {
		return nil, fmt.Errorf("%s: prompt_tuning_init_text: %w", c.where, err)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%s: prompt_tuning_init_text: %w: the text has no tokens", c.where, ErrConfig)
	}
	for i := range ids {
		ids[i] = text[i%len(text)]
	}
	return ids, nil
}

func copyRows(dst []float32, words *nn.Embedding, ids []int32) error {
	table, err := words.Weight.Float32s()
	if err != nil {
		return err
	}
	for i, id := range ids {
		if id < 0 || int(id) >= words.Count {
			return fmt.Errorf("%s: %w: token %d of %d", words.Name, ErrConfig, id, words.Count)
		}
		copy(dst[i*words.Dim:(i+1)*words.Dim], table[int(id)*words.Dim:])
	}
	return nil
}

// prompt is the part of prompt tuning, at the input.
type prompt struct {
	words   *nn.Embedding
	vectors *autograd.Parameter // [n, hidden]
}

func (d *prompt) sites() []string { return []string{d.words.Name} }

func (d *prompt) attach() error {
	d.words.AttachInput(d)
	return nil
}

func (d *prompt) detach() { d.words.DetachInput(d) }

// Arrange puts the vectors before each segment.
func (d *prompt) Arrange(b *nn.Batch, first int32) { b.Prepend(d.Count(), first) }

// Count is the number of virtual tokens.
func (d *prompt) Count() int { return d.vectors.Shape[0] }

// Vectors are the virtual tokens.
func (d *prompt) Vectors(p *nn.Pass, _ *nn.Embedding) *autograd.Value { return p.Parameter(d.vectors) }

func (c *Prompt) save(d *Delta) (*folder, error) {
	m := c.common.config("PROMPT_TUNING")
	c.virtual.config(m)
	m["prompt_tuning_init"], m["prompt_tuning_init_text"], m["tokenizer_name_or_path"] = c.Init, orNil(c.Text), orNil(c.tokenizer)
	if c.Init == "TEXT" && c.tokenizer == "" { // PEFT wants one, and reads none
		m["tokenizer_name_or_path"] = orNil(c.BaseName)
	}
	f := promptFolder(d, m)
	f.absent = append(f.absent, encoderFile)
	return f, nil
}

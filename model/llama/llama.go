// Package llama is Llama (Touvron et al. 2023): a pre-norm causal decoder with
// grouped queries, rotary positions and a gated feed-forward network, with heads
// for language modelling and for the classification of segments by their last token;
// and Mistral (Jiang et al. 2023), which is Llama whose attention sees a window of tokens.
package llama

import (
	"strconv"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
)

func init() {
	model.Register(model.Page{Type: "llama", New: open, Architectures: map[string]model.Task{
		"LlamaModel":                     model.Bare,
		"LlamaForCausalLM":               model.CausalLM,
		"LlamaForSequenceClassification": model.SequenceClassification,
	}})
	model.Register(model.Page{Type: "mistral", New: openMistral, Architectures: map[string]model.Task{
		"MistralModel":                     model.Bare,
		"MistralForCausalLM":               model.CausalLM,
		"MistralForSequenceClassification": model.SequenceClassification,
	}})
}

// config are the keys that all have.
type config struct {
	Hidden           int     `json:"hidden_size"`
	Blocks           int     `json:"num_hidden_layers"`
	Heads            int     `json:"num_attention_heads"`
	KVHeads          *int    `json:"num_key_value_heads"`
	HeadDim          *int    `json:"head_dim"`
	Intermediate     int     `json:"intermediate_size"`
	Activation       string  `json:"hidden_act"`
	Vocabulary       int     `json:"vocab_size"`
	Positions        int     `json:"max_position_embeddings"`
	Eps              float32 `json:"rms_norm_eps"`
	Std              float32 `json:"initializer_range"`
	AttentionDropout float32 `json:"attention_dropout"`
	Tied             bool    `json:"tie_word_embeddings"`
}

// options is in what Llama and Mistral differ.
type options struct {
	attentionBias, mlpBias bool
	window                 int
}

// Model is Llama or Mistral with at most one head.
type Model struct {
	info model.Info
	act  compute.Activation

	words    *nn.Embedding
	rotation *nn.Rotation
	blocks   []*block
	norm     *nn.Norm

	output *nn.Linear // language modelling
	score  *nn.Linear // sequence classification
}

type block struct {
	norm1, norm2              *nn.Norm
	query, key, value, output *nn.Linear
	attention                 *nn.Attention
	attended                  *nn.Sublayer
	gate, up, down            *nn.Linear
	fed                       *nn.Sublayer
}

func open(c *model.Config, task model.Task, begin func(nn.LoadOptions) *nn.Loading) (model.Model, error) {
	k := struct {
		config
		AttentionBias bool `json:"attention_bias"`
		MLPBias       bool `json:"mlp_bias"`
	}{config: config{Vocabulary: 32000, Hidden: 4096, Blocks: 32, Heads: 32, Intermediate: 11008, Activation: "silu",
		Positions: 2048, Eps: 1e-6, Std: 0.02}}
	c.Only("partial_rotary_factor", 1.0)
	if err := c.Read(&k, model.RotationKeys...); err != nil {
		return nil, err
	}
	return build(c, task, begin, k.config, options{attentionBias: k.AttentionBias, mlpBias: k.MLPBias})
}

func openMistral(c *model.Config, task model.Task, begin func(nn.LoadOptions) *nn.Loading) (model.Model, error) {
	kv, window := 8, 4096
	k := struct {
		config
		Window *int `json:"sliding_window"` // null is none
	}{config: config{Vocabulary: 32000, Hidden: 4096, Blocks: 32, Heads: 32, KVHeads: &kv, Intermediate: 14336, Activation: "silu",
		Positions: 4096 * 32, Eps: 1e-6, Std: 0.02}, Window: &window}
	c.Only("partial_rotary_factor", 1.0)
	if err := c.Read(&k, model.RotationKeys...); err != nil {
		return nil, err
	}
	if k.Window == nil {
		return build(c, task, begin, k.config, options{})
	}
	if err := c.Positive(map[string]int{"sliding_window": *k.Window}); err != nil {
		return nil, err
	}
	return build(c, task, begin, k.config, options{window: *k.Window})
}

// build makes the model of a config that was read.
func build(c *model.Config, task model.Task, begin func(nn.LoadOptions) *nn.Loading, k config, o options) (model.Model, error) {
	kv, dim := k.Heads, 0
	if k.KVHeads != nil {
		kv = *k.KVHeads
	}
	if k.HeadDim != nil {
		dim = *k.HeadDim
	} else if c.Divides("num_attention_heads", k.Heads, "hidden_size", k.Hidden) == nil {
		dim = k.Hidden / k.Heads
	}
	m := &Model{act: c.Activation("hidden_act", k.Activation)}
	c.Probabilities(map[string]float32{"attention_dropout": k.AttentionDropout})
	c.Between("rms_norm_eps", k.Eps, 0, 1)
	c.Between("initializer_range", k.Std, 0, 1)
	c.Most("num_hidden_layers", k.Blocks, model.MaxBlocks)
	c.Most("head_dim", dim, model.MaxHeadDim)
	if err := c.Positive(map[string]int{"hidden_size": k.Hidden, "num_hidden_layers": k.Blocks, "num_attention_heads": k.Heads,
		"num_key_value_heads": kv, "head_dim": dim, "intermediate_size": k.Intermediate, "vocab_size": k.Vocabulary,
		"max_position_embeddings": k.Positions}); err != nil {
		return nil, err
	}
	if err := c.Divides("num_key_value_heads", kv, "num_attention_heads", k.Heads); err != nil {
		return nil, err
	}
	m.rotation = c.Rotation(dim, k.Positions, 10000)
	if err := c.Err(); err != nil {
		return nil, err
	}
	m.info = model.Info{Type: c.Type, Hidden: k.Hidden, Blocks: k.Blocks, Heads: k.Heads, KVHeads: kv, HeadDim: dim,
		Vocabulary: k.Vocabulary, Positions: k.Positions, Causal: true, Prefix: "model"}

	others := map[model.Task][]string{
		model.Bare:                   {"lm_head.", "score."},
		model.CausalLM:               {"score."},
		model.SequenceClassification: {"lm_head."},
	}
	head := []string{"score"}
	s := begin(nn.LoadOptions{Prefix: "model", Unneeded: others[task], Head: head, Std: k.Std}).Root()
	m.body(s.At("model"), k, o)
	switch {
	case task == model.CausalLM && k.Tied:
		m.output = s.Output().Tied("lm_head", m.words, nil)
	case task == model.CausalLM:
		m.output = s.Output().LinearNoBias("lm_head", k.Hidden, k.Vocabulary)
	case task == model.SequenceClassification:
		m.score = s.Fresh(k.Std).Exact().LinearNoBias("score", k.Hidden, len(c.Labels))
		m.info.Head, m.info.Labels = head, c.Labels
	}
	return m, c.Err()
}

func (m *Model) body(s nn.Scope, k config, o options) {
	heads, kv := m.info.Heads*m.info.HeadDim, m.info.KVHeads*m.info.HeadDim
	m.words = s.Embedding("embed_tokens", k.Vocabulary, k.Hidden)
	for i := range k.Blocks {
		l := s.At("layers." + strconv.Itoa(i))
		b := &block{norm1: l.RMSNorm("input_layernorm", k.Hidden, k.Eps)}
		self := l.At("self_attn")
		linear := self.LinearNoBias
		if o.attentionBias {
			linear = self.Linear
		}
		b.query, b.key, b.value = linear("q_proj", k.Hidden, heads), linear("k_proj", k.Hidden, kv), linear("v_proj", k.Hidden, kv)
		b.attention = self.Attention(nn.Attention{Heads: m.info.Heads, KVHeads: m.info.KVHeads, HeadDim: m.info.HeadDim,
			Causal: true, Window: o.window, Dropout: k.AttentionDropout, Block: i})
		b.output = linear("o_proj", heads, k.Hidden)
		b.attended = self.Sublayer(nn.Sublayer{Hidden: k.Hidden, Attention: true, Block: i})
		b.norm2 = l.RMSNorm("post_attention_layernorm", k.Hidden, k.Eps)
		mlp := l.At("mlp")
		linear = mlp.LinearNoBias
		if o.mlpBias {
			linear = mlp.Linear
		}
		b.gate, b.up = linear("gate_proj", k.Hidden, k.Intermediate), linear("up_proj", k.Hidden, k.Intermediate)
		b.down = linear("down_proj", k.Intermediate, k.Hidden)
		b.fed = mlp.Sublayer(nn.Sublayer{Hidden: k.Hidden, Block: i})
		m.blocks = append(m.blocks, b)
	}
	m.norm = s.RMSNorm("norm", k.Hidden, k.Eps)
}

// Info tells the model's shape.
func (m *Model) Info() model.Info { return m.info }

// Words is the input embedding.
func (m *Model) Words() *nn.Embedding { return m.words }

// Hidden is the decoder's normalised last states of the wanted rows.
func (m *Model) Hidden(p *nn.Pass) *autograd.Value { return m.decode(p, m.words.Input(p)) }

func (m *Model) decode(p *nn.Pass, h *autograd.Value) *autograd.Value {
	p.Fits(m.info.Positions)
	rows := p.All()
	for i, b := range m.blocks {
		p.Hidden(i, h)
		if i == len(m.blocks)-1 {
			rows = p.Wanted()
		}
		h = p.Block(func() *autograd.Value { return m.block(p, b, h, rows) })
	}
	h = m.norm.Forward(p, h)
	p.Hidden(len(m.blocks), h)
	return h
}

func (m *Model) block(p *nn.Pass, b *block, x *autograd.Value, rows *nn.Rows) *autograd.Value {
	n := b.norm1.Forward(p, x)
	own := p.Take(n, rows)
	q := m.rotation.Forward(p, b.query.Forward(p, own), p.Positions(rows))
	k := m.rotation.Forward(p, b.key.Forward(p, n), p.Batch.Positions)
	a := b.attention.Forward(p, q, k, b.value.Forward(p, n), rows)
	h := b.attended.Join(p, own, b.output.Forward(p, a), p.Take(x, rows))
	n = b.norm2.Forward(p, h)
	f := p.Gate(b.gate.Forward(p, n), b.up.Forward(p, n), m.act)
	return b.fed.Join(p, n, b.down.Forward(p, f), h)
}

// Output is final states and the layer that scores tokens by them.
func (m *Model) Output(_ *nn.Pass, h *autograd.Value) (*autograd.Value, *nn.Linear) {
	return h, m.output
}

// Classify are the scores of classes, from the last token of each segment.
func (m *Model) Classify(p *nn.Pass) *autograd.Value {
	h := m.words.Input(p)
	last := p.LastRows()
	p.Narrow(last)
	return m.score.Forward(p, p.Pick(m.decode(p, h), last))
}

// Package gpt2 is GPT-2 (Radford et al. 2019): a pre-norm causal decoder with
// learned positions, with heads for language modelling and for the
// classification of segments by their last token.
package gpt2

import (
	"strconv"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
)

func init() {
	model.Register(model.Page{Type: "gpt2", New: open, Architectures: map[string]model.Task{
		"GPT2Model":                     model.Bare,
		"GPT2LMHeadModel":               model.CausalLM,
		"GPT2ForSequenceClassification": model.SequenceClassification,
	}})
}

type config struct {
	Hidden           int     `json:"n_embd"`
	Blocks           int     `json:"n_layer"`
	Heads            int     `json:"n_head"`
	Intermediate     *int    `json:"n_inner"`
	Activation       string  `json:"activation_function"`
	Vocabulary       int     `json:"vocab_size"`
	Positions        int     `json:"n_positions"`
	Eps              float32 `json:"layer_norm_epsilon"`
	Std              float32 `json:"initializer_range"`
	EmbeddingDropout float32 `json:"embd_pdrop"`
	AttentionDropout float32 `json:"attn_pdrop"`
	Dropout          float32 `json:"resid_pdrop"`
	Tied             bool    `json:"tie_word_embeddings"`
}

// unneeded are keys of other heads, and of how half precision is computed elsewhere.
var unneeded = []string{"n_ctx", "reorder_and_upcast_attn", "summary_activation", "summary_first_dropout",
	"summary_proj_to_labels", "summary_type", "summary_use_proj", "n_special", "predict_special_tokens"}

// Model is GPT-2 with at most one head.
type Model struct {
	info model.Info
	act  compute.Activation
	drop config

	words, positions *nn.Embedding
	blocks           []*block
	norm             *nn.Norm

	output *nn.Linear // language modelling
	score  *nn.Linear // sequence classification
}

type block struct {
	norm1, norm2 *nn.Norm
	qkv, output  *nn.Linear
	attention    *nn.Attention
	attended     *nn.Sublayer
	up, down     *nn.Linear
	fed          *nn.Sublayer
}

func open(c *model.Config, task model.Task, begin func(nn.LoadOptions) *nn.Loading) (model.Model, error) {
	k := config{Vocabulary: 50257, Hidden: 768, Blocks: 12, Heads: 12, Activation: "gelu_new", Positions: 1024,
		Eps: 1e-5, Std: 0.02, EmbeddingDropout: 0.1, AttentionDropout: 0.1, Dropout: 0.1, Tied: true}
	c.Only("add_cross_attention", false)
	c.Only("scale_attn_weights", true)
	c.Only("scale_attn_by_inverse_layer_idx", false)
	if err := c.Read(&k, unneeded...); err != nil {
		return nil, err
	}
	inner := 4 * k.Hidden
	if k.Intermediate != nil {
		inner = *k.Intermediate
	}
	m := &Model{act: c.Activation("activation_function", k.Activation), drop: k}
	c.Probabilities(map[string]float32{"embd_pdrop": k.EmbeddingDropout, "attn_pdrop": k.AttentionDropout, "resid_pdrop": k.Dropout})
	c.Between("layer_norm_epsilon", k.Eps, 0, 1)
	c.Between("initializer_range", k.Std, 0, 1)
	c.Most("n_layer", k.Blocks, model.MaxBlocks)
	if err := c.Positive(map[string]int{"n_embd": k.Hidden, "n_layer": k.Blocks, "n_head": k.Heads, "n_inner": inner,
		"vocab_size": k.Vocabulary, "n_positions": k.Positions}); err != nil {
		return nil, err
	}
	if err := c.Divides("n_head", k.Heads, "n_embd", k.Hidden); err != nil {
		return nil, err
	}
	m.info = model.Info{Type: "gpt2", Hidden: k.Hidden, Blocks: k.Blocks, Heads: k.Heads, KVHeads: k.Heads, HeadDim: k.Hidden / k.Heads,
		Vocabulary: k.Vocabulary, Positions: k.Positions, Causal: true, Prefix: "transformer"}

	others := map[model.Task][]string{
		model.Bare:                   {"lm_head.", "score."},
		model.CausalLM:               {"score."},
		model.SequenceClassification: {"lm_head."},
	}
	head := []string{"score"}
	s := begin(nn.LoadOptions{Prefix: "transformer", Unneeded: others[task], Head: head, Std: k.Std}).Root()
	m.body(s.At("transformer"), k, inner)
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

func (m *Model) body(s nn.Scope, k config, inner int) {
	m.words = s.Embedding("wte", k.Vocabulary, k.Hidden)
	m.positions = s.Embedding("wpe", k.Positions, k.Hidden)
	for i := range k.Blocks {
		l := s.At("h." + strconv.Itoa(i))
		b := &block{norm1: l.LayerNorm("ln_1", k.Hidden, k.Eps)}
		attn := l.At("attn")
		b.qkv = attn.Conv1D("c_attn", k.Hidden, 3*k.Hidden)
		b.attention = attn.Attention(nn.Attention{Heads: k.Heads, KVHeads: k.Heads, HeadDim: k.Hidden / k.Heads,
			Causal: true, Dropout: k.AttentionDropout, Block: i})
		b.output = attn.Conv1D("c_proj", k.Hidden, k.Hidden)
		b.attended = attn.Sublayer(nn.Sublayer{Hidden: k.Hidden, Attention: true, Block: i})
		b.norm2 = l.LayerNorm("ln_2", k.Hidden, k.Eps)
		mlp := l.At("mlp")
		b.up = mlp.Conv1D("c_fc", k.Hidden, inner)
		b.down = mlp.Conv1D("c_proj", inner, k.Hidden)
		b.fed = mlp.Sublayer(nn.Sublayer{Hidden: k.Hidden, Block: i})
		m.blocks = append(m.blocks, b)
	}
	m.norm = s.LayerNorm("ln_f", k.Hidden, k.Eps)
}

// Info tells the model's shape.
func (m *Model) Info() model.Info { return m.info }

// Words is the input embedding.
func (m *Model) Words() *nn.Embedding { return m.words }

// Hidden is the decoder's normalised last states of the wanted rows.
func (m *Model) Hidden(p *nn.Pass) *autograd.Value { return m.decode(p, m.embed(p)) }

func (m *Model) embed(p *nn.Pass) *autograd.Value {
	h := m.words.Input(p)
	p.Fits(m.info.Positions)
	h = p.Add(h, m.positions.Forward(p, p.Batch.Positions))
	return p.Drop(&m.words.Site, h, m.drop.EmbeddingDropout)
}

func (m *Model) decode(p *nn.Pass, h *autograd.Value) *autograd.Value {
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
	qkv, w := b.qkv.Forward(p, n), m.info.Hidden
	q, k, v := p.Columns(qkv, 0, w), p.Columns(qkv, w, 2*w), p.Columns(qkv, 2*w, 3*w)
	a := b.attention.Forward(p, p.Take(q, rows), k, v, rows)
	a = p.Drop(&b.output.Site, b.output.Forward(p, a), m.drop.Dropout)
	h := b.attended.Join(p, p.Take(n, rows), a, p.Take(x, rows))
	n = b.norm2.Forward(p, h)
	f := b.down.Forward(p, p.Activate(b.up.Forward(p, n), m.act))
	return b.fed.Join(p, n, p.Drop(&b.down.Site, f, m.drop.Dropout), h)
}

// Output is final states and the layer that scores tokens by them.
func (m *Model) Output(_ *nn.Pass, h *autograd.Value) (*autograd.Value, *nn.Linear) {
	return h, m.output
}

// Classify are the scores of classes, from the last token of each segment.
func (m *Model) Classify(p *nn.Pass) *autograd.Value {
	h := m.embed(p)
	last := p.LastRows()
	p.Narrow(last)
	return m.score.Forward(p, p.Pick(m.decode(p, h), last))
}

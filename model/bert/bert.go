// Package bert is BERT (Devlin et al. 2019): a post-norm bidirectional encoder,
// with heads for masked language modelling and for sequence classification.
package bert

import (
	"strconv"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
)

func init() {
	model.Register(model.Page{Type: "bert", New: open, Architectures: map[string]model.Task{
		"BertModel":                     model.Bare,
		"BertForMaskedLM":               model.MaskedLM,
		"BertForPreTraining":            model.MaskedLM,
		"BertForSequenceClassification": model.SequenceClassification,
	}})
}

type config struct {
	Hidden            int      `json:"hidden_size"`
	Blocks            int      `json:"num_hidden_layers"`
	Heads             int      `json:"num_attention_heads"`
	Intermediate      int      `json:"intermediate_size"`
	Activation        string   `json:"hidden_act"`
	Vocabulary        int      `json:"vocab_size"`
	Positions         int      `json:"max_position_embeddings"`
	Types             int      `json:"type_vocab_size"`
	Eps               float32  `json:"layer_norm_eps"`
	Std               float32  `json:"initializer_range"`
	Dropout           float32  `json:"hidden_dropout_prob"`
	AttentionDropout  float32  `json:"attention_probs_dropout_prob"`
	ClassifierDropout *float32 `json:"classifier_dropout"`
	Tied              bool     `json:"tie_word_embeddings"`
}

// unneeded are keys of decoders, and of how TensorFlow pooled.
var unneeded = []string{"cross_attention_hidden_size", "tie_encoder_decoder", "pooler_fc_size", "pooler_num_attention_heads",
	"pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"}

// Model is BERT with at most one head.
type Model struct {
	info model.Info
	act  compute.Activation
	drop config

	words, positions, types *nn.Embedding
	norm                    *nn.Norm
	blocks                  []*block

	pooler, classifier *nn.Linear // sequence classification

	transform     *nn.Linear // masked language modelling
	transformNorm *nn.Norm
	decoder       *nn.Linear
}

type block struct {
	query, key, value, output *nn.Linear
	attention                 *nn.Attention
	attended                  *nn.Sublayer
	up, down                  *nn.Linear
	fed                       *nn.Sublayer
}

func open(c *model.Config, task model.Task, begin func(nn.LoadOptions) *nn.Loading) (model.Model, error) {
	k := config{Vocabulary: 30522, Hidden: 768, Blocks: 12, Heads: 12, Intermediate: 3072, Activation: "gelu",
		Positions: 512, Types: 2, Eps: 1e-12, Std: 0.02, Dropout: 0.1, AttentionDropout: 0.1, Tied: true}
	c.Only("position_embedding_type", "absolute")
	c.Only("is_decoder", false)
	c.Only("add_cross_attention", false)
	if err := c.Read(&k, unneeded...); err != nil {
		return nil, err
	}
	m := &Model{act: c.Activation("hidden_act", k.Activation), drop: k}
	c.Probabilities(map[string]float32{"hidden_dropout_prob": k.Dropout, "attention_probs_dropout_prob": k.AttentionDropout})
	if k.ClassifierDropout != nil {
		c.Probabilities(map[string]float32{"classifier_dropout": *k.ClassifierDropout})
	}
	c.Between("layer_norm_eps", k.Eps, 0, 1)
	c.Between("initializer_range", k.Std, 0, 1)
	c.Most("num_hidden_layers", k.Blocks, model.MaxBlocks)
	if err := c.Positive(map[string]int{"hidden_size": k.Hidden, "num_hidden_layers": k.Blocks, "num_attention_heads": k.Heads,
		"intermediate_size": k.Intermediate, "vocab_size": k.Vocabulary, "max_position_embeddings": k.Positions, "type_vocab_size": k.Types}); err != nil {
		return nil, err
	}
	if err := c.Divides("num_attention_heads", k.Heads, "hidden_size", k.Hidden); err != nil {
		return nil, err
	}
	m.info = model.Info{Type: "bert", Hidden: k.Hidden, Blocks: k.Blocks, Heads: k.Heads, KVHeads: k.Heads, HeadDim: k.Hidden / k.Heads,
		Vocabulary: k.Vocabulary, Positions: k.Positions, Prefix: "bert"}

	others := map[model.Task][]string{
		model.Bare:                   {"cls.", "bert.pooler.", "pooler."},
		model.MaskedLM:               {"cls.seq_relationship.", "bert.pooler.", "pooler.", "cls.predictions.bias"},
		model.SequenceClassification: {"cls."},
	}
	head := []string{"classifier"}
	load := begin(nn.LoadOptions{Prefix: "bert", Unneeded: others[task], Head: head, Std: k.Std})
	s := load.Root()
	m.body(s.At("bert"), k)
	switch task {
	case model.MaskedLM:
		h := s.At("cls.predictions").Exact()
		m.transform = h.Linear("transform.dense", k.Hidden, k.Hidden)
		m.transformNorm = h.LayerNorm("transform.LayerNorm", k.Hidden, k.Eps)
		if !k.Tied && load.Has("cls.predictions.decoder.bias") {
			m.decoder = h.Output().Linear("decoder", k.Hidden, k.Vocabulary) // and the other bias is not used
			break
		}
		bias := h.Param("bias", []int{k.Vocabulary}, nn.Init{})
		if k.Tied {
			m.decoder = h.Tied("decoder", m.words, bias) // not packed as an output layer: prompts ask it for a few words
		} else {
			m.decoder = h.Output().LinearWithBias("decoder", k.Hidden, k.Vocabulary, bias)
		}
	case model.SequenceClassification:
		m.pooler = s.At("bert").Fresh(k.Std).Exact().Linear("pooler.dense", k.Hidden, k.Hidden)
		m.classifier = s.Fresh(k.Std).Exact().Linear("classifier", k.Hidden, len(c.Labels))
		if m.pooler.Weight.Fresh { // as of a base that was a masked language model
			head = append(head, "bert.pooler")
		}
		m.info.Head, m.info.Labels = head, c.Labels
	}
	return m, c.Err()
}

func (m *Model) body(s nn.Scope, k config) {
	e := s.At("embeddings")
	m.words = e.Embedding("word_embeddings", k.Vocabulary, k.Hidden)
	m.positions = e.Embedding("position_embeddings", k.Positions, k.Hidden)
	m.types = e.Embedding("token_type_embeddings", k.Types, k.Hidden)
	m.norm = e.LayerNorm("LayerNorm", k.Hidden, k.Eps)
	for i := range k.Blocks {
		l := s.At("encoder.layer." + strconv.Itoa(i))
		b := &block{}
		self := l.At("attention.self")
		b.query = self.Linear("query", k.Hidden, k.Hidden)
		b.key = self.Linear("key", k.Hidden, k.Hidden)
		b.value = self.Linear("value", k.Hidden, k.Hidden)
		b.attention = self.Attention(nn.Attention{Heads: k.Heads, KVHeads: k.Heads, HeadDim: k.Hidden / k.Heads, Dropout: k.AttentionDropout, Block: i})
		out := l.At("attention.output")
		b.output = out.Linear("dense", k.Hidden, k.Hidden)
		b.attended = out.Sublayer(nn.Sublayer{Norm: out.LayerNorm("LayerNorm", k.Hidden, k.Eps), Hidden: k.Hidden, Attention: true, Block: i})
		b.up = l.Linear("intermediate.dense", k.Hidden, k.Intermediate)
		out = l.At("output")
		b.down = out.Linear("dense", k.Intermediate, k.Hidden)
		b.fed = out.Sublayer(nn.Sublayer{Norm: out.LayerNorm("LayerNorm", k.Hidden, k.Eps), Hidden: k.Hidden, Block: i})
		m.blocks = append(m.blocks, b)
	}
}

// Info tells the model's shape.
func (m *Model) Info() model.Info { return m.info }

// Words is the input embedding.
func (m *Model) Words() *nn.Embedding { return m.words }

// Hidden is the encoder's last states of the wanted rows.
func (m *Model) Hidden(p *nn.Pass) *autograd.Value { return m.encode(p, m.embed(p)) }

func (m *Model) embed(p *nn.Pass) *autograd.Value {
	h := m.words.Input(p)
	p.Fits(m.info.Positions)
	h = p.Add(h, m.types.Forward(p, p.Batch.Types))
	h = p.Add(h, m.positions.Forward(p, p.Batch.Positions))
	return p.Drop(&m.norm.Site, m.norm.Forward(p, h), m.drop.Dropout)
}

func (m *Model) encode(p *nn.Pass, h *autograd.Value) *autograd.Value {
	p.Hidden(0, h)
	rows := p.All()
	for i, b := range m.blocks {
		if i == len(m.blocks)-1 {
			rows = p.Wanted()
		}
		h = p.Block(func() *autograd.Value { return m.block(p, b, h, rows) })
		p.Hidden(i+1, h)
	}
	return h
}

func (m *Model) block(p *nn.Pass, b *block, x *autograd.Value, rows *nn.Rows) *autograd.Value {
	own := p.Take(x, rows)
	a := b.attention.Forward(p, b.query.Forward(p, own), b.key.Forward(p, x), b.value.Forward(p, x), rows)
	a = p.Drop(&b.output.Site, b.output.Forward(p, a), m.drop.Dropout)
	a = b.attended.Join(p, own, a, own)
	h := p.Activate(b.up.Forward(p, a), m.act)
	h = p.Drop(&b.down.Site, b.down.Forward(p, h), m.drop.Dropout)
	return b.fed.Join(p, a, h, a)
}

// Output is final states, transformed, and the layer that scores tokens by them.
func (m *Model) Output(p *nn.Pass, h *autograd.Value) (*autograd.Value, *nn.Linear) {
	return m.transformNorm.Forward(p, p.Activate(m.transform.Forward(p, h), m.act)), m.decoder
}

// Classify are the scores of classes, from the pooled first token of each segment.
func (m *Model) Classify(p *nn.Pass) *autograd.Value {
	h := m.embed(p)
	first := p.FirstRows()
	p.Narrow(first)
	h = p.Pick(m.encode(p, h), first)
	h = p.Activate(m.pooler.Forward(p, h), compute.Tanh)
	probability := m.drop.Dropout
	if m.drop.ClassifierDropout != nil {
		probability = *m.drop.ClassifierDropout
	}
	return m.classifier.Forward(p, p.Drop(&m.classifier.Site, h, probability))
}

package delta

import (
	"fmt"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/nn"
	"trimtab/tensor"
)

func init() { register("peft_type", "PREFIX_TUNING", parsePrefix) }

// Prefix is prefix tuning (Li & Liang 2021): trained keys and values before each segment's own, in every
// attention. Positions of the segment's tokens are shifted by their number, as in PEFT.
type Prefix struct {
	common
	virtual
	// Projection makes keys and values by a network with one hidden layer of EncoderHidden: its weights
	// train, and are kept beside PEFT's file, which holds only what it makes.
	Projection    bool
	EncoderHidden int
	// Zero begins with zeros: init_weights "zero".
	Zero bool
}

// virtual are the keys about virtual tokens that PEFT's prompts share. Those that describe the
// base are taken from it, and checked where they are given.
type virtual struct {
	// Tokens is num_virtual_tokens, Dim token_dim, Layers num_layers, Heads num_attention_heads.
	Tokens, Dim, Layers, Heads int
}

func (v *virtual) read(f *fields) {
	f.read("num_virtual_tokens", &v.Tokens)
	f.read("token_dim", &v.Dim)
	f.read("num_layers", &v.Layers)
	f.read("num_attention_heads", &v.Heads)
	f.only("num_transformer_submodules", "1")
	f.check(v.Tokens > 0 && v.Tokens <= 1<<20, "num_virtual_tokens", "is %d, expected a number above 0", v.Tokens)
}

// bind sets what is left out, and refuses what contradicts the base.
func (v *virtual) bind(where string, dim, layers, heads int) error {
	for _, k := range []struct {
		key   string
		given *int
		is    int
	}{{"token_dim", &v.Dim, dim}, {"num_layers", &v.Layers, layers}, {"num_attention_heads", &v.Heads, heads}} {
		if *k.given != 0 && *k.given != k.is {
			return fmt.Errorf("%s: %s: %w: is %d, and the base's is %d", where, k.key, ErrOtherBase, *k.given, k.is)
		}
		*k.given = k.is
	}
	return nil
}

func (v *virtual) config(m map[string]any) {
	m["num_virtual_tokens"], m["token_dim"], m["num_layers"], m["num_attention_heads"] = v.Tokens, v.Dim, v.Layers, v.Heads
	m["num_transformer_submodules"] = 1
}

// Method is "PREFIX_TUNING".
func (*Prefix) Method() string { return "PREFIX_TUNING" }

func parsePrefix(f *fields) (Config, error) {
	c := &Prefix{}
	c.common.read(f)
	c.virtual.read(f)
	f.read("prefix_projection", &c.Projection)
	f.read("encoder_hidden_size", &c.EncoderHidden)
	f.check(c.EncoderHidden >= 0 && c.EncoderHidden <= 1<<20, "encoder_hidden_size", "is %d", c.EncoderHidden)
	f.only("init_weights", `"zero"`)
	c.Zero = f.has("init_weights")
	return c, f.finish()
}

func (c *Prefix) build(b *build) error {
	c = copied(b, c)
	c.common.bind(b)
	info := b.base.Info()
	if err := c.virtual.bind(c.where, info.KVHeads*info.HeadDim, info.Blocks, info.KVHeads); err != nil {
		return err
	}
	if c.EncoderHidden == 0 {
		c.EncoderHidden = c.Dim
	}
	p := &prefix{config: c, words: b.base.Words()}
	for _, l := range b.base.Tree.Layers() {
		if a, ok := l.(*nn.Attention); ok {
			p.attentions = append(p.attentions, a)
		}
	}
	if len(p.attentions) != info.Blocks {
		return fmt.Errorf("%s: %w: the base has %d attentions in %d blocks", c.where, ErrNoSite, len(p.attentions), info.Blocks)
	}
	wide := 2 * c.Layers * c.Dim
	begin := normal(1)
	if c.Zero {
		begin = zeros
	}
	if !c.Projection || b.source != nil && !b.has(encoderKey("embedding.weight")) {
		p.embedding = b.tensor(promptName, promptKey, begin, c.Tokens, wide)
	} else {
		c.network(b, p, wide)
	}
	b.part(p)
	return c.modules(b, peftBare)
}

// peftBare stands before the base's module paths in PEFT's names where a prompt stands beside the model.
const peftBare = "base_model."

const (
	promptKey  = "prompt_embeddings"
	promptName = "prompt_encoder.embedding.weight"
)

// encoderKey is the name of a tensor of the encoder in prompt_encoder.safetensors, behind the file's prefix.
func encoderKey(rest string) string { return "prompt_encoder.default." + rest }

// network adds the tensors of the projection. What it makes, PEFT's own tensor, is read over.
func (c *Prefix) network(b *build, p *prefix, wide int) {
	last := linearInit(c.EncoderHidden)
	if c.Zero {
		last = zeros
	}
	add := func(rest string, init filler, shape ...int) *autograd.Parameter {
		t := b.tensor("prompt_encoder."+rest, encoderKey(rest), init, shape...)
		b.delta.tensors[len(b.delta.tensors)-1].file = encoderFile
		return t
	}
	p.embedding = add("embedding.weight", normal(1), c.Tokens, c.Dim)
	p.hidden = add("transform.0.weight", linearInit(c.Dim), c.EncoderHidden, c.Dim)
	p.hiddenBias = add("transform.0.bias", linearInit(c.Dim), c.EncoderHidden)
	p.out = add("transform.2.weight", last, wide, c.EncoderHidden)
	p.outBias = add("transform.2.bias", last, wide)
	if b.source != nil {
		b.source.taken[promptKey] = true
	}
}

// prefix is the part of prefix tuning: at every attention, and at the input, where it shifts positions.
type prefix struct {
	config     *Prefix
	words      *nn.Embedding
	attentions []*nn.Attention

	embedding          *autograd.Parameter // [n, 2·layers·dim], or [n, dim] before the network
	hidden, hiddenBias *autograd.Parameter // [h, dim], [h]; nil without a network
	out, outBias       *autograd.Parameter // [2·layers·dim, h], [2·layers·dim]
	pass               *nn.Pass
	keysAndValues      *autograd.Value // of pass: [n, 2·layers·dim], a key and a value a layer
}

func (d *prefix) sites() []string {
	var names []string
	for _, a := range d.attentions {
		names = append(names, a.Name)
	}
	return names
}

func (d *prefix) attach() error {
	d.words.AttachInput(d)
	for _, a := range d.attentions {
		a.Attach(d)
	}
	return nil
}

func (d *prefix) detach() {
	for _, a := range d.attentions {
		a.Detach(d)
	}
	d.words.DetachInput(d)
	d.pass, d.keysAndValues = nil, nil
}

// Arrange shifts positions: the prefix takes the first ones. Segments that continue come with
// positions that are shifted already.
func (d *prefix) Arrange(b *nn.Batch, _ int32) {
	if b.Continues {
		return
	}
	for i := range b.Positions {
		b.Positions[i] += int32(d.config.Tokens)
	}
}

// Count is 0: no row of the batch is a virtual token.
func (d *prefix) Count() int { return 0 }

// Vectors records what all attentions of the pass take their part of, and adds no rows.
func (d *prefix) Vectors(p *nn.Pass, _ *nn.Embedding) *autograd.Value {
	d.pass, d.keysAndValues = p, d.values(p)
	return nil
}

func (d *prefix) values(p *nn.Pass) *autograd.Value {
	h := p.Parameter(d.embedding)
	if d.hidden == nil {
		return h
	}
	h = p.Activate(p.AddRow(p.MatMul(h, p.Parameter(d.hidden), false, true, 1), p.Parameter(d.hiddenBias)), compute.Tanh)
	return p.AddRow(p.MatMul(h, p.Parameter(d.out), false, true, 1), p.Parameter(d.outBias))
}

// Prefix is the keys and values [n, dim] of a's block.
func (d *prefix) Prefix(p *nn.Pass, a *nn.Attention) (keys, values *autograd.Value) {
	if d.pass != p {
		d.pass, d.keysAndValues = p, d.values(p)
	}
	at := 2 * slices.Index(d.attentions, a) * d.config.Dim
	return p.Columns(d.keysAndValues, at, at+d.config.Dim), p.Columns(d.keysAndValues, at+d.config.Dim, at+2*d.config.Dim)
}

// save is PEFT's folder: the keys and values as the network makes them, and the network beside.
func (c *Prefix) save(d *Delta) (*folder, error) {
	m := c.common.config("PREFIX_TUNING")
	c.virtual.config(m)
	m["prefix_projection"], m["encoder_hidden_size"] = c.Projection, c.EncoderHidden
	if c.Zero {
		m["init_weights"] = "zero"
	}
	p := d.parts[0].(*prefix)
	f := promptFolder(d, m)
	if p.hidden == nil {
		f.absent = append(f.absent, encoderFile)
		return f, nil
	}
	t := autograd.New(d.base.Tree.Device())
	v := p.values(&nn.Pass{Tape: t})
	if err := t.Forward(v); err != nil {
		return nil, err
	}
	made := v.Data()
	f.tensors[peftFile][promptKey] = tensor.FromFloat32s(tensor.Shape{made.Rows, made.Cols}, slices.Clone(made.Data[:made.Rows*made.Cols]))
	f.tensors[encoderFile] = map[string]*tensor.Tensor{}
	for _, t := range d.tensors {
		if t.file == encoderFile {
			f.tensors[encoderFile][t.key[len("prompt_encoder."):]] = t.tensor()
		}
	}
	return f, nil
}

// promptFolder is a folder of PEFT's with a prompt's one tensor.
func promptFolder(d *Delta, config map[string]any) *folder {
	f := peftFolder(d, config)
	if t, ok := f.tensors[peftFile][promptName]; ok {
		delete(f.tensors[peftFile], promptName)
		f.tensors[peftFile][promptKey] = t
	}
	return f
}

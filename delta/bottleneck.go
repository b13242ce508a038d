package delta

import (
	"strconv"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/nn"
)

func init() {
	for name := range bottlenecks {
		register("adapter", name, parseBottleneck)
	}
}

// Bottleneck is an adapter: a narrow network after attention or after the feed-forward
// network, or beside the latter, as the adapters library defines them. Fields are its keys.
type Bottleneck struct {
	where string
	name  string // the method's, or "adapter" for a configuration without one
	// AdapterName is the name that stands in the tensors' names.
	AdapterName string
	// Attention and Output say where: after attention (mh_adapter), after the feed-forward network (output_adapter).
	Attention, Output bool
	// Reduction is reduction_factor: the width of the base's hidden states over the bottleneck's. Blocks may have
	// one of their own.
	Reduction       float64
	ReductionOf     map[int]float64
	noReductionElse bool // there is no default
	// NonLinearity is non_linearity.
	NonLinearity string
	// NormBefore is original_ln_before: the adapter reads the sublayer's output after it joined
	// the residual stream and, in post-norm models, its norm.
	NormBefore bool
	// Residual is residual_before_ln: what is added to the adapter's output: "true" the sublayer's output,
	// "post_add" that after joining the stream, "false" what the adapter read.
	Residual string
	// Parallel is is_parallel: the adapter reads what the sublayer's block reads, beside the sublayer.
	Parallel bool
	// Scaling multiplies the output; "learned" trains one factor, "channel" one a column.
	Scaling float64
	Learned string
	// Dropout is on the adapter's output, in training.
	Dropout float32
	// LeaveOut are blocks without an adapter.
	LeaveOut []int
	// Init is init_weights: bert, mam_adapter or houlsby.
	Init string

	activation compute.Activation
	class      string // model_class, kept for the library
	baseName   string // model_name, likewise
	hidden     int    // hidden_size, where a folder states it
	seeded     bool
}

// bottlenecks are the configurations that have a name, by the papers: Pfeiffer et al. 2020,
// Houlsby et al. 2019, He et al. 2021.
var bottlenecks = map[string]Bottleneck{
	"seq_bn":        {Output: true, Reduction: 16, NonLinearity: "relu", NormBefore: true, Residual: "true", Scaling: 1, Init: "bert"},
	"double_seq_bn": {Attention: true, Output: true, Reduction: 16, NonLinearity: "swish", Residual: "true", Scaling: 1, Init: "bert"},
	"par_bn":        {Output: true, Reduction: 2, NonLinearity: "relu", Residual: "true", Parallel: true, Scaling: 4, Init: "mam_adapter"},
	"scaled_par_bn": {Output: true, Reduction: 2, NonLinearity: "relu", Residual: "true", Parallel: true, Learned: "learned", Init: "mam_adapter"},
}

// Method is the configuration's name.
func (c *Bottleneck) Method() string { return c.name }

func (c *Bottleneck) build(b *build) error {
	c = copied(b, c)
	if err := c.bind(b); err != nil {
		return err
	}
	found := false
	for _, l := range b.base.Tree.Layers() {
		s, ok := l.(*nn.Sublayer)
		if !ok || s.Attention && !c.Attention || !s.Attention && !c.Output || c.leftOut(s.Block) {
			continue
		}
		reduction, err := c.reduction(s.Block)
		if err != nil {
			return err
		}
		found = true
		c.site(b, s, max(1, int(float64(s.Hidden)/reduction)))
	}
	if !found {
		return c.error(ErrNoSite, "leave_out", "no block is left")
	}
	return nil
}

func (c *Bottleneck) site(b *build, s *nn.Sublayer, width int) {
	at := adapterPlace(s) + c.AdapterName + "."
	tensor := func(name string, init filler, shape ...int) *autograd.Parameter {
		return b.tensor(at+name, at+name, init, shape...)
	}
	down, up := c.inits(s.Hidden)
	p := &bottleneck{config: c, sublayer: s}
	p.down = tensor("adapter_down.0.weight", down, width, s.Hidden)
	p.downBias = tensor("adapter_down.0.bias", zeros, width)
	p.up = tensor("adapter_up.weight", up, s.Hidden, width)
	p.upBias = tensor("adapter_up.bias", zeros, s.Hidden)
	switch c.Learned {
	case "learned":
		p.scaling = tensor("scaling", constant(1), 1)
		p.ones = compute.NewMat(1, s.Hidden, b.device().Alloc(s.Hidden))
		for i := range p.ones.Data {
			p.ones.Data[i] = 1
		}
	case "channel":
		p.scaling = tensor("scaling", constant(1), s.Hidden)
	}
	b.part(p)
}

func (c *Bottleneck) inits(hidden int) (down, up filler) {
	switch c.Init {
	case "mam_adapter":
		return linearInit(hidden), zeros
	case "houlsby":
		return truncated(0.01), truncated(0.01)
	}
	return normal(0.02), normal(0.02)
}

func (c *Bottleneck) leftOut(block int) bool {
	for _, b := range c.LeaveOut {
		if b == block {
			return true
		}
	}
	return false
}

func (c *Bottleneck) reduction(block int) (float64, error) {
	if r, ok := c.ReductionOf[block]; ok {
		return r, nil
	}
	if c.noReductionElse {
		return 0, c.error(ErrConfig, "reduction_factor", "has neither %q nor a default", strconv.Itoa(block))
	}
	return c.Reduction, nil
}

// bottleneck is the part at one sublayer.
type bottleneck struct {
	config         *Bottleneck
	sublayer       *nn.Sublayer
	down, downBias *autograd.Parameter // [width, hidden], [width]
	up, upBias     *autograd.Parameter // [hidden, width], [hidden]
	scaling        *autograd.Parameter // [1] or [hidden]; nil if it does not train
	ones           compute.Mat         // [1, hidden], where scaling is one number
}

func (d *bottleneck) sites() []string { return []string{d.sublayer.Name} }

func (d *bottleneck) attach() error {
	d.sublayer.Attach(d)
	return nil
}

func (d *bottleneck) detach() { d.sublayer.Detach(d) }

// Sublayer is h with the adapter's output, before it joins the residual stream.
func (d *bottleneck) Sublayer(p *nn.Pass, s *nn.Sublayer, _, h, residual *autograd.Value) *autograd.Value {
	x, onto := h, h
	switch {
	case d.config.Parallel:
		x = residual
	case d.config.NormBefore:
		joined := p.Add(h, residual)
		x = joined
		if s.Norm != nil {
			x = s.Norm.Forward(p, joined)
			p.Site = s.Name
		}
		switch {
		case d.config.Residual == "false":
			onto = x
		case d.config.Residual == "post_add" && s.Norm != nil:
			onto = joined
		}
	}
	return p.Add(onto, d.network(p, x))
}

func (d *bottleneck) network(p *nn.Pass, x *autograd.Value) *autograd.Value {
	y := p.AddRow(p.MatMul(x, p.Parameter(d.down), false, true, 1), p.Parameter(d.downBias))
	y = p.Activate(y, d.config.activation)
	y = p.AddRow(p.MatMul(y, p.Parameter(d.up), false, true, 1), p.Parameter(d.upBias))
	switch d.config.Learned {
	case "learned":
		y = p.MulRow(y, p.MatMul(p.Parameter(d.scaling), p.Constant(d.ones), false, false, 1))
	case "channel":
		y = p.MulRow(y, p.Parameter(d.scaling))
	default:
		if d.config.Scaling != 1 {
			y = p.Scale(y, float32(d.config.Scaling))
		}
	}
	return dropout(p, d.down.Name, y, d.config.Dropout)
}

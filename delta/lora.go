package delta

import (
	"fmt"
	"math"
	"slices"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/nn"
)

func init() { register("peft_type", "LORA", parseLoRA) }

// LoRA is low-rank adaptation (Hu et al. 2021): y + s·B·A·x at linear maps and
// embeddings, with s = alpha/r, or alpha/√r (rsLoRA, Kalajdzievski 2023), and with DoRA
// (Liu et al. 2024) the magnitude of the result's rows trained apart. Fields are PEFT's keys.
type LoRA struct {
	common
	targeting

	// Rank is r, Alpha lora_alpha, Dropout lora_dropout: on the input of A, in training.
	Rank    int
	Alpha   float64
	Dropout float32
	// RSLoRA is use_rslora, DoRA use_dora.
	RSLoRA, DoRA bool
	// Bias says which of the base's biases train too: none, all, or lora_only, those of the targets.
	Bias string
	// Init is init_lora_weights: "true", "false", "gaussian", or, of opened folders, what they were begun with.
	Init string

	ranks, alphas []pattern
}

// Method is "LORA".
func (*LoRA) Method() string { return "LORA" }

func parseLoRA(f *fields) (Config, error) {
	c := &LoRA{Rank: 8, Alpha: 8, Bias: "none", Init: "true"}
	c.common.read(f)
	c.targeting.read(f)
	f.read("r", &c.Rank)
	f.read("lora_alpha", &c.Alpha)
	f.read("lora_dropout", &c.Dropout)
	f.read("use_rslora", &c.RSLoRA)
	f.read("use_dora", &c.DoRA)
	f.read("bias", &c.Bias)
	c.ranks, c.alphas = f.patterns("rank_pattern"), f.patterns("alpha_pattern")
	c.readInit(f)
	f.check(c.Rank > 0 && c.Rank <= 1<<20, "r", "is %d, expected a number above 0", c.Rank)
	f.check(c.Alpha > 0, "lora_alpha", "is %g, expected a number above 0", c.Alpha)
	f.check(c.Dropout >= 0 && c.Dropout < 1, "lora_dropout", "is %g, expected from 0 to below 1", c.Dropout)
	f.check(slices.Contains([]string{"none", "all", "lora_only"}, c.Bias), "bias", "is %q, expected none, all or lora_only", c.Bias)
	for _, p := range c.ranks {
		f.check(p.value == math.Trunc(p.value) && p.value <= 1<<20, "rank_pattern", "%q: %g is no rank", p.key, p.value)
	}
	// The layout of a weight is the base's, so fan_in_fan_out, which PEFT corrects too, decides nothing.
	// merge_weights and enable_lora are of PEFT before 0.3, the others set up initialisations or other programs.
	f.unneeded("fan_in_fan_out", "megatron_core", "qalora_group_size", "merge_weights", "eva_config")
	for _, key := range []string{"alora_invocation_tokens", "arrow_config", "corda_config", "kasa_config", "layer_replication", "lora_ga_config",
		"megatron_config", "monteclora_config", "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config", "enable_lora"} {
		f.only(key)
	}
	f.only("loftq_config", "{}")
	for _, key := range []string{"ensure_weight_tying", "lora_bias", "use_qalora"} {
		f.only(key, "false")
	}
	return c, f.finish()
}

// readInit takes init_lora_weights. Those that change the base's weights are not supported.
func (c *LoRA) readInit(f *fields) {
	if f.isString("init_lora_weights") {
		f.read("init_lora_weights", &c.Init)
		supported := []string{"true", "false", "gaussian", "eva", "orthogonal"}
		f.check(slices.Contains(supported, c.Init), "init_lora_weights",
			"%q is not supported: only true, false and \"gaussian\" (and, of trained deltas, \"eva\" and \"orthogonal\"); the others change the base's weights", c.Init)
		return
	}
	begin := true
	f.read("init_lora_weights", &begin)
	c.Init = fmt.Sprint(begin)
}

func (c *LoRA) build(b *build) error {
	c = copied(b, c)
	c.common.bind(b)
	if b.source == nil && (c.Init == "eva" || c.Init == "orthogonal") {
		return fmt.Errorf("%s: init_lora_weights: %w: a delta cannot begin with %q here, only with true, false or \"gaussian\"", c.where, ErrConfig, c.Init)
	}
	layers, err := c.sites(b.base, c.Saved)
	if err != nil {
		return err
	}
	if c.allLinear { // PEFT keeps the names
		c.allLinear, c.list = false, paths(layers)
	}
	used := map[string]bool{}
	for _, l := range layers {
		rank, err := choose(c.ranks, l.Path(), float64(c.Rank), used)
		if err != nil {
			return err
		}
		alpha, err := choose(c.alphas, l.Path(), c.Alpha, used)
		if err != nil {
			return err
		}
		scale := alpha / rank
		if c.RSLoRA {
			scale = alpha / math.Sqrt(rank)
		}
		if err := c.site(b, l, int(rank), float32(scale)); err != nil {
			return err
		}
	}
	for key, list := range map[string][]pattern{"rank_pattern": c.ranks, "alpha_pattern": c.alphas} {
		for _, p := range list {
			if !used[p.key] {
				return fmt.Errorf("%s: %s: %w: %q matches no target%s", c.where, key, ErrNoSite, p.key, nearestSites(p.key, paths(layers)))
			}
		}
	}
	c.biases(b, layers)
	return c.modules(b, peftModel)
}

// site adds the low-rank map of one target.
func (c *LoRA) site(b *build, l nn.Layer, rank int, scale float32) error {
	switch l := l.(type) {
	case *nn.Linear:
		p := &loraLinear{delta: c, layer: l, tree: b.base.Tree, scale: scale}
		p.a = b.tensor(peftModel+l.Name+".lora_A.weight", l.Name+".lora_A.weight", c.initA(l.In, rank), rank, l.In)
		p.b = b.tensor(peftModel+l.Name+".lora_B.weight", l.Name+".lora_B.weight", c.initB(rank), l.Out, rank)
		if c.DoRA {
			if err := p.magnitudes(b); err != nil {
				return err
			}
		}
		b.part(p)
	case *nn.Embedding:
		if c.DoRA {
			return fmt.Errorf("%s: use_dora: %w: %s is an embedding, and DoRA is computed for linear maps only", c.where, ErrConfig, l.Name)
		}
		p := &loraEmbedding{layer: l, tree: b.base.Tree, scale: scale}
		a, bb := zeros, normal(1)
		if c.Init == "false" {
			a = normal(1)
		}
		p.a = b.tensor(peftModel+l.Name+".lora_embedding_A", l.Name+".lora_embedding_A", a, rank, l.Count)
		p.b = b.tensor(peftModel+l.Name+".lora_embedding_B", l.Name+".lora_embedding_B", bb, l.Dim, rank)
		p.identity = identity(rank)
		b.part(p)
	default:
		return fmt.Errorf("%s: target_modules: %w: %s is a norm; LoRA is for linear maps and embeddings", c.where, ErrNoSite, l.Path())
	}
	return nil
}

func (c *LoRA) initA(in, rank int) filler {
	if c.Init == "gaussian" {
		return normal(1 / float64(rank))
	}
	return linearInit(in)
}

func (c *LoRA) initB(rank int) filler {
	if c.Init == "false" {
		return linearInit(rank)
	}
	return zeros
}

// biases adds the base's biases that train too.
func (c *LoRA) biases(b *build, targets []nn.Layer) {
	if c.Bias == "none" {
		return
	}
	seen := map[*nn.Param]bool{}
	for _, l := range b.base.Tree.Layers() {
		target := slices.Contains(targets, l)
		bias := biasOf(l)
		if _, _, saved := savedModule(l.Path(), c.Saved); bias == nil || seen[bias] || saved || c.Bias == "lora_only" && !target {
			continue
		}
		seen[bias] = true
		name := peftModel + l.Path() + ".bias"
		if target {
			name = peftModel + l.Path() + ".base_layer.bias"
		}
		b.part(&ownParam{tree: b.base.Tree, param: bias, values: b.own(name, l.Path()+".bias", bias)})
	}
}

func biasOf(l nn.Layer) *nn.Param {
	switch l := l.(type) {
	case *nn.Linear:
		return l.Bias
	case *nn.Norm:
		return l.Bias
	}
	return nil
}

// loraLinear is LoRA at a linear map.
type loraLinear struct {
	delta     *LoRA
	layer     *nn.Linear
	tree      *nn.Tree
	a, b      *autograd.Parameter // [r, in], [out, r]
	magnitude *autograd.Parameter // [out], DoRA's; or nil
	scale     float32
	inverse   []float32 // DoRA's 1/‖w + s·b·a‖ a row, of the present pass
	untied    bool
}

func (d *loraLinear) sites() []string { return []string{d.layer.Name} }

func (d *loraLinear) attach() error {
	d.layer.Attach(d)
	return nil
}

func (d *loraLinear) detach() { d.layer.Detach(d) }

// Linear is y + s·B·A·drop(x), or what DoRA makes of it.
func (d *loraLinear) Linear(p *nn.Pass, l *nn.Linear, x, y *autograd.Value) *autograd.Value {
	dropped := dropout(p, d.a.Name, x, d.delta.Dropout)
	if d.magnitude != nil {
		return d.dora(p, dropped, y, dropped == x)
	}
	return d.onto(p, dropped, y)
}

func (d *loraLinear) onto(p *nn.Pass, x, y *autograd.Value) *autograd.Value {
	h := p.MatMul(x, p.Parameter(d.a), false, true, 1)
	return p.MatMulOnto(y, h, p.Parameter(d.b), false, true, d.scale)
}

// merge works B·A into the weight; an output layer that is tied gets a weight of its own.
func (d *loraLinear) merge() (string, error) {
	var err error
	if d.untied, err = d.tree.Untie(d.layer); err != nil {
		return "", err
	}
	if err := d.layer.Weight.Merge(d); err != nil {
		d.tie()
		return "", err
	}
	if d.untied {
		return untiedNote(d.layer), nil
	}
	return "", nil
}

func (d *loraLinear) tie() {
	if d.untied {
		d.tree.Tie(d.layer)
		d.untied = false
	}
}

func (d *loraLinear) unmerge() error {
	err := d.layer.Weight.Unmerge(d)
	d.tie()
	return err
}

// Edit adds s·B·A to the weight, and scales its rows where DoRA does.
func (d *loraLinear) Edit(elements, base []float32) error {
	d.add(elements)
	if d.magnitude == nil {
		return nil
	}
	alone := slices.Clone(base) // norms are those of the base's weight with this delta alone
	d.add(alone)
	d.rescale(elements, alone)
	return nil
}

func (d *loraLinear) add(w []float32) {
	dev, rank := d.tree.Device(), d.a.Shape[0]
	a, b := compute.NewMat(rank, d.layer.In, d.a.Data), compute.NewMat(d.layer.Out, rank, d.b.Data)
	if d.layer.Transposed {
		dev.MatMul(compute.NewMat(d.layer.In, d.layer.Out, w), a, b, true, true, d.scale, true)
		return
	}
	dev.MatMul(compute.NewMat(d.layer.Out, d.layer.In, w), b, a, false, false, d.scale, true)
}

// dropout is x with a delta's own dropout, in training.
func dropout(p *nn.Pass, name string, x *autograd.Value, probability float32) *autograd.Value {
	if !p.Training || probability == 0 {
		return x
	}
	return p.Tape.Drop(x, compute.Dropout{P: probability, Seed: p.Seed, Step: p.Step, Site: chance.SiteOf(name, ".dropout")})
}

// loraEmbedding is LoRA at an embedding: the rows ids of Aᵀ, times Bᵀ.
type loraEmbedding struct {
	layer    *nn.Embedding
	tree     *nn.Tree
	a, b     *autograd.Parameter // [r, count], [dim, r]
	scale    float32
	identity compute.Mat // [r, r]
	untied   []*nn.Linear
}

func (d *loraEmbedding) sites() []string { return []string{d.layer.Name} }

func (d *loraEmbedding) attach() error {
	d.layer.Attach(d)
	return nil
}

func (d *loraEmbedding) detach() { d.layer.Detach(d) }

// Embedding is y + s·Aᵀ[ids]·Bᵀ. A product with ones turns A; it is exact.
func (d *loraEmbedding) Embedding(p *nn.Pass, e *nn.Embedding, ids []int32, y *autograd.Value) *autograd.Value {
	rows := p.LookupMat(p.MatMul(p.Parameter(d.a), p.Constant(d.identity), true, false, 1), ids, 1)
	return p.MatMulOnto(y, rows, p.Parameter(d.b), false, true, d.scale)
}

// merge works (B·A)ᵀ into the table; a layer that is tied to it gets a weight of its own first.
func (d *loraEmbedding) merge() (note string, err error) {
	for _, l := range d.tree.Sharing(d.layer.Weight) {
		if l, ok := l.(*nn.Linear); ok {
			if _, err := d.tree.Untie(l); err != nil {
				d.tie()
				return "", err
			}
			d.untied, note = append(d.untied, l), untiedNote(l)
		}
	}
	if err := d.layer.Weight.Merge(d); err != nil {
		d.tie()
		return "", err
	}
	return note, nil
}

func (d *loraEmbedding) tie() {
	for _, l := range d.untied {
		d.tree.Tie(l)
	}
	d.untied = nil
}

func (d *loraEmbedding) unmerge() error {
	err := d.layer.Weight.Unmerge(d)
	d.tie()
	return err
}

// Edit adds s·(B·A)ᵀ to the table.
func (d *loraEmbedding) Edit(elements, _ []float32) error {
	rank := d.a.Shape[0]
	d.tree.Device().MatMul(compute.NewMat(d.layer.Count, d.layer.Dim, elements), compute.NewMat(rank, d.layer.Count, d.a.Data),
		compute.NewMat(d.layer.Dim, rank, d.b.Data), true, true, d.scale, true)
	return nil
}

func identity(n int) compute.Mat {
	m := compute.NewMat(n, n, make([]float32, n*n))
	for i := range n {
		m.Row(i)[i] = 1
	}
	return m
}

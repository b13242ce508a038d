package train

import (
	"math"
	"regexp"

	"trimtab/autograd"
	"trimtab/compute"
)

// Optimizer is AdamW over a list of parameters, its moments in float32 or, as bitsandbytes' AdamW8bit has them, in 8 bits.
type Optimizer struct {
	// Parameters are what it steps, in an order that checkpoints do not depend on.
	Parameters []*autograd.Parameter
	// Step counts the steps taken.
	Step int

	dev     compute.Device
	options Options
	decays  []bool
	moments []moments
}

// moments are those of a parameter: in float32, or in 8 bits.
type moments struct {
	first, second   []float32
	first8, second8 compute.Moment
}

// The names that Options.Optim may have are transformers'; adamw_8bit is a second one of the last.
const (
	AdamW     = "adamw_torch"
	AdamW8    = "adamw_bnb_8bit"
	adamW8Too = "adamw_8bit"
)

// smallest8 is the number of elements below which a parameter's moments stay float32, bitsandbytes' min_8bit_size.
const smallest8 = 4096

// eight reports whether the moments of a parameter of n elements are held in 8 bits.
func (o *Options) eight(n int) bool { return o.Optim == AdamW8 && n >= smallest8 }

// lends reports whether gradients may lie in a tape's memory: those of one batch are a step's.
func (o *Options) lends() bool { return o.Accumulation <= 1 }

// Bytes is the memory of a parameter of n elements that trains, beside a batch's tensors: its elements, its gradient where
// that adds up over batches, and its moments.
func (o *Options) Bytes(n int) int64 {
	bytes := 4*int64(n) + o.MomentBytes(n)
	if !o.lends() {
		bytes += 4 * int64(n)
	}
	return bytes
}

// MomentBytes is the memory of the moments of a parameter of n elements.
func (o *Options) MomentBytes(n int) int64 {
	if o.eight(n) {
		return 2 * compute.MomentBytes(n)
	}
	return 8 * int64(n)
}

// NewOptimizer makes an optimizer whose moments are zero.
func NewOptimizer(dev compute.Device, params []*autograd.Parameter, o Options) *Optimizer {
	opt := &Optimizer{Parameters: params, dev: dev, options: o}
	for _, p := range params {
		opt.decays = append(opt.decays, o.Decays(p.Name))
		n, m := len(p.Data), moments{}
		if o.eight(n) {
			m.first8, m.second8 = dev.AllocMoment(n), dev.AllocMoment(n)
		} else {
			m.first, m.second = dev.Alloc(n), dev.Alloc(n)
		}
		opt.moments = append(opt.moments, m)
	}
	return opt
}

// isBiasOrNorm knows biases and the parameters of norms by name, as transformers' Trainer does.
var isBiasOrNorm = regexp.MustCompile(`(?i)(^|[._])bias$|layer_?norm|rmsnorm|(^|\.)norm(\.|$)|_norm(\.|$)|(^|\.)ln_`)

// Decays reports whether weight decay acts on a parameter, by its name.
func (o *Options) Decays(name string) bool {
	return o.NoDecay == "none" || !isBiasOrNorm.MatchString(name)
}

// GradientNorm is the global norm of all gradients, in float64.
func (o *Optimizer) GradientNorm() float64 {
	sum := 0.0
	for _, p := range o.Parameters {
		sum += o.dev.SumSquares(p.Grad)
	}
	return math.Sqrt(sum)
}

// Update takes a step with a learning rate, clipping the gradient as the options
// say, forgets the gradient, and returns the norm that it had. One that is not finite is no step: nothing changes.
func (o *Optimizer) Update(rate float64) (norm float64) {
	for _, p := range o.Parameters {
		p.NeedGrad(o.dev) // the loss may not depend on it
	}
	norm = o.GradientNorm()
	if notFinite(norm) {
		return norm
	}
	scale := 1.0
	if limit := o.options.MaxGradNorm; limit != nil && *limit > 0 {
		scale = min(1, *limit/(norm+1e-6))
	}
	o.Step++
	for i, p := range o.Parameters {
		a := compute.AdamW{LearningRate: rate, Beta1: o.options.Beta1, Beta2: o.options.Beta2, Epsilon: o.options.Epsilon,
			Step: o.Step, GradientScale: float32(scale)}
		if o.decays[i] {
			a.WeightDecay = o.options.WeightDecay
		}
		if m := &o.moments[i]; m.first != nil {
			o.dev.AdamW(p.Data, p.Grad, m.first, m.second, a)
		} else {
			o.dev.AdamW8(p.Data, p.Grad, m.first8, m.second8, a)
		}
		p.ZeroGrad()
	}
	return norm
}

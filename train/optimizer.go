package train

import (
	"math"
	"regexp"

	"trimtab/autograd"
	"trimtab/compute"
)

// Optimizer is AdamW over a list of parameters.
type Optimizer struct {
	// Parameters are what it steps, in an order that checkpoints do not depend on.
	Parameters []*autograd.Parameter
	// Step counts the steps taken.
	Step int

	dev     compute.Device
	options Options
	decays  []bool
	first   [][]float32
	second  [][]float32
}

// NewOptimizer makes an optimizer whose moments are zero.
func NewOptimizer(dev compute.Device, params []*autograd.Parameter, o Options) *Optimizer {
	opt := &Optimizer{Parameters: params, dev: dev, options: o}
	for _, p := range params {
		opt.decays = append(opt.decays, o.Decays(p.Name))
		opt.first = append(opt.first, dev.Alloc(len(p.Data)))
		opt.second = append(opt.second, dev.Alloc(len(p.Data)))
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
		o.dev.AdamW(p.Data, p.Grad, o.first[i], o.second[i], a)
		p.ZeroGrad()
	}
	return norm
}

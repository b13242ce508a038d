package exchange

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tensor"
)

// StepOptions are the settings of AdamW, named as in transformers' TrainingArguments.
type StepOptions struct {
	// Steps is how many are taken on the one batch.
	Steps int
	// LearningRate and WeightDecay are as given; zero is zero.
	LearningRate, WeightDecay float64
	// Beta1, Beta2 and Epsilon are PyTorch's 0.9, 0.999 and 1e-8 where zero.
	Beta1, Beta2, Epsilon float64
	// MaxGradNorm clips the norm of all gradients; 0 does not.
	MaxGradNorm float64
	// Linear lets the learning rate rise from 0 for WarmupSteps and then fall to 0; else it is constant.
	Linear      bool
	WarmupSteps int
	// NoDecay names the parameters that do not decay; nil for none.
	NoDecay func(name string) bool
	// Report is called after each step, counted from 1, with its loss and gradient norm; an error ends the training. Nil for not at all.
	Report func(step int, loss, norm float64) error
}

// Trajectory is what steps of training did.
type Trajectory struct {
	// Losses and GradientNorms are those of each step, before its update and before clipping.
	Losses, GradientNorms []float64
	// Gradients are those of the first step, before clipping; Trained the parameters in the end. Both by name.
	Gradients, Trained map[string]*tensor.Tensor
}

// ErrNotFinite is wrapped by the error of a step whose loss or gradient is no number any more.
var ErrNotFinite = errors.New("not finite")

// Step trains params by AdamW on the one batch. It ends with an error that wraps [ErrNotFinite] where that leads to no numbers.
func (in *Input) Step(base *model.Base, dev compute.Device, params []*autograd.Parameter, o StepOptions) (*Trajectory, error) {
	if len(params) == 0 {
		return nil, errors.New("nothing trains")
	}
	if in.Classes == nil && in.Tokens == nil {
		return nil, fmt.Errorf("%s: %w: there are no labels", in.Path, ErrInput)
	}
	tape, result := autograd.New(dev), &Trajectory{}
	moments := make([][2][]float32, len(params))
	for i, p := range params {
		moments[i] = [2][]float32{dev.Alloc(len(p.Data)), dev.Alloc(len(p.Data))}
	}
	for step := range o.Steps {
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Gradients = params
		loss, err := in.Backward(tape, base)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", step+1, err)
		}
		if step == 0 {
			result.Gradients = collect(params, func(p *autograd.Parameter) []float32 { return p.Grad })
		}
		norm := gradientNorm(dev, params)
		if err := finite(step+1, loss, norm); err != nil {
			return nil, err
		}
		result.Losses, result.GradientNorms = append(result.Losses, loss), append(result.GradientNorms, norm)
		settings := o.at(step, norm)
		for i, p := range params {
			s := settings
			if o.NoDecay != nil && o.NoDecay(p.Name) {
				s.WeightDecay = 0
			}
			dev.AdamW(p.Data, p.Grad, moments[i][0], moments[i][1], s)
		}
		if o.Report != nil {
			if err := o.Report(step+1, loss, norm); err != nil {
				return nil, err
			}
		}
	}
	result.Trained = collect(params, func(p *autograd.Parameter) []float32 { return p.Data })
	return result, nil
}

// finite is an error if a step's loss or gradient is no number.
func finite(step int, loss, norm float64) error {
	what, value := "loss", loss
	if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		what, value = "gradient's norm", norm
	}
	switch {
	case !math.IsNaN(value) && !math.IsInf(value, 0):
		return nil
	case step == 1:
		return fmt.Errorf("step 1: %w: its %s is %v before anything was trained; look for weights of the base or the delta that are not finite or very large", ErrNotFinite, what, value)
	}
	return fmt.Errorf("step %d: %w: its %s is %v; a smaller learning rate, or clipping the gradient's norm, may help", step, ErrNotFinite, what, value)
}

// Backward runs the loss forward and backward on a tape, and returns it. Gradients
// are added to what the parameters have.
func (in *Input) Backward(tape *autograd.Tape, base *model.Base) (float64, error) {
	tape.Reset()
	p, err := in.pass(tape)
	if err != nil {
		return 0, err
	}
	out, err := in.record(p, base)
	if err != nil {
		return 0, err
	}
	if out.loss == nil {
		return 0, fmt.Errorf("%s: %w: a bare model has no loss", in.Path, ErrInput)
	}
	if err := tape.Backward(out.loss); err != nil {
		return 0, err
	}
	return float64(out.loss.Data().Data[0]), nil
}

// at is the settings of one step.
func (o StepOptions) at(step int, norm float64) compute.AdamW {
	s := compute.AdamW{LearningRate: o.LearningRate, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon,
		WeightDecay: o.WeightDecay, Step: step + 1, GradientScale: 1}
	if s.Beta1 == 0 {
		s.Beta1 = 0.9
	}
	if s.Beta2 == 0 {
		s.Beta2 = 0.999
	}
	if s.Epsilon == 0 {
		s.Epsilon = 1e-8
	}
	if o.Linear {
		rise, fall := float64(step)/float64(max(1, o.WarmupSteps)), float64(o.Steps-step)/float64(max(1, o.Steps-o.WarmupSteps))
		if step < o.WarmupSteps {
			s.LearningRate *= rise
		} else {
			s.LearningRate *= max(0, fall)
		}
	}
	if clip := o.MaxGradNorm / (norm + 1e-6); o.MaxGradNorm > 0 && clip < 1 {
		s.GradientScale = float32(clip)
	}
	return s
}

func gradientNorm(dev compute.Device, params []*autograd.Parameter) float64 {
	sum := 0.0
	for _, p := range params {
		sum += dev.SumSquares(p.Grad)
	}
	return math.Sqrt(sum)
}

func collect(params []*autograd.Parameter, of func(*autograd.Parameter) []float32) map[string]*tensor.Tensor {
	m := map[string]*tensor.Tensor{}
	for _, p := range params {
		m[p.Name] = tensor.FromFloat32s(p.Shape, slices.Clone(of(p)))
	}
	return m
}

// Trainable makes parameters of the base trainable and returns them: "full" is all of
// them, "bitfit" every bias and the classification head, "head" the head alone.
func Trainable(base *model.Base, what string) ([]*autograd.Parameter, error) {
	head := base.Info().Head
	inHead := func(name string) bool {
		return slices.ContainsFunc(head, func(module string) bool { return strings.HasPrefix(name, module+".") })
	}
	var chosen func(name string) bool
	switch what {
	case "full":
		chosen = func(string) bool { return true }
	case "bitfit":
		chosen = func(name string) bool { return strings.HasSuffix(name, ".bias") || inHead(name) }
	case "head":
		chosen = inHead
	default:
		return nil, fmt.Errorf("train %q: expected full, bitfit or head", what)
	}
	var params []*autograd.Parameter
	for _, q := range base.Tree.Params() {
		if !chosen(q.Name) {
			continue
		}
		p, err := q.Train()
		if err != nil {
			return nil, err
		}
		params = append(params, p)
	}
	if len(params) == 0 {
		return nil, fmt.Errorf("train %q: the model has no such parameters", what)
	}
	return params, nil
}

// BiasesAndNorms is a NoDecay for the biases and the norms of a base.
func BiasesAndNorms(base *model.Base) func(name string) bool {
	norms := map[string]bool{}
	for _, l := range base.Tree.Layers() {
		if n, ok := l.(*nn.Norm); ok {
			for _, q := range n.Params() {
				norms[q.Name] = true
			}
		}
	}
	return func(name string) bool { return strings.HasSuffix(name, ".bias") || norms[name] }
}

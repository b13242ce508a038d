package kernel

import "math"

// AdamW holds the numbers of one step of torch.optim.AdamW; NewAdamW makes them.
type AdamW struct {
	Keep      float32 // 1 - learning rate · weight decay
	OneMinus1 float32 // 1 - beta1
	Beta2     float32
	OneMinus2 float32 // 1 - beta2
	StepSize  float32 // learning rate / (1 - beta1^step)
	Root2     float32 // √(1 - beta2^step)
	Eps       float32
}

// NewAdamW makes the numbers of step number step, counted from 1, in float64 as PyTorch does.
func NewAdamW(rate, beta1, beta2, eps, decay float64, step int) AdamW {
	return AdamW{
		Keep:      float32(1 - rate*decay),
		OneMinus1: float32(1 - beta1),
		Beta2:     float32(beta2),
		OneMinus2: float32(1 - beta2),
		StepSize:  float32(rate / (1 - math.Pow(beta1, float64(step)))),
		Root2:     float32(math.Sqrt(1 - math.Pow(beta2, float64(step)))),
		Eps:       float32(eps),
	}
}

// AdamW does one step (Loshchilov and Hutter, decoupled decay) on parameters p with gradients g, mean m and squares v:
//
//	p ← p·Keep;  m ← m + (1-β1)(g - m);  v ← β2·v + (1-β2)·g²;  p ← p - StepSize·m / (√v/Root2 + Eps)
//
// g, m and v are at least as long as p; none overlap.
func (s *Set) AdamW(p, g, m, v []float32, step *AdamW) {
	n := len(p)
	s.adamw(p, g[:n], m[:n], v[:n], step)
}

func adamwGeneric(p, g, m, v []float32, s *AdamW) {
	for i := range p {
		m[i] += float32(s.OneMinus1 * (g[i] - m[i]))
		v[i] = float32(v[i]*s.Beta2) + float32(s.OneMinus2*g[i]*g[i])
		denominator := float32(math.Sqrt(float64(v[i])))/s.Root2 + s.Eps
		p[i] = float32(p[i]*s.Keep) - float32(s.StepSize*(m[i]/denominator))
	}
}

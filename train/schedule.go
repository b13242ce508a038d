package train

import "math"

// Rate is the learning rate of step (from 0) of total, as transformers' schedules
// of the same names give it.
func (o *Options) Rate(step, total int) float64 {
	warmup := o.Warmup(total)
	if o.Schedule == "constant" {
		return o.LearningRate
	}
	if step < warmup {
		return o.LearningRate * float64(step) / float64(max(1, warmup))
	}
	progress := float64(step-warmup) / float64(max(1, total-warmup))
	switch o.Schedule {
	case "linear":
		return o.LearningRate * max(0, 1-progress)
	case "cosine":
		return o.LearningRate * max(0, 0.5*(1+math.Cos(math.Pi*progress)))
	case "inverse_sqrt":
		timescale := float64(warmup)
		if warmup == 0 {
			timescale = 10_000
		}
		return o.LearningRate / math.Sqrt((float64(step)+timescale-float64(warmup))/timescale)
	}
	return o.LearningRate // constant_with_warmup
}

// Warmup is the number of steps, of total, in which the rate rises.
func (o *Options) Warmup(total int) int {
	if o.WarmupSteps > 0 {
		return o.WarmupSteps
	}
	return int(math.Ceil(o.WarmupRatio * float64(total)))
}

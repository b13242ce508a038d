package cpu

import (
	"fmt"

	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/internal/kernel"
)

// activate is y = f(x); y may be x.
func activate(k *kernel.Set, f compute.Activation, y, x []float32) {
	switch f {
	case compute.Identity:
		copy(y, x)
	case compute.GELU:
		k.GELU(y, x)
	case compute.GELUTanh:
		k.GELUTanh(y, x)
	case compute.SiLU:
		k.SiLU(y, x)
	case compute.ReLU:
		k.ReLU(y, x)
	case compute.Tanh:
		k.Tanh(y, x)
	case compute.Sigmoid:
		k.Sigmoid(y, x)
	default:
		panic(fmt.Sprintf("cpu: activation %d", f))
	}
}

// activateBackward is dx = dy∘f′(x); dx may be dy or x.
func activateBackward(k *kernel.Set, w *worker, f compute.Activation, dx, dy, x []float32) {
	switch f {
	case compute.Identity:
		copy(dx, dy)
	case compute.GELU:
		k.GELUBackward(dx, x, dy)
	case compute.GELUTanh:
		k.GELUTanhBackward(dx, x, dy)
	case compute.SiLU:
		k.SiLUBackward(dx, x, dy)
	case compute.ReLU:
		k.ReLUBackward(dx, x, dy)
	case compute.Tanh:
		y := w.floats(workerTemp2, len(x))
		k.Tanh(y, x)
		k.TanhBackward(dx, y, dy)
	case compute.Sigmoid:
		y := w.floats(workerTemp2, len(x))
		k.Sigmoid(y, x)
		k.SigmoidBackward(dx, y, dy)
	default:
		panic(fmt.Sprintf("cpu: activation %d", f))
	}
}

// dropout is y = x with dropout, x[0] being element first; y may be x.
func dropout(k *kernel.Set, y, x []float32, r *compute.Dropout, first uint64) {
	switch {
	case r.P <= 0:
		copy(y, x)
	case r.P >= 1:
		clear(y)
	default:
		k.Dropout(y, x, chance.Key{Seed: r.Seed, Step: r.Step, Site: r.Site}, first, float64(r.P))
	}
}

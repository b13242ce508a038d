package near

import "testing"

// The tolerances of this repository, each within |a-b| <= t*(1+|b|).
const (
	// Exact is for numbers that must be the same value: copies, counts, and
	// results that are defined to the bit. For bit patterns (signed zeros,
	// NaN payloads) use [Bits].
	Exact = 0

	// Logits bounds a model's outputs against the Python libraries: logits,
	// scores of verbalizers, start and end logits, pooled rows.
	Logits = 1e-5
	// Hidden bounds hidden states after every block.
	Hidden = 1e-5
	// Embedding bounds sentence vectors.
	Embedding = 1e-5
	// Loss bounds the losses of a training trajectory of some ten steps.
	Loss = 1e-5
	// Gradient bounds the gradients of a whole model's first step, in float32,
	// against those that a float64 reference computed.
	Gradient = 1e-5
	// Final bounds trained tensors after some ten steps of AdamW, which divides
	// by the gradient's own size and so amplifies rounding.
	Final = 1e-4
	// Merge bounds outputs of a base with a delta worked into its weights
	// against the same delta beside them.
	Merge = 1e-5

	// Kernel bounds one kernel of one tier against its plain Go twin: both
	// accumulate in float32, in different orders.
	Kernel = 2e-6

	// Elementwise, Norm, Product and Attention are Kernel for the operations of a
	// device, by the class that compute's table of operations gives them ([Class]).
	// The last two sum over a thousand products and more, where float32 sums in
	// two orders differ by more when the terms cancel.
	Elementwise = Kernel
	Norm        = Kernel
	Product     = 5e-6
	Attention   = 5e-6

	// Sum bounds a float32 sum of products against the float64 one, relative to
	// the sum of the terms' magnitudes: see [Sums].
	Sum = 3e-7
	// Twin bounds a float32 operation against its float64 twin.
	Twin = 1e-5
	// EightBits bounds products, and scores of a small model, whose rows are rounded to 8 bits,
	// against those of rows that are not, or where a few of their elements are rounded otherwise.
	EightBits = 1e-2
	// Autocast bounds losses of a small model whose products round both sides to bfloat16, 8 bits of significand, against float32's.
	Autocast = 1e-2
	// Direction bounds a derivative along a random direction, analytic against
	// finite differences, both in float64.
	Direction = 1e-6
	// Float64 bounds formulas computed twice in float64: schedules, metrics,
	// optimizer arithmetic against a written-out reference.
	Float64 = 1e-12
	// Deviation bounds relative errors of quantized weights and of the states
	// behind them, and perplexities, against the Python libraries.
	Deviation = 5e-5
	// Printed bounds a number that was read back from text with six digits.
	Printed = 1e-5
)

// Class returns the tolerance of a class of operations by its name. A name that
// is none ends the test.
func Class(t testing.TB, name string) float64 {
	t.Helper()
	switch name {
	case "Elementwise":
		return Elementwise
	case "Norm":
		return Norm
	case "Product":
		return Product
	case "Attention":
		return Attention
	}
	t.Fatalf("no class of tolerances is called %q", name)
	return 0
}

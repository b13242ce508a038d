// Package autograd records a computation, plans its memory, and runs it forward
// and backward on a [compute.Device].
//
// # Record, plan, run
//
// A [Tape]'s methods record operations and compute nothing: they return a
// [Value], a matrix whose shape is known and whose elements are not. Forward or
// Backward then plan and run what was recorded. Because the whole computation is
// known before it runs, the lifetime of every matrix is too: the plan gives each
// a place in one arena, so that memory is shared by whatever is not alive at the
// same time, a step allocates nothing once the arena has grown, and [Tape.Cost]
// tells the memory of a run that never happens.
//
// # Gradients
//
// Only what trains is differentiated: a value needs a gradient if a [Parameter]
// stands behind it, and no gradient is computed or stored for the rest. Recording
// an operation without a backward on a value that needs a gradient is an error
// that names the operation and the site. Gradients of parameters add up over
// runs until [Parameter.ZeroGrad], in memory of their own; those of [Tape.Gradients] lie in the arena: each has its place there from when
// it is made, when much of what the backward reads is not needed any more.
//
// # Errors
//
// Methods that record return no error, so that a model reads like its paper. The
// first mistake sticks to the tape and is returned by the run.
//
// # What it never does
//
// It knows nothing of layers, models or deltas, and it holds no parameters.
package autograd

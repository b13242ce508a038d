// Package compute is the floor on which models stand: the Device interface,
// about forty fused operations of a transformer, forward and backward, on
// matrices of float32.
//
// # What it promises
//
// A batch has no padding. Every operation works on a matrix [rows, columns]
// whose rows are the tokens of all segments, one after another; only attention
// knows where a segment begins ([Attention.Query], [Attention.Key]).
//
// Results depend on shapes and values only: sums are split by shape, never by
// the number of threads, and chance is addressed ([Dropout]). One thread and
// many give the same bits.
//
// # Who adds and who overwrites
//
// A forward operation overwrites its outputs. A backward operation takes a flag
// add for every gradient of an activation: false writes it, true adds to it.
// Gradients of parameters (vectors of a norm, a bias, a weight that trains) are
// always added to, so that micro-batches accumulate.
//
// # The table
//
// [Operations] has a row for each operation: what it is called, what its
// backward keeps, what it costs, and which class of tolerance its tests use. An
// operation without a backward says so in its row; autograd refuses to record it
// on a value that needs a gradient. The cases of every operation are in
// compute/cases, once, for tests, benchmarks and documentation.
//
// # What it never does
//
// It knows nothing of models, sites or files, keeps no state but packed weights,
// and allocates no device memory behind a caller's back. Misuse of shapes by a
// programmer panics; values never do.
package compute

// Package tensor holds what every room above agrees on about arrays: element types,
// shapes, and tensors in host memory.
//
// A [Tensor] is row-major, little-endian bytes with a type and a shape, just as files hold
// it. Its bytes may be a view of a mapped file, so nobody writes to the data of a tensor
// that they did not make. Sizes are computed with overflow checks: a shape from a stranger's
// file can make an error, never a panic or a huge allocation.
//
// The package promises that a view stays a view where the type and the alignment allow it
// ([Tensor.Float32s] of an aligned F32 tensor copies nothing), and that conversions are exact
// where the target can hold the value and rounded to nearest, ties to even, where it cannot.
//
// It never computes: arithmetic belongs to compute.
package tensor

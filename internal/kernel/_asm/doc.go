// Command asm generates the assembly of internal/kernel, one file of code and one of declarations for each
// family of kernels and each tier, and the list of their sums:
//
//	go run . ..
//
// A kernel is described once, in terms of vectors of any width; a tier says what the width is, how masks work and which
// register tiles there are. The command knows nothing of what its kernels are for: package kernel says that.
package main

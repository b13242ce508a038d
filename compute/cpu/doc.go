// Package cpu is the compute device that every build has: the processor's cores.
//
// # What it promises
//
// Every operation of [compute.Device], with results that depend on shapes and
// values only: work is split by shape, so one thread and many give the same
// bits. Nothing is allocated on the Go heap by a call in steady state; scratch
// memory belongs to the device, is reused, and is counted by
// [Device.ScratchBytes].
//
// # What it never does
//
// It starts no thread before the first operation that has work for two, burns
// no time while nothing is asked of it, and keeps no reference to a caller's
// matrices after a call.
package cpu

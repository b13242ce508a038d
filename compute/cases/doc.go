// Package cases has, once, what every operation of compute's table is tried on:
// shapes and settings, a twin in float64 that is written straight from the
// operation's definition, forward and backward, and the runner that puts a case
// to a device.
//
// # What it promises
//
// Every row of [compute.Operations] has cases ([All]), and a test says so. Case and
// twin share no code with a device. A run hands the device matrices with gaps
// between rows and guard bands around them, fills what it must overwrite with NaN,
// and tells every element that was written and should not have been. Tests of a
// device compare [Case.Run] with [Case.Expect]; `trimtab bench` times [Bench];
// docs/operations.md is made of the same lists.
//
// # What it never does
//
// It compares no numbers: tests do, through internal/near.
package cases

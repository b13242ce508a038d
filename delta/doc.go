// Package delta holds the methods that adapt a base by small sets of tensors:
// what they do at sites, how they are attached, taken off and merged, and the
// folders in which PEFT and AdapterHub keep them.
//
// A [Config] says what a delta is to be; [Parse] reads it from PEFT's
// adapter_config.json, from AdapterHub's, or from a recipe. [New] makes a fresh
// delta for a base, [Open] one from a folder. Any number of deltas may be made for
// one base, and be on it at once:
//
//	d, err := delta.Open("runs/sst2/lora", base, delta.Options{})
//	err = d.Attach() // and later d.Detach(), in any order among deltas
//
// # What it promises
//
// The base is as published, to the bit, when nothing is attached or merged any
// more, in whatever order that came about. Merging starts from the base's own
// weights in float32; Unmerge restores them.
//
// Nothing is silently ignored: every key of a configuration is read, or known to
// change nothing, or an error; every tensor of a folder lands on a site; every
// target matches one. Errors name file and key, and the nearest names that would
// be right.
//
// Folders are those that PEFT and AdapterHub write, tensor for tensor; what they
// cannot say stands beside them in trimtab.json ([Sidecar]). docs/deltas.md lists
// the methods, docs/formats/peft.md, adapterhub.md and trimtab.md the formats.
//
// # How a method is written
//
// A method is one file: a Config that is registered by the key and name under
// which configurations ask for it, and parts, each of which puts something into
// one slot of one site (see package nn). Tensors are asked from a [build], which
// draws them afresh or takes them from a folder.
//
// # What it never does
//
// It trains nothing, knows no prompt, and runs nothing that a folder holds.
package delta

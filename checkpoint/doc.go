// Package checkpoint reads and writes files of named tensors.
//
// It reads safetensors and PyTorch's files (zip archives and the older sequence of pickles),
// one file or many shards behind one name space, and writes safetensors only. [Open] maps files
// and looks at their headers: it takes time with the number of tensors, not with their size. A
// [File]'s tensors are views of the mapped files.
//
// What it promises about strangers' files: every rule of docs/formats/safetensors.md and
// docs/formats/torch.md is checked before memory is asked for, a broken file is an error that
// wraps one of this package's sentinels and names file, tensor, what was found and what was
// expected, and nothing in a pickle is ever executed: the few classes that tensors need are built by
// this package, every other one is refused by name.
//
// What is written appears whole or not at all, and the same tensors make the same bytes, those
// that the safetensors library writes.
//
// The package never knows what a tensor is for. It offers [ModernName] and [Unneeded] to those who do.
package checkpoint

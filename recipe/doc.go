// Package recipe turns one YAML file into a wired run: base, data, template and
// verbalizer or head, deltas, training. It is the only room that knows all others.
//
// A recipe is strict: an unknown key, a value out of range, a label that the
// verbalizer does not have, a text that is too long where nothing says how to cut
// it, is an error with file, line or key, what was found and what would be right.
//
// One Go struct ([Recipe], [Pretraining]) yields the decoder, the defaults, the
// JSON Schema and the table of keys in the documentation.
package recipe

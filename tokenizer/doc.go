// Package tokenizer turns text into token ids and back, as Hugging Face's
// tokenizers library does.
//
// A tokenizer is read from a transformers folder (Open), from the bytes of a
// tokenizer.json (Parse), or trained from text (TrainWordPiece, TrainBPE). It
// is a pipeline: added tokens are cut out of the text, what is left is
// normalized, split into words, the model turns words into tokens, and the
// post-processor puts special tokens around them. Every token knows the bytes
// of the original text that it came from.
//
// Patterns are matched by an engine of its own, in the part of Oniguruma's syntax
// that tokenizers use: regexp and its relatives differ in what ^, \w and ?+ mean.
// Characters are classified by generated tables, since the library's parts know
// different versions of Unicode.
//
// The package promises:
//   - ids, tokens, offsets, type ids and decoded text are those of the
//     tokenizers library, version 0.23;
//   - a component, an option or a key that it does not know is an error that
//     names it, never a guess;
//   - text that is not valid UTF-8 is an error (ErrNotUTF8);
//   - a Tokenizer never changes after it was made: any number of goroutines
//     may use one.
//
// It never downloads anything, never looks at a model's name, and knows nothing
// of models, batches or tensors.
package tokenizer

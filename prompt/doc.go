// Package prompt turns examples into model input and what a model says at the
// masks into class scores.
//
// A [Template] is written in OpenPrompt's language, or in a short form of it:
//
//	{"placeholder": "sentence"} It was {"mask"}.
//	{sentence} It was {mask}.
//
// The language is parsed here and never evaluated; docs/formats/template.md
// states it in numbered rules. [Template.Bind] joins a template to a
// tokenizer, and [BoundTemplate.Wrap] then makes the ids of one example, knows
// the role of every token and cuts what is too long, without ever removing a
// mask, a soft token or a word of the template.
//
// A [Verbalizer] names the words that stand for each class.
// [Verbalizer.Bind] finds their ids; [BoundVerbalizer.Scores] is the plain
// float64 statement of how logits become class scores, and a [Scorer] is the
// same computation recorded on a tape, for training.
//
// # Promises
//
// Nothing in a template is executed. Every error of a template names its
// column. A template, a verbalizer and what they are bound to are never
// changed by use: any number of goroutines may share them. What a template
// makes of an example depends on the template, the tokenizer and the example
// only.
//
// # Never
//
// This package loads no models, knows no deltas and reads no files.
package prompt

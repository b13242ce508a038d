// Package data reads examples from files and deals them out: rows with fields by name, classes
// of labels, few-shot samples, splits, and batches.
//
// [Read] takes tab- or comma-separated files, JSON, JSON lines, TREC's lines and plain text,
// compressed with gzip or not. A bad row is an error that names the file and the line and
// wraps one of this package's sentinels; nothing is skipped but what the format's comment
// says.
//
// Samples, splits and orders are functions of a seed (and an epoch) alone, drawn from package
// chance: any machine, any number of threads and any resumed run deal out the same rows.
//
// The package never knows what a row is for: recipes name the fields, prompts make text of
// them, tokenizers count their lengths.
package data

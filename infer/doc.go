// Package infer uses models: it generates text from a causal language model, with
// a cache of keys and values, and makes vectors of texts as sentence-transformers does.
//
// Many prompts generate in one packed batch; each leaves it when it is done. What
// is drawn depends on the seed, the prompt's number and the token's place only, and a
// prompt's tokens do not depend on the others beside it.
//
// It never trains and changes no model: deltas are attached by who calls it.
package infer

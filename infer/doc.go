// Package infer uses models: it generates text from a causal language model, with
// a cache of keys and values, and makes vectors of texts as sentence-transformers does.
//
// Many prompts generate in one packed batch; each leaves it when it is done. What
// is drawn for a token depends on the seed, the prompt's number and the token's place
// only. Prompts do not see each other; the last bits of scores may depend on how many there are.
//
// It never trains and changes no model: deltas are attached by who calls it.
package infer

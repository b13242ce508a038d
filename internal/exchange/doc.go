// Package exchange runs models on tensors of a file and gives tensors back, in
// the names, shapes and conventions of transformers: for comparing with other
// libraries, number by number. The verbs forward and step are thin over it.
//
// # Inputs
//
//	input_ids       [segments, width]  integers
//	attention_mask  [segments, width]  1 for a token, 0 for padding on the right; ones where absent
//	token_type_ids  [segments, width]  zeros where absent
//	labels          [segments], a class each, or [segments, width], a token each, -100 where none counts
//
// Other tensors of a file are ignored, so that a file of inputs and expected
// outputs can be given as it is.
//
// # Outputs
//
//	logits           [segments, width, vocabulary] or [segments, classes]
//	hidden_states.N  [segments, width, hidden], 0 being the embedding output
//	loss             [], where there are labels
//
// All are F32. Positions that the mask leaves out are zeros. Vectors that input
// deltas put before the tokens widen the outputs, as they do in PEFT.
//
// # What it never does
//
// It turns no dropout on, and attaches no delta: callers do before.
package exchange

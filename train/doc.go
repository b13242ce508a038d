// Package train is the training loop: from an objective and parameters to
// parameters that have learnt.
//
// It is AdamW as PyTorch computes it, with a schedule, decay groups, clipping by
// the global norm, gradient accumulation whose loss is normalised over all the
// batches of a step, evaluation, the best state kept, early stopping, and
// checkpoints from which a run goes on with the same bits.
//
// Everything that a step does follows from the options and the step's number: the
// order of examples, dropout, the learning rate. That is why a checkpoint is only
// parameters, moments and a few numbers.
//
// It knows nothing of models, prompts or deltas: an [Objective] records the loss.
package train

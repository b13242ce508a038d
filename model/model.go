package model

import (
	"trimtab/autograd"
	"trimtab/nn"
)

// Info is what callers need to know of any model.
type Info struct {
	// Type is the config's model_type.
	Type string
	// Hidden is the width, Blocks the number of blocks, Heads of attention heads,
	// KVHeads of key and value heads, HeadDim their width.
	Hidden, Blocks, Heads, KVHeads, HeadDim int
	// Vocabulary is the number of rows of the word embedding.
	Vocabulary int
	// Positions is the longest segment that the model takes.
	Positions int
	// Causal says that tokens see only what is before them.
	Causal bool
	// Prefix is the module that holds the bare model inside one with a head: "bert".
	Prefix string
	// Head are the modules of the classification head that is new for each task: "classifier", and a
	// pooler that the base does not have.
	Head []string
	// Labels are the classes of a classifier, in order; nil for other models.
	Labels []string
}

// Model is a transformer without a head.
type Model interface {
	// Info tells its shape.
	Info() Info
	// Words is the input embedding, where input deltas attach.
	Words() *nn.Embedding
	// Hidden records the pass and returns the final states [wanted rows, hidden].
	Hidden(p *nn.Pass) *autograd.Value
}

// LanguageModel predicts tokens.
type LanguageModel interface {
	Model
	// Output makes of final states h what the output layer reads, and gives it with the layer, whose outputs are the vocabulary's scores.
	Output(p *nn.Pass, h *autograd.Value) (*autograd.Value, *nn.Linear)
}

// Logits are m's scores [h.Rows, len(vocabulary)] of the tokens of vocabulary
// from final states h; a nil vocabulary is all of it.
func Logits(m LanguageModel, p *nn.Pass, h *autograd.Value, vocabulary []int32) *autograd.Value {
	x, output := m.Output(p, h)
	if vocabulary == nil {
		return output.Forward(p, x)
	}
	return output.ForwardRows(p, x, vocabulary)
}

// Loss is the cross entropy of the tokens that m predicts from final states h, a row each, times scale: [1, 1].
func Loss(m LanguageModel, p *nn.Pass, h *autograd.Value, tokens []int32, scale float32) *autograd.Value {
	x, output := m.Output(p, h)
	return output.CrossEntropy(p, x, tokens, scale)
}

// Classifier sorts segments into classes.
type Classifier interface {
	Model
	// Classify records the pass and returns the scores [segments, classes].
	Classify(p *nn.Pass) *autograd.Value
}

// Task says which head a model is opened with.
type Task string

// The heads. The zero Task is what config.json's architectures name.
const (
	Bare                   Task = "bare"
	MaskedLM               Task = "masked_lm"
	CausalLM               Task = "causal_lm"
	SequenceClassification Task = "classification"
)

// MaxBlocks and MaxHeadDim bound what a config may claim before anything of that size is made.
const (
	MaxBlocks  = 4096
	MaxHeadDim = 1 << 16
)

package recipe

import "context"

// workload is one standard workload: a model of a shape, what trains on it, the texts of a step, and how it is run.
type workload struct {
	name string
	run  func(context.Context, *measurement) error
	// model is the config.json of the base, delta what trains on it; empty where nothing does.
	model, delta string
	// lengths are the tokens of the segments of a step; empty where the workload has no batch.
	lengths []int
	// passes are how often a step goes through the model's weights: forward, the gradients of inputs, those of weights; 0 where products are not what is measured.
	passes int64
	// times is how many steps count for one of those that are asked for, where a step is short; 0 is 1.
	times int
	// large says that it is run only where it is named: it takes gigabytes.
	large bool
}

// The shapes of the benchmarks. They have no dropout, but for the one that is as BERT was published.
const (
	benchDropout  = `{"model_type": "bert", "architectures": ["BertForSequenceClassification"]}`
	benchBERT     = `{"model_type": "bert", "architectures": ["BertForSequenceClassification"], "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}`
	benchBareBERT = `{"model_type": "bert", "architectures": ["BertModel"]}`
	benchMaskBERT = `{"model_type": "bert", "architectures": ["BertForMaskedLM"]}`
	benchGPT2     = `{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}`
	benchLlama    = `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 22, "num_attention_heads": 32,
		"num_key_value_heads": 4, "intermediate_size": 5632, "vocab_size": 32000, "max_position_embeddings": 2048}`
)

// What trains.
const (
	benchLora    = `{"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 8, "lora_alpha": 16, "target_modules": ["query", "value"], "modules_to_save": ["classifier"]}`
	benchPrefix  = `{"peft_type": "PREFIX_TUNING", "task_type": "SEQ_CLS", "num_virtual_tokens": 16, "num_layers": 12, "token_dim": 768, "num_attention_heads": 12}`
	benchAdapter = `{"adapter": "seq_bn", "reduction_factor": 16}`
	benchBitFit  = `{"method": "bitfit"}`
	benchFull    = `{"method": "full"}`
	benchLoraGPT = `{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 16, "target_modules": ["c_attn"], "fan_in_fan_out": true}`
	benchLoraLLM = `{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}`
)

// Lengths in BERT's tokens of 32 texts of SST-2 that stand for all: of text i, (i+½)/32 of the texts are no longer.
// First those of its training data, of which most are phrases; then the sentences of its test data in the template "{sentence} It was {mask}.".
var (
	sst2Train = []int{3, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 9, 10, 11, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26, 29, 34, 42}
	sst2Test  = []int{12, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 24, 25, 26, 27, 28, 29, 30, 31, 31, 32, 33, 34, 36, 37, 38, 40, 41, 43, 45, 48, 53}
)

var workloads = []workload{
	{name: "ceiling", run: benchCeiling},
	{name: "products", run: benchProducts, passes: 1},
	{name: "lora-bert-base", run: benchTraining, model: benchBERT, delta: benchLora, lengths: alike(32, 128), passes: 2},
	{name: "lora-bert-base-dropout", run: benchTraining, model: benchDropout, delta: benchLora, lengths: alike(32, 128), passes: 2},
	{name: "lora-bert-base-sst2", run: benchTraining, model: benchBERT, delta: benchLora, lengths: sst2Train, passes: 2, times: 2},
	{name: "prefix-bert-base", run: benchTraining, model: benchBERT, delta: benchPrefix, lengths: alike(32, 128), passes: 2},
	{name: "adapter-bert-base", run: benchTraining, model: benchBERT, delta: benchAdapter, lengths: alike(32, 128), passes: 2},
	{name: "bitfit-bert-base", run: benchTraining, model: benchBERT, delta: benchBitFit, lengths: alike(32, 128), passes: 2},
	{name: "full-bert-base", run: benchTraining, model: benchBERT, delta: benchFull, lengths: alike(32, 128), passes: 3},
	{name: "lora-gpt2", run: benchTraining, model: benchGPT2, delta: benchLoraGPT, lengths: alike(8, 256), passes: 2},
	{name: "lora-llama-1b", run: benchTraining, model: benchLlama, delta: benchLoraLLM, lengths: alike(1, 512), passes: 2, large: true},
	{name: "forward-bert-base", run: benchForward, model: benchBareBERT, lengths: alike(32, 128), passes: 1},
	{name: "classify-bert-base", run: benchForward, model: benchBERT, lengths: alike(32, 128), passes: 1},
	{name: "prompt-bert-base-sst2", run: benchForward, model: benchMaskBERT, lengths: sst2Test, passes: 1, times: 2},
	{name: "request-bert-base", run: benchForward, model: benchBareBERT, lengths: alike(1, 32), passes: 1, times: 20},
	{name: "decode-gpt2", run: benchDecode, model: benchGPT2, times: 8},
	{name: "decode-llama-1b", run: benchDecode, model: benchLlama, times: 8, large: true},
}

// alike are n segments of so many tokens.
func alike(n, tokens int) []int {
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = tokens
	}
	return lengths
}

// Workloads are the names of the standard workloads in their order; all of them, or those that
// are run where none is named.
func Workloads(all bool) []string {
	var names []string
	for _, w := range workloads {
		if all || !w.large {
			names = append(names, w.name)
		}
	}
	return names
}

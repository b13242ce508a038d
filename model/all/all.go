// Package all registers every architecture.
package all

import (
	_ "trimtab/model/bert"  // BERT
	_ "trimtab/model/gpt2"  // GPT-2
	_ "trimtab/model/llama" // Llama and Mistral
)

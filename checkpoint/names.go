package checkpoint

import (
	"regexp"
	"strings"

	"trimtab/tensor"
)

// ModernName gives the name that transformers uses today for a tensor of an old checkpoint: the
// weights of layer norms that came from TensorFlow are called LayerNorm.gamma and LayerNorm.beta there.
// Other names stay.
func ModernName(name string) string {
	for old, modern := range map[string]string{"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"} {
		if prefix, ok := strings.CutSuffix(name, old); ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
			return prefix + modern
		}
	}
	return name
}

// unneeded are the buffers that older versions of transformers saved beside the weights, and that follow from the
// configuration.
var unneeded = []struct {
	name *regexp.Regexp
	axes int // 0: any
}{
	{regexp.MustCompile(`(^|\.)embeddings\.(position_ids|token_type_ids)$`), 2},                               // BERT and its kin
	{regexp.MustCompile(`(^|\.)vision_model\.embeddings\.position_ids$`), 0},                                  // CLIP
	{regexp.MustCompile(`(^|\.)h\.\d+\.attn(\.attention)?\.bias$`), 4},                                        // GPT-2, GPT-Neo, GPT-J: the causal mask
	{regexp.MustCompile(`(^|\.)(h|layers)\.\d+\.(attn|attention)(\.attention)?\.masked_bias$`), 0},            // what it puts
	{regexp.MustCompile(`(^|\.)layers\.\d+\.attention\.bias$`), 4},                                            // GPT-NeoX
	{regexp.MustCompile(`(^|\.)rotary_emb\.inv_freq$`), 0},                                                    // Llama and its kin
	{regexp.MustCompile(`decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$`), 2}, // T5: never read
}

// Unneeded reports whether a tensor is a buffer that older versions of transformers saved though it
// follows from the configuration: position_ids, causal masks, rotary frequencies and their like. The shape tells GPT-2's
// mask attn.bias, of four axes, from a bias.
func Unneeded(name string, shape tensor.Shape) bool {
	for _, u := range unneeded {
		if (u.axes == 0 || u.axes == len(shape)) && u.name.MatchString(name) {
			return true
		}
	}
	return false
}

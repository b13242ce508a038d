package infer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"trimtab/model"
)

// neutral are the keys of generation_config.json that change nothing here, whatever they
// say: ids of tokens that callers put themselves, lengths that callers choose, what is returned and cached.
var neutral = []string{"_from_model_config", "bos_token_id", "cache_implementation", "decoder_start_token_id", "max_length",
	"output_attentions", "output_hidden_states", "output_logits", "output_scores", "pad_token_id", "return_dict_in_generate",
	"transformers_version", "use_cache"}

// harmless are values of keys that are not computed here at which they do nothing.
var harmless = map[string]string{"repetition_penalty": "1", "num_beams": "1", "num_return_sequences": "1", "length_penalty": "1",
	"no_repeat_ngram_size": "0", "min_length": "0", "typical_p": "1", "early_stopping": "false", "num_beam_groups": "1",
	"diversity_penalty": "0", "encoder_repetition_penalty": "1", "epsilon_cutoff": "0", "eta_cutoff": "0",
	"renormalize_logits": "false", "remove_invalid_values": "false", "guidance_scale": "1", "encoder_no_repeat_ngram_size": "0"}

// Defaults are the options that a base's folder states: generation_config.json, and
// the ending tokens of config.json where there is none. A setting that is not
// computed here is an error.
func Defaults(base *model.Base) (Options, error) {
	var o Options
	path := filepath.Join(base.Dir, "generation_config.json")
	data, err := os.ReadFile(path)
	if base.Dir == "" || errors.Is(err, fs.ErrNotExist) {
		return o, endTokens(&o, base.Config.Path, base.Config.Raw)
	}
	if err != nil {
		return o, err
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	k := struct {
		Sample       bool    `json:"do_sample"`
		Temperature  float64 `json:"temperature"`
		TopK         int     `json:"top_k"`
		TopP         float64 `json:"top_p"`
		MaxNewTokens int     `json:"max_new_tokens"`
	}{Temperature: 1, TopK: 50, TopP: 1} // transformers' defaults
	if err := json.Unmarshal(data, &k); err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	read := []string{"do_sample", "temperature", "top_k", "top_p", "max_new_tokens", "eos_token_id"}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value := string(bytes.TrimSuffix(bytes.TrimSpace(raw[key]), []byte(".0")))
		if !slices.Contains(read, key) && !slices.Contains(neutral, key) && value != "null" && value != harmless[key] {
			return o, fmt.Errorf("%s: %s is %s, which is not computed here", path, key, value)
		}
	}
	o.MaxNewTokens = k.MaxNewTokens
	if k.Sample {
		o.Sampling = Sampling{Temperature: k.Temperature, TopK: k.TopK, TopP: k.TopP}
	}
	if err := o.Sampling.check(); err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	return o, endTokens(&o, path, raw)
}

// endTokens reads eos_token_id, a number or a list.
func endTokens(o *Options, path string, raw map[string]json.RawMessage) error {
	value := bytes.TrimSpace(raw["eos_token_id"])
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	if value[0] != '[' {
		value = slices.Concat([]byte{'['}, value, []byte{']'})
	}
	if err := json.Unmarshal(value, &o.End); err != nil {
		return fmt.Errorf("%s: eos_token_id: %w", path, err)
	}
	return nil
}

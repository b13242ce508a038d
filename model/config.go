package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"trimtab/checkpoint"
	"trimtab/compute"
)

// ErrConfig is wrapped by errors about config.json.
var ErrConfig = errors.New("config does not fit")

// Config is a config.json: the keys that every model shares, and the rest for the
// page to take with [Config.Read].
type Config struct {
	// Path is the file, for errors.
	Path string
	// Type is model_type, Architectures the classes that it was saved from.
	Type          string
	Architectures []string
	// Labels are the classes in order, from id2label or num_labels; nil if it names none.
	Labels []string
	// Raw are all keys.
	Raw map[string]json.RawMessage

	only []string // keys that Only has looked at
	err  error
}

// bookkeeping are keys that change no computation here: who saved a model and how,
// what it was for, what the library returns and keeps, and how generation, which has
// its own file, was set up.
var bookkeeping = strings.Fields(`
	_attn_implementation _attn_implementation_autoset _commit_hash _name_or_path _num_labels architectures attn_implementation
	bad_words_ids begin_suppress_tokens bos_token_id chunk_size_feed_forward decoder_start_token_id directionality diversity_penalty
	do_sample dtype early_stopping encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty finetuning_task
	forced_bos_token_id forced_eos_token_id gradient_checkpointing id2label initializer_range is_encoder_decoder
	keys_to_ignore_at_inference label2id length_penalty max_length min_length model_type no_repeat_ngram_size num_beam_groups
	num_beams num_labels num_return_sequences output_attentions output_hidden_states output_past output_scores pad_token_id prefix
	pretraining_tp problem_type remove_invalid_values repetition_penalty return_dict return_dict_in_generate sep_token_id
	suppress_tokens task_specific_params temperature tf_legacy_loss tokenizer_class top_k top_p torch_dtype torchscript
	transformers_version transformers.js_config typical_p use_bfloat16 use_cache use_return_dict xla_device`)

// ReadConfig reads the config.json at path.
func ReadConfig(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseConfig(path, data)
}

// ParseConfig reads the text of a config.json; path names it in errors.
func ParseConfig(path string, data []byte) (*Config, error) {
	c := &Config{Path: path}
	if err := json.Unmarshal(data, &c.Raw); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", path, ErrConfig, err)
	}
	var common struct {
		Type          string            `json:"model_type"`
		Architectures []string          `json:"architectures"`
		Labels        map[string]string `json:"id2label"`
		Count         *int              `json:"num_labels"`
	}
	if err := json.Unmarshal(data, &common); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", path, ErrConfig, err)
	}
	if common.Type == "" {
		return nil, fmt.Errorf("%s: %w: no model_type", path, ErrConfig)
	}
	c.Type, c.Architectures = common.Type, common.Architectures
	n := len(common.Labels)
	if n == 0 && common.Count != nil {
		n = *common.Count
	}
	if n < 0 || n > 1<<20 {
		return nil, fmt.Errorf("%s: %w: num_labels is %d", path, ErrConfig, n)
	}
	for i := range n {
		label, ok := common.Labels[strconv.Itoa(i)]
		if !ok && len(common.Labels) > 0 {
			return nil, fmt.Errorf("%s: %w: id2label has %d entries and none for %d", path, ErrConfig, n, i)
		}
		if !ok {
			label = "LABEL_" + strconv.Itoa(i)
		}
		c.Labels = append(c.Labels, label)
	}
	return c, nil
}

// Read fills the page's struct, whose fields, and those of structs embedded in it, hold
// their defaults and name their keys by json tags. A key of the file that is neither a field, nor in unneeded, nor
// bookkeeping of the library is an error.
func (c *Config) Read(page any, unneeded ...string) error {
	known := slices.Concat(bookkeeping, c.only, unneeded, []string{quantizationKey})
	for _, field := range reflect.VisibleFields(reflect.TypeOf(page).Elem()) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			known = append(known, name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Raw)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s: %w: key %q is not known for model_type %q", c.Path, ErrConfig, key, c.Type)
		}
	}
	data, err := json.Marshal(c.Raw)
	if err == nil {
		err = json.Unmarshal(data, page)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %v", c.Path, ErrConfig, err)
	}
	return c.err
}

// Positive fails the config unless every named number is from 1 to 2³⁰.
func (c *Config) Positive(numbers map[string]int) error {
	for _, key := range slices.Sorted(maps.Keys(numbers)) {
		if n := numbers[key]; n < 1 || n > 1<<30 {
			c.fail(key, fmt.Errorf("is %d, and must be from 1 to 2^30", n))
		}
	}
	return c.err
}

// Divides fails the config unless a divides b.
func (c *Config) Divides(aKey string, a int, bKey string, b int) error {
	if a <= 0 || b%a != 0 {
		c.fail(bKey, fmt.Errorf("%d is not a multiple of %s, %d", b, aKey, a))
	}
	return c.err
}

// Canonical is the canonical JSON of the keys that change the computation, for the
// fingerprint.
func (c *Config) Canonical() ([]byte, error) {
	keep := map[string]json.RawMessage{}
	for key, value := range c.Raw {
		if !slices.Contains(bookkeeping, key) || key == "model_type" {
			keep[key] = value
		}
	}
	data, err := json.Marshal(keep)
	if err != nil {
		return nil, err
	}
	return checkpoint.CanonicalJSON(data)
}

// Only fails the config if a key is there with another value (a bool, string or float64)
// than the one that a page computes. It comes before Read, to which it makes the key known.
func (c *Config) Only(key string, value any) {
	c.only = append(c.only, key)
	raw, ok := c.Raw[key]
	if !ok {
		return
	}
	var found any
	if err := json.Unmarshal(raw, &found); err == nil && found != nil && found != value {
		c.fail(key, fmt.Errorf("is %s, and only %v is computed here", raw, value))
	}
}

// Most fails the config if a number is above what this program takes: it comes
// before anything of that size is made.
func (c *Config) Most(key string, n, most int) error {
	if n > most {
		c.fail(key, fmt.Errorf("is %d, and at most %d is computed here", n, most))
	}
	return c.err
}

// Between fails the config unless v is from low to high.
func (c *Config) Between(key string, v, low, high float32) {
	if !(v >= low && v <= high) {
		c.fail(key, fmt.Errorf("is %v, and must be from %v to %v", v, low, high))
	}
}

// Probabilities fails the config unless every named number is at least 0 and below 1.
func (c *Config) Probabilities(numbers map[string]float32) {
	for _, key := range slices.Sorted(maps.Keys(numbers)) {
		if p := numbers[key]; p < 0 || p >= 1 {
			c.fail(key, fmt.Errorf("is %v, and must be at least 0 and below 1", p))
		}
	}
}

// Activation is the nonlinearity that a key names.
func (c *Config) Activation(key, name string) compute.Activation {
	f, ok := activations[name]
	if !ok {
		c.fail(key, fmt.Errorf("unknown activation %q", name))
	}
	return f
}

var activations = map[string]compute.Activation{
	"gelu": compute.GELU, "gelu_new": compute.GELUTanh, "gelu_pytorch_tanh": compute.GELUTanh, "gelu_fast": compute.GELUTanh,
	"silu": compute.SiLU, "swish": compute.SiLU, "relu": compute.ReLU, "tanh": compute.Tanh, "sigmoid": compute.Sigmoid,
}

// Err is the first error that reading met.
func (c *Config) Err() error { return c.err }

func (c *Config) fail(key string, err error) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %w: %s: %w", c.Path, ErrConfig, key, err)
	}
}

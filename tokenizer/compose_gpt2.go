package tokenizer

import (
	"fmt"
	"strings"
)

// gpt2Options are those of GPT-2's tokenizer.
type gpt2Options struct {
	special     []string // which may be absent from the vocabulary
	greedy      string   // the special token that takes the blanks before it along
	prefixSpace bool
	post        object // the post-processor; nil means GPT-2's, which leaves everything as it is
}

// gpt2Files are the files of a GPT-2 tokenizer.
func gpt2Files(tokens []string, merges [][2]string, o gpt2Options) (files, error) {
	level := func(trim bool) object {
		return object{{"type", "ByteLevel"}, {"add_prefix_space", o.prefixSpace}, {"trim_offsets", trim}, {"use_regex", true}}
	}
	if o.post == nil {
		o.post = level(false)
	}
	if merges == nil {
		merges = [][2]string{}
	}
	document := object{
		{"version", "1.0"}, {"truncation", nil}, {"padding", nil},
		{"added_tokens", specialObjects(o.special, tokens, o.greedy)},
		{"normalizer", nil},
		{"pre_tokenizer", level(true)},
		{"post_processor", o.post},
		{"decoder", level(true)},
		{"model", object{{"type", "BPE"}, {"dropout", nil}, {"unk_token", nil}, {"continuing_subword_prefix", ""},
			{"end_of_word_suffix", ""}, {"fuse_unk", false}, {"byte_fallback", false}, {"ignore_merges", false},
			{"vocab", numbered(tokens)}, {"merges", merges}}},
	}
	config := object{{"tokenizer_class", "GPT2Tokenizer"}, {"add_prefix_space", o.prefixSpace}}
	if len(o.special) > 0 {
		for _, key := range []string{"bos_token", "eos_token", "unk_token"} {
			config = append(config, field{key, o.special[0]})
		}
	}
	return encodeFiles(document, config)
}

// composeGPT2 makes a tokenizer.json of a vocab.json and merges.txt. RoBERTa
// uses the same files with other special tokens around the text.
func (f files) composeGPT2(vocabulary, merges []byte, class string, c oldConfig) error {
	n, err := parseJSON(vocabulary)
	if err != nil {
		return fmt.Errorf("%s: %w", bpeFile, err)
	}
	v, err := vocabOf(bpeFile, n)
	if err != nil {
		return err
	}
	for id := range v.tokens {
		if _, ok := v.token(int32(id)); !ok {
			return fmt.Errorf("%s: no token has the id %d", bpeFile, id)
		}
	}
	if bad := firstInvalid(string(merges)); bad >= 0 {
		return fmt.Errorf("%s: %w at byte %d", mergesFile, ErrNotUTF8, bad)
	}
	var pairs [][2]string
	for i, line := range lines(merges) {
		if line == "" {
			continue
		}
		pair, err := splitMerge(line)
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", mergesFile, i+1, err)
		}
		if pair != [2]string{} {
			pairs = append(pairs, pair)
		}
	}
	o := gpt2Options{prefixSpace: c.fields.boolOr("add_prefix_space", false)}
	switch strings.TrimSuffix(class, "Fast") {
	case "", "GPT2Tokenizer":
		end := "<|endoftext|>"
		o.special = []string{c.token("unk_token", end), c.token("bos_token", end), c.token("eos_token", end), c.token("pad_token", end)}
		if c.fields.boolOr("add_bos_token", false) {
			c.fields.fail("key \"add_bos_token\": %w: true without a %s", ErrUnsupported, tokenizerFile)
		}
	case "RobertaTokenizer":
		o.greedy = c.token("mask_token", "<mask>")
		if o.post, o.special, err = robertaPost(v, c); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s: key \"tokenizer_class\": %w: %s with a %s and no %s", configFile, ErrUnsupported, class, bpeFile, tokenizerFile)
	}
	if c.fields.err != nil {
		return c.fields.err
	}
	made, err := gpt2Files(v.tokens, pairs, o)
	if err == nil {
		f[tokenizerFile] = made[tokenizerFile]
	}
	return err
}

// robertaPost is the post-processor of RoBERTa and its special tokens.
func robertaPost(v *vocab, c oldConfig) (post object, special []string, err error) {
	cls, sep := c.token("cls_token", "<s>"), c.token("sep_token", "</s>")
	special = []string{cls, sep, c.token("pad_token", "<pad>"), c.token("unk_token", "<unk>"),
		c.token("mask_token", "<mask>"), c.token("bos_token", "<s>"), c.token("eos_token", "</s>")}
	pair := func(t string) []any {
		id, ok := v.id(t)
		if !ok {
			err = fmt.Errorf("%s: special token %q is not in the vocabulary", bpeFile, t)
		}
		return []any{t, id}
	}
	post = object{{"type", "RobertaProcessing"}, {"sep", pair(sep)}, {"cls", pair(cls)},
		{"trim_offsets", true}, {"add_prefix_space", c.fields.boolOr("add_prefix_space", false)}}
	return post, special, err
}

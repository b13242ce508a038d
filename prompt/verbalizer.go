package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trimtab/internal/nearest"
)

// ErrVerbalizer is the sentinel of every error about a verbalizer.
var ErrVerbalizer = errors.New("verbalizer")

// Handler says how a label word of several tokens is scored
// (OpenPrompt's multi_token_handler).
type Handler string

// The ways of scoring a word of several tokens. The empty Handler is First for
// one mask and OverMasks for several.
const (
	First     Handler = "first" // by its first token
	Mean      Handler = "mean"  // by the mean over its tokens, all read at the one mask
	Max       Handler = "max"   // by its best token, likewise
	OverMasks Handler = "masks" // a token a mask: the mean over its tokens of their log probability, each at its own mask
)

var handlers = []string{string(First), string(Mean), string(Max), string(OverMasks)}

// Verbalizer names, for each class, the words that stand for it.
type Verbalizer struct {
	Classes []string   // in the order of the scores
	Words   [][]string // each class's label words
	// Prefix goes before each word, so that it is read as the beginning of a
	// word; nil is one space. A word that begins with `<!>` goes without.
	Prefix *string
	// Handler scores words of several tokens.
	Handler Handler
	// RawLogits leaves out the log-softmax over all label words
	// (post_log_softmax: false). Calibration then does nothing.
	RawLogits bool
}

// ParseVerbalizer reads a verbalizer as JSON or YAML decodes it:
//
//	{negative: [bad, terrible], positive: good}
//	[[bad, terrible], good]
//	{label_words: ..., classes: [...], prefix: " ", multi_token_handler: mean, post_log_softmax: true}
//
// The first two also stand under label_words. The classes are those given, in
// their order; with nil, those that the verbalizer itself lists, its keys in
// order, or the numbers from 0.
func ParseVerbalizer(v any, classes []string) (*Verbalizer, error) {
	z := &Verbalizer{Classes: slices.Clone(classes)}
	words := v
	if m, ok := mapping(v); ok {
		if inner, ok := m["label_words"]; ok {
			if err := z.options(m); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrVerbalizer, err)
			}
			words = inner
		}
	}
	if err := z.words(words); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerbalizer, err)
	}
	return z, nil
}

var verbalizerKeys = []string{"label_words", "classes", "prefix", "multi_token_handler", "post_log_softmax"}

// options reads the keys beside label_words.
func (z *Verbalizer) options(m map[string]any) error {
	for _, key := range sortedKeys(m) {
		v := m[key]
		switch key {
		case "label_words":
		case "classes":
			list, err := texts(v)
			if err != nil {
				return fmt.Errorf("classes: %w", err)
			}
			if z.Classes != nil && !slices.Equal(z.Classes, list) {
				return fmt.Errorf("classes: found %q, expected %q", list, z.Classes)
			}
			z.Classes = list
		case "prefix":
			s, ok := v.(string)
			if !ok {
				return fmt.Errorf("prefix: found %T, expected a string", v)
			}
			z.Prefix = &s
		case "multi_token_handler":
			s, _ := v.(string)
			if !slices.Contains(handlers, s) {
				return fmt.Errorf("multi_token_handler: found %v, expected one of %s", v, strings.Join(handlers, ", "))
			}
			z.Handler = Handler(s)
		case "post_log_softmax":
			b, ok := v.(bool)
			if !ok {
				return fmt.Errorf("post_log_softmax: found %v, expected true or false", v)
			}
			z.RawLogits = !b
		default:
			return fmt.Errorf("unknown key %q%s", key, nearest.Suggest(key, verbalizerKeys))
		}
	}
	return nil
}

// words reads the label words and fits them to the classes.
func (z *Verbalizer) words(v any) error {
	if m, ok := mapping(v); ok {
		if z.Classes == nil {
			z.Classes = classOrder(m)
		}
		for name := range m {
			if !slices.Contains(z.Classes, name) {
				return fmt.Errorf("%q is no class%s", name, nearest.Suggest(name, z.Classes))
			}
		}
		for _, name := range z.Classes {
			if _, ok := m[name]; !ok {
				return fmt.Errorf("class %q has no words", name)
			}
			z.Words = append(z.Words, nil)
			if err := z.class(len(z.Words)-1, m[name]); err != nil {
				return err
			}
		}
		return z.check()
	}
	list, ok := sequence(v)
	if !ok {
		return fmt.Errorf("found %T, expected a mapping of classes to words, or a list with an entry a class", v)
	}
	if z.Classes == nil {
		for i := range list {
			z.Classes = append(z.Classes, strconv.Itoa(i))
		}
	}
	if len(list) != len(z.Classes) {
		return fmt.Errorf("found words for %d classes, expected %d: %q", len(list), len(z.Classes), z.Classes)
	}
	z.Words = make([][]string, len(list))
	for i, words := range list {
		if err := z.class(i, words); err != nil {
			return err
		}
	}
	return z.check()
}

// class reads one class's word or words.
func (z *Verbalizer) class(i int, v any) error {
	if s, ok := v.(string); ok {
		v = []any{s}
	}
	words, err := texts(v)
	if err != nil {
		return fmt.Errorf("class %q: %w", z.Classes[i], err)
	}
	z.Words[i] = words
	return nil
}

// check refuses classes without words, empty words and classes given twice.
func (z *Verbalizer) check() error {
	if len(z.Classes) < 2 {
		return fmt.Errorf("found %d classes, expected at least 2", len(z.Classes))
	}
	for i, name := range z.Classes {
		if slices.Index(z.Classes, name) != i {
			return fmt.Errorf("class %q stands twice", name)
		}
		if len(z.Words[i]) == 0 {
			return fmt.Errorf("class %q has no words", name)
		}
		if slices.Contains(z.Words[i], "") {
			return fmt.Errorf("class %q has an empty word", name)
		}
	}
	return nil
}

// spelled returns a label word with the prefix.
func (z *Verbalizer) spelled(word string) string {
	if bare, ok := strings.CutPrefix(word, "<!>"); ok {
		return bare
	}
	if z.Prefix != nil {
		return *z.Prefix + word
	}
	return " " + word
}

// MarshalJSON writes what [ParseVerbalizer] reads.
func (z *Verbalizer) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Classes []string   `json:"classes"`
		Words   [][]string `json:"label_words"`
		Prefix  *string    `json:"prefix,omitempty"`
		Handler Handler    `json:"multi_token_handler,omitempty"`
		Post    bool       `json:"post_log_softmax"`
	}{z.Classes, z.Words, z.Prefix, z.Handler, !z.RawLogits})
}

// UnmarshalJSON reads what [ParseVerbalizer] reads.
func (z *Verbalizer) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("%w: %w", ErrVerbalizer, err)
	}
	parsed, err := ParseVerbalizer(v, nil)
	if err != nil {
		return err
	}
	*z = *parsed
	return nil
}

// mapping returns a decoded mapping with text keys.
func mapping(v any) (map[string]any, bool) {
	m := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		return v, true
	case map[any]any:
		for k, x := range v {
			m[fmt.Sprint(k)] = x
		}
	case map[string]string:
		for k, x := range v {
			m[k] = x
		}
	case map[string][]string:
		for k, x := range v {
			m[k] = x
		}
	default:
		return nil, false
	}
	return m, true
}

// sequence returns a decoded list.
func sequence(v any) ([]any, bool) {
	var list []any
	switch v := v.(type) {
	case []any:
		return v, true
	case []string:
		for _, x := range v {
			list = append(list, x)
		}
	case [][]string:
		for _, x := range v {
			list = append(list, x)
		}
	default:
		return nil, false
	}
	return list, true
}

// texts returns a decoded list of strings.
func texts(v any) ([]string, error) {
	list, ok := sequence(v)
	if !ok {
		return nil, fmt.Errorf("found %v, expected a word or a list of words; a word that YAML reads as a number or as true goes in quotes", v)
	}
	out := make([]string, len(list))
	for i, x := range list {
		s, ok := x.(string)
		if !ok {
			return nil, fmt.Errorf("found %v, expected a word; a word that YAML reads as a number or as true goes in quotes", x)
		}
		out[i] = s
	}
	return out, nil
}

// classOrder sorts names: as numbers where all are, else as texts.
func classOrder(m map[string]any) []string {
	names := sortedKeys(m)
	numbers := map[string]int{}
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil {
			return names
		}
		numbers[name] = n
	}
	slices.SortStableFunc(names, func(a, b string) int { return numbers[a] - numbers[b] })
	return names
}

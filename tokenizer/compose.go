package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// The vocabularies that came before tokenizer.json.
const (
	wordPieceFile = "vocab.txt"
	bpeFile       = "vocab.json"
	mergesFile    = "merges.txt"
)

// object is a JSON object to be written, its keys in order.
type object []field

type field struct {
	key   string
	value any
}

// MarshalJSON writes the keys in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, v := range []any{f.key, f.value} {
			if j > 0 {
				b.WriteByte(':')
			}
			data, err := plainJSON(v)
			if err != nil {
				return nil, err
			}
			b.Write(data)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON is v as JSON with <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// indented is v as JSON for people to read.
func indented(v any) ([]byte, error) {
	data, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, data, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// numbered is a vocabulary as a JSON object.
func numbered(tokens []string) object {
	o := make(object, len(tokens))
	for i, t := range tokens {
		o[i] = field{t, i}
	}
	return o
}

// specialObjects are the added special tokens that stand in the vocabulary.
// greedy is the one that takes the blanks before it along.
func specialObjects(special, tokens []string, greedy string) []object {
	list := []object{}
	for id, t := range tokens {
		if slices.Contains(special, t) {
			list = append(list, object{{"id", id}, {"content", t}, {"single_word", false}, {"lstrip", t == greedy},
				{"rstrip", false}, {"normalized", false}, {"special", true}})
		}
	}
	return list
}

// compose makes a tokenizer.json out of an older vocabulary.
func (f files) compose(dir string) error {
	config, err := f.config(configFile)
	if err != nil {
		return fmt.Errorf("%s: %w", configFile, err)
	}
	roles, err := f.config(rolesFile)
	if err != nil {
		return fmt.Errorf("%s: %w", rolesFile, err)
	}
	old := oldConfig{fields: fieldsOf(configFile, config), roles: fieldsOf(rolesFile, roles)}
	class := old.fields.stringOr("tokenizer_class", "")
	if data, err := readFile(dir, wordPieceFile); err == nil {
		return f.composeBERT(data, class, old)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	vocabulary, err := readFile(dir, bpeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("none of %s, %s and %s is there: %w", tokenizerFile, wordPieceFile, bpeFile, err)
	}
	if err != nil {
		return err
	}
	merges, err := readFile(dir, mergesFile)
	if err != nil {
		return err
	}
	return f.composeGPT2(vocabulary, merges, class, old)
}

// oldConfig answers what an older folder's configuration says.
type oldConfig struct{ fields, roles *fields }

// token is the token of a role, or the default where no file names one.
func (c oldConfig) token(key, or string) string {
	for _, f := range []*fields{c.fields, c.roles} {
		n, ok := f.take(key)
		if ok && n.kind == kindObject {
			n, ok = fieldsOf(f.where, n).take("content")
		}
		if ok && n.kind == kindString {
			return n.text
		}
	}
	return or
}

// lines are the lines of a text file without their ends and the last empty one.
func lines(data []byte) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
}

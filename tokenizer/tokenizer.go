package tokenizer

import (
	"bytes"
	"fmt"
	"sync"
)

// Tokenizer turns texts into token ids and back. It is made by Open, Parse,
// TrainWordPiece or TrainBPE, does not change afterwards, and may be used by
// many goroutines at once.
type Tokenizer struct {
	normalizer     normalizer // nil where there is none
	pretokenizers  []pretokenizer
	model          model
	postprocessors []postprocessor
	decoders       []decoder // nil where there are none: tokens are joined by blanks
	added          *addedTokens
	truncation     *truncation
	padding        *padding
	roles          Special
	files          files // what Save writes
	scratch        sync.Pool
}

// Parse reads a tokenizer.json of the Hugging Face tokenizers library. Errors
// name the component and key: ErrUnknownComponent, ErrUnknownKey,
// ErrUnsupported and ErrNotUTF8 tell the usual ones apart.
func Parse(tokenizerJSON []byte) (*Tokenizer, error) {
	t, err := parse(tokenizerJSON)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	t.roles = t.wellKnownRoles()
	t.files = files{tokenizerFile: bytes.Clone(tokenizerJSON)}
	return t, nil
}

func parse(data []byte) (*Tokenizer, error) {
	doc, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	f := fieldsOf("document", doc)
	f.choice("version", "1.0")
	sections := make([]node, len(sectionNames))
	for i, key := range sectionNames {
		sections[i], _ = f.take(key)
	}
	tokens, _ := f.maybe("added_tokens", kindArray)
	m := f.need("model", kindObject)
	if err := f.done(); err != nil {
		return nil, err
	}
	t := &Tokenizer{}
	t.scratch.New = func() any { return &scratch{} }
	if t.model, err = parseModel(m); err != nil {
		return nil, err
	}
	if err := t.parseSections(sections); err != nil {
		return nil, err
	}
	var list []addedToken
	if tokens.kind == kindArray {
		if list, err = parseAddedTokens(tokens); err != nil {
			return nil, err
		}
	}
	t.added, err = newAddedTokens(list, t.model.vocabulary(), t.normalizer)
	return t, err
}

// sectionNames are the optional parts of a tokenizer.json.
var sectionNames = []string{"truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"}

// parseSections reads the optional parts, in the order of sectionNames.
func (t *Tokenizer) parseSections(sections []node) error {
	var err error
	for i, n := range sections {
		if n.kind == kindNull {
			continue
		}
		switch key := sectionNames[i]; key {
		case "truncation":
			t.truncation, err = parseTruncation(n)
		case "padding":
			t.padding, err = parsePadding(n)
		case "normalizer":
			t.normalizer, err = parseNormalizer(key, n)
		case "pre_tokenizer":
			t.pretokenizers, err = parsePretokenizer(key, n)
		case "post_processor":
			t.postprocessors, err = parsePostprocessor(key, n)
		case "decoder":
			t.decoders, err = parseDecoder(key, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ID is the id of a token, added tokens before those of the model.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if i, ok := t.added.byText[token]; ok {
		return t.added.list[i].id, true
	}
	return t.model.vocabulary().id(token)
}

// Token is the token of an id.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if i, ok := t.added.byID[id]; ok {
		return t.added.list[i].content, true
	}
	return t.model.vocabulary().token(id)
}

// Size is the number of tokens, added ones included.
func (t *Tokenizer) Size() int {
	v := t.model.vocabulary()
	n := v.size()
	for _, a := range t.added.list {
		if _, ok := v.id(a.content); !ok {
			n++
		}
	}
	return n
}

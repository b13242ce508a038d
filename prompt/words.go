package prompt

import (
	"fmt"
	"slices"

	"trimtab/tokenizer"
)

// Bind tokenizes the label words for a template with so many masks. A word of
// which the tokenizer makes no token, or an unknown one, is an error; so are
// words of more tokens than masks where each token takes a mask, and masks
// that no word is read at.
func (z *Verbalizer) Bind(tok *tokenizer.Tokenizer, masks int) (*BoundVerbalizer, error) {
	if err := z.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerbalizer, err)
	}
	b := &BoundVerbalizer{Classes: slices.Clone(z.Classes), Handler: z.Handler, Masks: masks, PostLogSoftmax: !z.RawLogits}
	if b.Handler == "" && masks > 1 {
		b.Handler = OverMasks
	} else if b.Handler == "" {
		b.Handler = First
	}
	if !slices.Contains(handlers, string(b.Handler)) {
		return nil, fmt.Errorf("%w: multi_token_handler: found %q, expected one of %q", ErrVerbalizer, b.Handler, handlers)
	}
	var ids [][]int32
	for class, words := range z.Words {
		for _, word := range words {
			text := z.spelled(word)
			tokens, err := wordIDs(tok, text)
			if err != nil {
				return nil, fmt.Errorf("%w: class %q: label word %q: %w", ErrVerbalizer, z.Classes[class], word, err)
			}
			ids = append(ids, tokens)
			b.Words = append(b.Words, BoundWord{Class: class, Text: text})
			b.Vocabulary = append(b.Vocabulary, tokens...)
		}
	}
	if err := b.fit(ids); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerbalizer, err)
	}
	slices.Sort(b.Vocabulary)
	b.Vocabulary = slices.Compact(b.Vocabulary)
	for i := range b.Words {
		for _, id := range ids[i] {
			column, _ := slices.BinarySearch(b.Vocabulary, id)
			b.Words[i].Columns = append(b.Words[i].Columns, column)
		}
	}
	return b, nil
}

// fit checks that the words' tokens and the masks go together.
func (b *BoundVerbalizer) fit(ids [][]int32) error {
	if b.Masks < 1 {
		return fmt.Errorf("found %d masks, expected at least 1", b.Masks)
	}
	if b.Handler != OverMasks {
		if b.Masks > 1 {
			return fmt.Errorf("multi_token_handler %s reads one mask, the template has %d; %s reads a token at each", b.Handler, b.Masks, OverMasks)
		}
		return nil
	}
	most := 0
	for i, tokens := range ids {
		if len(tokens) > b.Masks {
			return fmt.Errorf("label word %q has %d tokens, the template %d masks", b.Words[i].Text, len(tokens), b.Masks)
		}
		most = max(most, len(tokens))
	}
	if most < b.Masks {
		return fmt.Errorf("the template has %d masks, but no label word has more than %d tokens", b.Masks, most)
	}
	return nil
}

// wordIDs tokenizes one label word.
func wordIDs(tok *tokenizer.Tokenizer, text string) ([]int32, error) {
	ids, err := plainIDs(tok, text)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the tokenizer makes no token of it")
	}
	if unknown := tok.Special().Unknown; unknown >= 0 && slices.Contains(ids, unknown) {
		return nil, fmt.Errorf("the tokenizer does not know it")
	}
	return ids, nil
}

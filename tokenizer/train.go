package tokenizer

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

// TrainOptions say what vocabulary to learn. The zero value is usable.
type TrainOptions struct {
	// Size is how many tokens the vocabulary has at most, special tokens
	// included; 0 means 30000. Text with too few different words gives fewer.
	Size int
	// MinFrequency is how often two neighbours must occur to be joined; 0 means
	// as often as once.
	MinFrequency int
	// Alphabet is how many different characters are kept at most, the most
	// frequent ones; 0 keeps all. Words with others cannot be spelled with a
	// WordPiece vocabulary.
	Alphabet int
	// Cased keeps case and accents. TrainBPE refuses it: byte pairs always keep
	// both.
	Cased bool
	// SpecialTokens come first in the vocabulary. Nil means BERT's [PAD], [UNK],
	// [CLS], [SEP], [MASK], or for byte pairs GPT-2's <|endoftext|>. A list for
	// TrainWordPiece must hold BERT's five.
	SpecialTokens []string
}

func (o TrainOptions) check(special []string, alphabet int) (TrainOptions, error) {
	if o.Size == 0 {
		o.Size = 30000
	}
	if o.SpecialTokens == nil {
		o.SpecialTokens = special
	}
	seen := map[string]bool{}
	for _, t := range o.SpecialTokens {
		if t == "" || seen[t] {
			return o, fmt.Errorf("tokenizer: training: special token %q is empty or there twice", t)
		}
		seen[t] = true
	}
	if least := len(o.SpecialTokens) + alphabet; o.Size < least || o.Size > 1<<24 || o.MinFrequency < 0 || o.Alphabet < 0 {
		return o, fmt.Errorf("tokenizer: training: expected a size from %d to %d and no negative option, found %+v", least, 1<<24, o)
	}
	return o, nil
}

// TrainWordPiece learns a vocabulary for BERT from texts, by joining the most
// frequent neighbours as the tokenizers library's WordPieceTrainer does. Equally
// frequent ones are joined in an order that depends on the texts alone. It works
// on all cores and stops when ctx is done.
func TrainWordPiece(ctx context.Context, texts iter.Seq[string], o TrainOptions) (*Tokenizer, error) {
	o, err := o.check(bertSpecials[:], 0)
	if err != nil {
		return nil, err
	}
	for _, s := range bertSpecials {
		if !slices.Contains(o.SpecialTokens, s) {
			return nil, fmt.Errorf("tokenizer: training: special token %q is missing", s)
		}
	}
	pipeline := &Tokenizer{
		normalizer:    bertNormalizer{clean: true, chinese: true, accents: !o.Cased, lower: !o.Cased},
		pretokenizers: []pretokenizer{bertPretokenizer{}},
		added:         &addedTokens{},
	}
	counts, err := countWords(ctx, texts, pipeline)
	if err != nil {
		return nil, err
	}
	l := newLearner(o, "##")
	l.letters(counts, nil)
	l.spell(counts)
	if err := l.learn(ctx); err != nil {
		return nil, err
	}
	files, err := bertFiles(l.tokens, o.SpecialTokens, bertOptions{lower: !o.Cased, chinese: true})
	if err != nil {
		return nil, err
	}
	return fromFiles(files)
}

// TrainBPE learns byte pairs for a GPT-2 vocabulary from texts, as the library's
// BpeTrainer does with all 256 bytes as its alphabet. Otherwise it is like
// TrainWordPiece.
func TrainBPE(ctx context.Context, texts iter.Seq[string], o TrainOptions) (*Tokenizer, error) {
	o, err := o.check([]string{"<|endoftext|>"}, 256)
	if err != nil {
		return nil, err
	}
	if o.Cased || o.Alphabet != 0 {
		return nil, fmt.Errorf("tokenizer: training: byte pairs have neither Cased nor Alphabet: they keep case, and all 256 bytes")
	}
	pipeline := &Tokenizer{pretokenizers: []pretokenizer{byteLevel{split: true}}, added: &addedTokens{}}
	counts, err := countWords(ctx, texts, pipeline)
	if err != nil {
		return nil, err
	}
	l := newLearner(o, "")
	l.letters(counts, byteLetters()[:])
	l.spell(counts)
	if err := l.learn(ctx); err != nil {
		return nil, err
	}
	files, err := gpt2Files(l.tokens, l.merges(), gpt2Options{special: o.SpecialTokens})
	if err != nil {
		return nil, err
	}
	return fromFiles(files)
}

package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"trimtab/autograd"
	"trimtab/internal/chance"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tokenizer"
)

// Masking is how masked language modelling hides tokens.
type Masking struct {
	// Probability is the share of tokens that are to be predicted.
	Probability float64 `yaml:"mlm_probability" default:"0.15" doc:"share of tokens to predict"`
	// WholeWord hides all tokens of a word or none.
	WholeWord *bool `yaml:"whole_word" default:"true" doc:"hide whole words, not single tokens"`
}

// masked is masked language modelling (Devlin et al. 2019) with masks drawn anew
// each time a segment is seen: of the tokens to predict, 80 % become [MASK], 10 %
// a random token, 10 % stay.
type masked struct {
	model    model.LanguageModel
	segments []nn.Segment // with special tokens around
	begins   []bool       // by token id: it begins a word
	special  []bool       // by token id: it is one of the tokenizer's special tokens, which are not hidden
	mask     int32
	rate     float64
	whole    bool
	seed     uint64
	fixed    bool // the same masks at every step, for evaluation

	// What is made for a segment, in memory that the next one takes over.
	words  [][2]int // from, to
	order  []int
	hidden []bool
	places []int32
	ids    []int32
}

// check reports a setting that makes no sense in the recipe of a path.
func (o *Masking) check(path string) error {
	if !(o.Probability > 0 && o.Probability <= 1) {
		return fmt.Errorf("%s: %w: masking.mlm_probability is %v, and must be above 0, at most 1", path, ErrRecipe, o.Probability)
	}
	return nil
}

// newMasked hides tokens of segments, each of which must have one that is not special.
func newMasked(m model.LanguageModel, tok *tokenizer.Tokenizer, segments []nn.Segment, o Masking, seed uint64) (*masked, error) {
	k := &masked{model: m, segments: segments, rate: o.Probability, whole: o.WholeWord == nil || *o.WholeWord, seed: seed}
	special := tok.Special()
	if k.mask = special.Mask; k.mask < 0 {
		return nil, fmt.Errorf("masking: the tokenizer has no mask token")
	}
	k.begins, k.special = make([]bool, tok.Size()), make([]bool, tok.Size())
	parts := 0
	for id := range k.begins {
		text, _ := tok.Token(int32(id))
		k.begins[id] = !strings.HasPrefix(text, "##") || text == "##"
		if !k.begins[id] {
			parts++
		}
	}
	if k.whole && parts == 0 {
		return nil, fmt.Errorf("masking.whole_word: the tokenizer has no WordPiece vocabulary, whose tokens tell where words begin: set it to false")
	}
	for _, id := range []int32{special.CLS, special.SEP, special.Mask, special.Pad, special.BOS, special.EOS} {
		if id >= 0 {
			k.special[id] = true
		}
	}
	return k, nil
}

// hash identifies the segments.
func (k *masked) hash() string {
	h := sha256.New()
	for _, s := range k.segments {
		fmt.Fprintln(h, s.IDs)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Lengths are the segments' numbers of tokens.
func (k *masked) Lengths() []int {
	return lengths(k.segments)
}

// Count is the number of tokens to predict in a segment.
func (k *masked) Count(example int, step uint64) float64 {
	return float64(len(k.targets(example, step)))
}

// key addresses the chance of a segment at a step.
func (k *masked) key(example int, step uint64, what string) chance.Key {
	if k.fixed {
		step = 0
	}
	var digits [20]byte
	number := string(strconv.AppendInt(digits[:0], int64(example), 10)) // short enough for the stack
	return chance.Key{Seed: k.seed, Step: step, Site: chance.SiteOf("masking.", what, ".", number)}
}

// targets are the places to predict, ascending: whole words in a random order, as
// long as they fit into the share of tokens. The next call overwrites them.
func (k *masked) targets(example int, step uint64) []int32 {
	ids := k.segments[example].IDs
	tokens := k.split(ids)
	want := max(1, int(math.Round(float64(tokens)*k.rate)))
	k.order = slices.Grow(k.order[:0], len(k.words))[:len(k.words)]
	chance.Permute(k.order, k.key(example, step, "words"))
	k.hidden = slices.Grow(k.hidden[:0], len(ids))[:len(ids)]
	clear(k.hidden)
	n := 0
	for _, w := range k.order {
		from, to := k.words[w][0], k.words[w][1]
		if n > 0 && n+to-from > want {
			continue
		}
		for i := from; i < to; i++ {
			k.hidden[i] = true
		}
		n += to - from
		if n >= want {
			break
		}
	}
	k.places = k.places[:0]
	for i, h := range k.hidden {
		if h {
			k.places = append(k.places, int32(i))
		}
	}
	return k.places
}

// split finds the words of a segment, or the tokens if they are hidden one by one, and tells how many tokens they have.
func (k *masked) split(ids []int32) (tokens int) {
	k.words = k.words[:0]
	for i, id := range ids {
		if k.special[id] {
			continue
		}
		tokens++
		if n := len(k.words); k.whole && n > 0 && k.words[n-1][1] == i && !k.begins[id] {
			k.words[n-1][1] = i + 1
			continue
		}
		k.words = append(k.words, [2]int{i, i + 1})
	}
	return tokens
}

// Batch packs segments with their tokens hidden.
func (k *masked) Batch(b *nn.Batch, examples []int, step uint64) error {
	for _, e := range examples {
		places := k.targets(e, step)
		k.ids = append(k.ids[:0], k.segments[e].IDs...)
		fate, other := k.key(e, step, "fate"), k.key(e, step, "other")
		for _, at := range places {
			switch u := chance.Float(fate, uint64(at)); {
			case u < 0.8:
				k.ids[at] = k.mask
			case u < 0.9:
				k.ids[at] = int32(chance.Below(other, uint64(at), uint64(len(k.begins))))
			}
		}
		if err := b.Add(nn.Segment{IDs: k.ids, Types: k.segments[e].Types, Wanted: places}); err != nil {
			return err
		}
	}
	return nil
}

// Loss is the cross entropy of the hidden tokens.
func (k *masked) Loss(p *nn.Pass, examples []int, step uint64, scale float32) *autograd.Value {
	answers := k.answers(autograd.Slice[int32](p.Tape, len(p.Batch.Wanted))[:0], examples, step)
	return model.Loss(k.model, p, k.model.Hidden(p), answers, scale)
}

// answers appends the hidden tokens of a batch, in its order.
func (k *masked) answers(answers []int32, examples []int, step uint64) []int32 {
	for _, e := range examples {
		for _, at := range k.targets(e, step) {
			answers = append(answers, k.segments[e].IDs[at])
		}
	}
	return answers
}

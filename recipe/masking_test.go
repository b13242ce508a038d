package recipe

import (
	"slices"
	"testing"

	"trimtab/nn"
	"trimtab/tokenizer"
)

// Of a pair nothing but the texts' own tokens is hidden, whole words at a time, and token types stay.
func TestMaskingOfPairs(t *testing.T) {
	tok, err := tokenizer.TrainWordPiece(t.Context(), slices.Values([]string{"the film was great", "a plot"}), tokenizer.TrainOptions{Size: 25})
	if err != nil {
		t.Fatal(err)
	}
	e, err := tok.EncodePair("film great plot", "great film", tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := newMasked(nil, tok, []nn.Segment{{IDs: e.IDs, Types: e.TypeIDs}}, Masking{Probability: 0.4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int32]bool{}
	for step := range uint64(50) {
		places := k.targets(0, step)
		for _, at := range places {
			seen[at] = true
			if at+1 < int32(len(e.IDs)) && !k.begins[e.IDs[at+1]] && !slices.Contains(places, at+1) {
				t.Fatalf("step %d hides a part of a word: %v of %v", step, places, e.Tokens)
			}
		}
		b := &nn.Batch{}
		err := k.Batch(b, []int{0}, step)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.Types, e.TypeIDs) || !slices.Equal(b.Wanted, places) {
			t.Fatalf("types %v, wanted %v", b.Types, b.Wanted)
		}
	}
	special := tok.Special()
	for at, id := range e.IDs {
		if around := id == special.CLS || id == special.SEP; seen[int32(at)] == around {
			t.Errorf("%s at %d: hidden %v", e.Tokens[at], at, seen[int32(at)])
		}
	}
}

package tokenizer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// story is a text to learn from.
const story = `The small harbour lies between two hills. In the morning the fishermen carry their nets
to the boats, and in the evening they carry the fish to the market. The market is small too, but
everybody in the harbour knows everybody, and the fishermen's children know the names of all boats.
When the wind blows from the hills, the boats stay in the harbour and the nets stay in the boats.`

func lineOf(text string) func(func(string) bool) { return slices.Values(strings.Split(text, "\n")) }

// slowLearn counts all neighbours anew before every merge: what the learner does
// step by step must come to the same.
func slowLearn(words []spelled, tokens []string, prefix string, size int) []string {
	ids := map[string]int32{}
	for i, t := range tokens {
		ids[t] = int32(i)
	}
	for len(tokens) < size {
		counts := map[[2]int32]int64{}
		for _, w := range words {
			for i := 1; i < len(w.tokens); i++ {
				counts[[2]int32{w.tokens[i-1], w.tokens[i]}] += w.count
			}
		}
		best, most := [2]int32{}, int64(0)
		for p, n := range counts {
			if n > most || n == most && (p[0] < best[0] || p[0] == best[0] && p[1] < best[1]) {
				best, most = p, n
			}
		}
		if most == 0 {
			break
		}
		t := tokens[best[0]] + strings.TrimPrefix(tokens[best[1]], prefix)
		id, ok := ids[t]
		if !ok {
			id = int32(len(tokens))
			ids[t], tokens = id, append(tokens, t)
		}
		for k, w := range words {
			var out []int32
			for i := 0; i < len(w.tokens); i++ {
				if i+1 < len(w.tokens) && w.tokens[i] == best[0] && w.tokens[i+1] == best[1] {
					out = append(out, id)
					i++
				} else {
					out = append(out, w.tokens[i])
				}
			}
			words[k].tokens = out
		}
	}
	return tokens
}

func TestLearner(t *testing.T) {
	repeats := ""
	for i := range 40 {
		repeats += strings.Repeat("a", i%7+1) + strings.Repeat("ba", i%5) + strings.Repeat("aab", i%3) + " "
	}
	for _, text := range []string{story, repeats} {
		for _, prefix := range []string{"##", ""} {
			counts, err := countWords(context.Background(), lineOf(text), &Tokenizer{
				pretokenizers: []pretokenizer{bertPretokenizer{}}, added: &addedTokens{}})
			if err != nil {
				t.Fatal(err)
			}
			const size = 150
			fast := newLearner(TrainOptions{Size: size, SpecialTokens: []string{"<s>"}}, prefix)
			fast.letters(counts, nil)
			fast.spell(counts)
			var words []spelled
			for _, w := range fast.words {
				words = append(words, spelled{slices.Clone(w.tokens), w.count})
			}
			want := slowLearn(words, slices.Clone(fast.tokens), prefix, size)
			if err := fast.learn(context.Background()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(fast.tokens, want) {
				t.Errorf("prefix %q:\n got %q\nwant %q", prefix, fast.tokens, want)
			}
		}
	}
}

func TestTrainWordPiece(t *testing.T) {
	k, err := TrainWordPiece(context.Background(), lineOf(story), TrainOptions{Size: 90})
	if err != nil {
		t.Fatal(err)
	}
	if k.Size() != 90 || k.Special() != (Special{Pad: 0, Unknown: 1, CLS: 2, SEP: 3, Mask: 4, BOS: -1, EOS: -1}) {
		t.Errorf("size %d, special tokens %+v", k.Size(), k.Special())
	}
	e, err := k.EncodePair("The HARBOUR, the märket!", "[MASK] boats?", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Decode(e.IDs, true); got != "the harbour, the market [UNK] [MASK] boats [UNK]" && !strings.HasPrefix(got, "the harbour, the market") {
		t.Errorf("decoded %q", got)
	}
	if id, ok := k.ID("the"); !ok || !slices.Contains(e.IDs, id) {
		t.Errorf("the most frequent word is no token: %q", e.Tokens)
	}
	dir := t.TempDir()
	if err := k.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := again.EncodePair("The HARBOUR, the märket!", "[MASK] boats?", Options{})
	if err != nil || !slices.Equal(f.IDs, e.IDs) || again.Special() != k.Special() {
		t.Errorf("after saving: %v, expected %v (%v)", f, e.IDs, err)
	}
}

func TestTrainBPE(t *testing.T) {
	k, err := TrainBPE(context.Background(), lineOf(story), TrainOptions{Size: 320})
	if err != nil {
		t.Fatal(err)
	}
	text := "The harbour\tis — 漢 !"
	e, err := k.Encode(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Decode(e.IDs, false); got != text || k.Size() != 320 || k.Special().EOS != 0 {
		t.Errorf("decoded %q, size %d, special tokens %+v", got, k.Size(), k.Special())
	}
	if len(e.IDs) >= len(text) {
		t.Errorf("nothing was joined: %q", e.Tokens)
	}
}

func TestTrainRepeats(t *testing.T) {
	var first []string
	for range 3 {
		k, err := TrainWordPiece(context.Background(), lineOf(strings.Repeat(story+"\n", 50)), TrainOptions{Size: 200, Alphabet: 20})
		if err != nil {
			t.Fatal(err)
		}
		tokens := k.model.vocabulary().tokens
		if first == nil {
			first = tokens
		}
		if !slices.Equal(tokens, first) {
			t.Fatal("another vocabulary from the same text")
		}
	}
	letters := 0
	for _, t := range first[len(bertSpecials):] {
		if len([]rune(t)) == 1 {
			letters++
		}
	}
	if letters != 20 {
		t.Errorf("an alphabet of %d, expected 20", letters)
	}
}

func TestTrainErrors(t *testing.T) {
	for _, o := range []TrainOptions{{Size: 3}, {Size: -1}, {MinFrequency: -1}, {SpecialTokens: []string{"[PAD]"}}, {SpecialTokens: []string{"a", "a"}}} {
		if _, err := TrainWordPiece(context.Background(), lineOf(story), o); err == nil {
			t.Errorf("%+v: expected an error", o)
		}
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := TrainWordPiece(stopped, lineOf(story), TrainOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := TrainBPE(context.Background(), lineOf("a\n\xff"), TrainOptions{}); !errors.Is(err, ErrNotUTF8) {
		t.Errorf("bad text: %v", err)
	}
}

func ExampleTrainWordPiece() {
	texts := slices.Values([]string{"low lower lowest", "new newer newest"})
	k, err := TrainWordPiece(context.Background(), texts, TrainOptions{Size: 24})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := k.Encode("Lower, newest", Options{NoSpecialTokens: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Tokens)
	// Output: [lo ##wer [UNK] ne ##we ##st]
}

func ExampleTrainBPE() {
	texts := slices.Values([]string{"low lower lowest", "new newer newest"})
	k, err := TrainBPE(context.Background(), texts, TrainOptions{Size: 262})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := k.Encode("lower newest", Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Tokens)
	// Output: [lo we r Ġ ne we st]
}

package tokenizer

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// learner joins the most frequent neighbours of a list of words into new tokens
// until the vocabulary is full (Sennrich et al., 2016).
type learner struct {
	TrainOptions
	prefix string // before tokens that do not begin a word
	ids    map[string]int32
	tokens []string
	words  []spelled
	pairs  map[uint64]*pairUse
	queue  []pairRank // a heap, the most frequent pair on top
	joined [][2]int32
}

// spelled is a word as tokens.
type spelled struct {
	tokens []int32
	count  int64
}

// pairUse is how often two neighbours occur, and in which words. A word may be
// listed where the pair is no longer, but never the other way round.
type pairUse struct {
	count int64
	words []int32
}

// pairRank is a pair and the count that it had when it was put on the heap.
type pairRank struct {
	count int64
	pair  uint64
}

func (a pairRank) before(b pairRank) bool {
	return a.count > b.count || a.count == b.count && a.pair < b.pair
}

func newLearner(o TrainOptions, prefix string) *learner {
	l := &learner{TrainOptions: o, prefix: prefix, ids: map[string]int32{}, pairs: map[uint64]*pairUse{}}
	for _, t := range o.SpecialTokens {
		l.token(t)
	}
	return l
}

// token is the id of a token, a new one if need be.
func (l *learner) token(t string) int32 {
	id, ok := l.ids[t]
	if !ok {
		id = int32(len(l.tokens))
		l.tokens = append(l.tokens, t)
		l.ids[t] = id
	}
	return id
}

// letters makes tokens of the characters of the words, in Unicode's order, at
// most Alphabet of them, and of those that must be there.
func (l *learner) letters(words []wordCount, must []rune) {
	counts := map[rune]int64{}
	for _, w := range words {
		for _, r := range w.word {
			counts[r] += w.count
		}
	}
	list := make([]rune, 0, len(counts))
	for r := range counts {
		list = append(list, r)
	}
	if l.Alphabet > 0 && len(list) > l.Alphabet {
		slices.SortFunc(list, func(a, b rune) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
		})
		list = list[:l.Alphabet]
	}
	list = append(list, must...)
	slices.Sort(list)
	for _, r := range slices.Compact(list) {
		l.token(string(r))
	}
}

// spell writes the words as tokens of single characters and counts neighbours.
// Characters outside the alphabet are left out.
func (l *learner) spell(words []wordCount) {
	letters := len(l.tokens)
	if l.prefix != "" {
		inside := map[rune]bool{}
		for _, w := range words {
			for i, r := range w.word {
				inside[r] = inside[r] || i > 0
			}
		}
		for id := len(l.SpecialTokens); id < letters; id++ {
			r, _ := firstRune(l.tokens[id])
			if inside[r] {
				l.token(l.prefix + l.tokens[id])
			}
		}
	}
	for _, w := range words {
		s := spelled{count: w.count}
		for i, r := range w.word {
			t := string(r)
			if _, ok := l.ids[t]; !ok {
				continue
			}
			if i > 0 {
				t = l.prefix + t
			}
			s.tokens = append(s.tokens, l.ids[t])
		}
		at := int32(len(l.words))
		l.words = append(l.words, s)
		for i := 1; i < len(s.tokens); i++ {
			l.count(pairKey(s.tokens[i-1], s.tokens[i]), s.count, at)
		}
	}
	for p, use := range l.pairs {
		l.queue = push(l.queue, pairRank{use.count, p})
	}
}

func firstRune(s string) (rune, bool) {
	for _, r := range s {
		return r, true
	}
	return 0, false
}

// count adds occurrences of a pair in a word; a negative n takes them away.
func (l *learner) count(pair uint64, n int64, word int32) {
	use := l.pairs[pair]
	if use == nil {
		use = &pairUse{}
		l.pairs[pair] = use
	}
	use.count += n
	if n > 0 && (len(use.words) == 0 || use.words[len(use.words)-1] != word) {
		use.words = append(use.words, word)
	}
}

// learn joins pairs until the vocabulary is full or no pair is frequent enough.
func (l *learner) learn(ctx context.Context) error {
	for len(l.tokens) < l.Size && len(l.queue) > 0 {
		var top pairRank
		top, l.queue = pop(l.queue)
		use := l.pairs[top.pair]
		if use == nil || use.count <= 0 {
			continue
		}
		if use.count != top.count {
			l.queue = push(l.queue, pairRank{use.count, top.pair})
			continue
		}
		if use.count < int64(l.MinFrequency) {
			break
		}
		if len(l.joined)%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.join(top.pair, use)
	}
	return nil
}

// join makes a token of a pair, wherever the two are neighbours.
func (l *learner) join(pair uint64, use *pairUse) {
	a, b := int32(pair>>32), int32(uint32(pair))
	id := l.token(l.tokens[a] + strings.TrimPrefix(l.tokens[b], l.prefix))
	l.joined = append(l.joined, [2]int32{a, b})
	delete(l.pairs, pair)
	changed := map[uint64]bool{}
	for _, at := range use.words {
		w := &l.words[at]
		t := w.tokens
		out := t[:0]
		move := func(old, new uint64) {
			if old != pair {
				l.count(old, -w.count, at)
			}
			l.count(new, w.count, at)
			changed[new] = true
		}
		for i := 0; i < len(t); i++ {
			if i+1 >= len(t) || t[i] != a || t[i+1] != b {
				out = append(out, t[i])
				continue
			}
			if len(out) > 0 {
				last := out[len(out)-1]
				if last == id { // it was joined just now and still counts as neighbour of a
					move(pairKey(id, a), pairKey(id, id))
				} else {
					move(pairKey(last, a), pairKey(last, id))
				}
			}
			if i+2 < len(t) {
				move(pairKey(b, t[i+2]), pairKey(id, t[i+2]))
			}
			out = append(out, id)
			i++
		}
		w.tokens = out
	}
	for p := range changed {
		if use := l.pairs[p]; use != nil && use.count > 0 {
			l.queue = push(l.queue, pairRank{use.count, p})
		}
	}
}

// merges are the joined pairs, in order.
func (l *learner) merges() [][2]string {
	out := make([][2]string, len(l.joined))
	for i, p := range l.joined {
		out[i] = [2]string{l.tokens[p[0]], l.tokens[p[1]]}
	}
	return out
}

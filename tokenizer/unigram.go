package tokenizer

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// unigram takes the most likely way to cut a text, each token having a
// probability of its own (Kudo, 2018).
type unigram struct {
	*vocab
	scores       []float64
	unknown      int32 // -1 where there is none
	unknownScore float64
	byteFallback bool
	bytes        [256]int32 // the ids of <0x00> to <0xFF>, -1 where absent
	trie         *trie
}

// unknownPenalty is how much less likely than the least likely token an unknown
// character is, in logarithms.
const unknownPenalty = 10

func parseUnigram(f *fields) (*unigram, error) {
	m := &unigram{unknown: -1, byteFallback: f.boolOr("byte_fallback", false), trie: newTrie()}
	if _, ok := f.maybe("unk_id", kindNumber); ok {
		m.unknown = int32(f.integer("unk_id"))
	}
	list := f.need("vocab", kindArray).kids.values
	if err := f.done(); err != nil {
		return nil, err
	}
	if int(m.unknown) >= len(list) {
		return nil, fmt.Errorf("%s: key \"unk_id\": %d is not among the %d tokens", f.where, m.unknown, len(list))
	}
	m.vocab, m.scores = newVocab(len(list)), make([]float64, len(list))
	least := math.Inf(1)
	for id, n := range list {
		where := fmt.Sprintf("%s.vocab[%d]", f.where, id)
		if n.kind != kindArray || len(n.kids.values) != 2 || n.kids.values[0].kind != kindString {
			return nil, fmt.Errorf("%s: expected a token and its score", where)
		}
		score, ok := n.kids.values[1].float()
		if !ok {
			return nil, fmt.Errorf("%s: expected a score, found %s", where, n.kids.values[1].kind)
		}
		token := n.kids.values[0].text
		if err := m.add(token, id, len(list)); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if token != "" {
			if err := m.trie.put(token, int32(id)); err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
		}
		m.scores[id] = score
		least = min(least, score)
	}
	m.unknownScore = least - unknownPenalty
	m.bytes = byteIDs(m.vocab)
	return m, nil
}

// byteIDs are the ids of the tokens <0x00> to <0xFF>, -1 where absent.
func byteIDs(v *vocab) (ids [256]int32) {
	for b := range ids {
		ids[b] = -1
		if id, ok := v.id(fmt.Sprintf("<0x%02X>", b)); ok {
			ids[b] = id
		}
	}
	return ids
}

func (m *unigram) vocabulary() *vocab { return m.vocab }

func (m *unigram) unknownToken() (int32, bool) { return m.unknown, m.unknown >= 0 }

// cut is the best way to reach a place in the text.
type cut struct {
	score float64
	start int32 // where the last token begins; -1 where the place was not reached
	id    int32
}

func (m *unigram) tokenize(text string, out []token, s *scratch) ([]token, error) {
	if err := m.search(text, s); err != nil {
		return nil, err
	}
	first := len(out)
	for end := len(text); end > 0; {
		c := s.cuts[end]
		start := int(c.start)
		for c.id == m.unknown && start > 0 && s.cuts[start].id == m.unknown {
			start = int(s.cuts[start].start)
		}
		out = m.spell(text, start, end, out)
		end = start
	}
	for i, j := first, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// search finds the best cuts for all places of the text.
func (m *unigram) search(text string, s *scratch) error {
	if cap(s.cuts) <= len(text) {
		s.cuts = make([]cut, 2*len(text)+64)
	}
	s.cuts = s.cuts[:len(text)+1]
	for i := range s.cuts {
		s.cuts[i] = cut{start: -1, id: -1}
	}
	for at := 0; at < len(text); {
		here := s.cuts[at].score
		_, width := utf8.DecodeRuneInString(text[at:])
		reach := func(end int, score float64, id int32) {
			if c := &s.cuts[end]; c.start < 0 || score > c.score {
				*c = cut{score, int32(at), id}
			}
		}
		single := false
		node := uint32(0)
		for i := at; i < len(text); i++ {
			if node = m.trie.step(node, text[i]); node == 0 {
				break
			}
			if id := m.trie.values[node]; id >= 0 {
				reach(i+1, m.scores[id]+here, id)
				single = single || i+1 == at+width
			}
		}
		if !single {
			if m.unknown < 0 {
				return fmt.Errorf("tokenizer: model: %q cannot be spelled and there is no unknown token", text[at:at+width])
			}
			reach(at+width, m.unknownScore+here, m.unknown)
		}
		at += width
	}
	return nil
}

// spell appends the tokens for text[start:end], in reverse order.
func (m *unigram) spell(text string, start, end int, out []token) []token {
	part := text[start:end]
	id, ok := m.id(part)
	if ok {
		return append(out, token{id, part, start, end})
	}
	if m.byteFallback && m.spellable(part) {
		for i := len(part) - 1; i >= 0; i-- {
			id := m.bytes[part[i]]
			out = append(out, token{id, m.tokens[id], start, end})
		}
		return out
	}
	return append(out, token{m.unknown, part, start, end})
}

// spellable says whether there is a token for every byte of part.
func (m *unigram) spellable(part string) bool {
	for i := 0; i < len(part); i++ {
		if m.bytes[part[i]] < 0 {
			return false
		}
	}
	return true
}

package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe joins the two neighbours that were joined first in training, again and
// again (Sennrich et al., 2016).
type bpe struct {
	*vocab
	merges       map[uint64]bpeMerge
	pairs        [][2]int32 // the merges in order, for writing
	unknown      string
	hasUnknown   bool
	prefix       string // before characters that do not begin a word
	suffix       string // behind the character that ends a word
	fuseUnknown  bool
	byteFallback bool
	ignoreMerges bool // words of the vocabulary are taken as they are
	bytes        [256]int32
}

// bpeMerge is the result of joining two tokens, and how early it was learned.
type bpeMerge struct{ rank, id int32 }

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

func parseBPE(f *fields) (*bpe, error) {
	m := &bpe{
		prefix: f.stringOr("continuing_subword_prefix", ""), suffix: f.stringOr("end_of_word_suffix", ""),
		fuseUnknown: f.boolOr("fuse_unk", false), byteFallback: f.boolOr("byte_fallback", false),
		ignoreMerges: f.boolOr("ignore_merges", false),
	}
	if n, ok := f.maybe("unk_token", kindString); ok {
		m.unknown, m.hasUnknown = n.text, true
	}
	if n, ok := f.maybe("dropout", kindNumber); ok {
		if v, ok := n.float(); !ok || v != 0 {
			f.fail("key \"dropout\": %w: %s; tokens would differ from one time to the next", ErrUnsupported, n.text)
		}
	}
	vocabulary := f.need("vocab", kindObject)
	merges := f.need("merges", kindArray)
	if err := f.done(); err != nil {
		return nil, err
	}
	v, err := vocabOf(f.where+".vocab", vocabulary)
	if err != nil {
		return nil, err
	}
	pairs := make([][2]string, 0, len(merges.kids.values))
	for i, n := range merges.kids.values {
		pair, err := parseMerge(n)
		if err != nil {
			return nil, fmt.Errorf("%s.merges[%d]: %w", f.where, i, err)
		}
		if pair != [2]string{} {
			pairs = append(pairs, pair)
		}
	}
	return m, m.use(v, pairs)
}

// parseMerge reads a merge written as ["a", "b"] or, in older files, as "a b".
func parseMerge(n node) (pair [2]string, err error) {
	if n.kind == kindString {
		return splitMerge(n.text)
	}
	if n.kind != kindArray || len(n.kids.values) != 2 {
		return pair, fmt.Errorf("expected two tokens")
	}
	for i, k := range n.kids.values {
		if k.kind != kindString {
			return pair, fmt.Errorf("expected a token, found %s", k.kind)
		}
		pair[i] = k.text
	}
	return pair, nil
}

// splitMerge reads a line of merges.txt. The line with the version is no merge.
func splitMerge(line string) (pair [2]string, err error) {
	if strings.HasPrefix(line, "#version") {
		return pair, nil
	}
	a, b, ok := strings.Cut(line, " ")
	if !ok || strings.Contains(b, " ") {
		return pair, fmt.Errorf("expected two tokens with a blank between them, found %q", line)
	}
	return [2]string{a, b}, nil
}

// use gives the model its vocabulary and merges.
func (m *bpe) use(v *vocab, merges [][2]string) error {
	m.vocab, m.bytes = v, byteIDs(v)
	m.merges = make(map[uint64]bpeMerge, len(merges))
	m.pairs = make([][2]int32, 0, len(merges))
	for rank, pair := range merges {
		if len(pair[1]) < len(m.prefix) {
			return fmt.Errorf("model (BPE): merge %d of %q and %q: the second is shorter than the prefix %q", rank, pair[0], pair[1], m.prefix)
		}
		var ids [3]int32
		for i, t := range []string{pair[0], pair[1], pair[0] + pair[1][len(m.prefix):]} {
			id, ok := v.id(t)
			if !ok {
				return fmt.Errorf("model (BPE): merge %d of %q and %q: token %q is not in the vocabulary", rank, pair[0], pair[1], t)
			}
			ids[i] = id
		}
		m.merges[pairKey(ids[0], ids[1])] = bpeMerge{int32(rank), ids[2]}
		m.pairs = append(m.pairs, [2]int32{ids[0], ids[1]})
	}
	return nil
}

func (m *bpe) vocabulary() *vocab { return m.vocab }

func (m *bpe) unknownToken() (int32, bool) {
	if !m.hasUnknown {
		return -1, false
	}
	return m.id(m.unknown)
}

// symbol is a token of a word that is being joined, and how many bytes of the
// word it covers.
type symbol struct {
	id         int32
	size       int32
	prev, next int32
}

// Words up to maxCachedWord bytes are remembered, up to maxCached of them.
const (
	maxCachedWord = 256
	maxCached     = 10000
)

func (m *bpe) tokenize(text string, out []token, s *scratch) ([]token, error) {
	if m.ignoreMerges {
		if id, ok := m.id(text); ok {
			return append(out, token{id, m.tokens[id], 0, len(text)}), nil
		}
	}
	if known, ok := s.words[text]; ok {
		return append(out, known...), nil
	}
	before := len(out)
	if err := m.symbols(text, s); err != nil {
		return nil, err
	}
	m.join(s)
	at := 0
	for i := int32(0); i >= 0 && len(s.symbols) > 0; i = s.symbols[i].next {
		y := s.symbols[i]
		out = append(out, token{y.id, m.tokens[y.id], at, at + int(y.size)})
		at += int(y.size)
	}
	if len(text) < maxCachedWord && len(s.words) < maxCached {
		if s.words == nil {
			s.words = map[string][]token{}
		}
		s.words[strings.Clone(text)] = append([]token(nil), out[before:]...)
	}
	return out, nil
}

// symbols spells a word with the tokens of its characters.
func (m *bpe) symbols(text string, s *scratch) error {
	s.symbols = s.symbols[:0]
	add := func(id int32, size int) {
		n := int32(len(s.symbols))
		if n > 0 {
			s.symbols[n-1].next = n
		}
		s.symbols = append(s.symbols, symbol{id, int32(size), n - 1, -1})
	}
	unknownSize := 0 // of an unknown token that waits for its neighbours
	unknown, known := int32(0), false
	flush := func() {
		if unknownSize > 0 {
			add(unknown, unknownSize)
			unknownSize = 0
		}
	}
	for at := 0; at < len(text); {
		_, size := utf8.DecodeRuneInString(text[at:])
		c := m.spelling(text, at, size)
		at += size
		if id, ok := m.id(c); ok {
			flush()
			add(id, size)
			continue
		}
		if m.byteFallback && m.spellable(c) {
			// An unknown token in waiting comes behind the bytes, as in the library.
			for i := 0; i < len(c); i++ {
				add(m.bytes[c[i]], 1)
			}
			continue
		}
		if !m.hasUnknown {
			continue
		}
		if !known {
			if unknown, known = m.id(m.unknown); !known {
				return unknownMissing(m.unknown)
			}
		}
		if !m.fuseUnknown {
			flush()
		}
		unknownSize += size
	}
	flush()
	return nil
}

// spelling is how the vocabulary writes the character text[at:at+size].
func (m *bpe) spelling(text string, at, size int) string {
	c := text[at : at+size]
	if at > 0 && m.prefix != "" {
		c = m.prefix + c
	}
	if at+size == len(text) && m.suffix != "" {
		c += m.suffix
	}
	return c
}

func (m *bpe) spellable(c string) bool {
	for i := 0; i < len(c); i++ {
		if m.bytes[c[i]] < 0 {
			return false
		}
	}
	return true
}

package tokenizer

import "unicode/utf8"

// token is one result of a model: an id, what it reads, and the bytes of the
// piece that it covers.
type token struct {
	id         int32
	text       string
	start, end int
}

// model turns a piece's text into tokens. The scratch belongs to one goroutine.
type model interface {
	tokenize(text string, out []token, s *scratch) ([]token, error)
	vocabulary() *vocab
}

// scratch is what a goroutine keeps from one text to the next.
type scratch struct {
	cut     []segment // the pieces of a text, and what a pre-tokenizer makes of them
	spare   []segment
	tokens  []token
	cuts    []cut              // of Unigram
	symbols []symbol           // of BPE
	heap    []bpeCandidate     // of BPE
	words   map[string][]token // what BPE made of words that it met before
}

// wordPiece covers a word with the longest pieces of its vocabulary, from left
// to right (Schuster and Nakajima, 2012, as used by BERT).
type wordPiece struct {
	*vocab
	unknown  string
	prefix   string
	maxChars int
	trie     *trie
	inside   uint32 // the trie's node behind prefix, where pieces inside a word begin
	goesOn   bool   // whether there are such pieces
}

func parseWordPiece(f *fields) (*wordPiece, error) {
	m := &wordPiece{
		unknown:  f.string("unk_token"),
		prefix:   f.string("continuing_subword_prefix"),
		maxChars: f.integer("max_input_chars_per_word"),
	}
	vocabulary := f.need("vocab", kindObject)
	if err := f.done(); err != nil {
		return nil, err
	}
	v, err := vocabOf(f.where+".vocab", vocabulary)
	if err != nil {
		return nil, err
	}
	return m, m.use(v)
}

// use gives the model its vocabulary.
func (m *wordPiece) use(v *vocab) error {
	m.vocab, m.trie = v, newTrie()
	for id, t := range v.tokens {
		if t != "" {
			if err := m.trie.put(t, int32(id)); err != nil {
				return err
			}
		}
	}
	m.inside, m.goesOn = m.trie.walk(m.prefix)
	return nil
}

func (m *wordPiece) vocabulary() *vocab { return m.vocab }

func (m *wordPiece) tokenize(text string, out []token, _ *scratch) ([]token, error) {
	if len(text) > m.maxChars && utf8.RuneCountInString(text) > m.maxChars {
		return m.giveUp(text, out)
	}
	before := len(out)
	id, n := m.trie.longest(0, text)
	for at := 0; n > 0; {
		out = append(out, token{id, m.tokens[id], at, at + n})
		if at += n; at == len(text) {
			return out, nil
		}
		if n = 0; m.goesOn {
			id, n = m.trie.longest(m.inside, text[at:])
		}
	}
	return m.giveUp(text, out[:before])
}

// giveUp makes the whole word the unknown token.
func (m *wordPiece) giveUp(text string, out []token) ([]token, error) {
	id, ok := m.id(m.unknown)
	if !ok {
		return nil, unknownMissing(m.unknown)
	}
	return append(out, token{id, m.unknown, 0, len(text)}), nil
}

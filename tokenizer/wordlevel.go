package tokenizer

// wordLevel knows whole words only.
type wordLevel struct {
	*vocab
	unknown string
}

func parseWordLevel(f *fields) (*wordLevel, error) {
	m := &wordLevel{unknown: f.string("unk_token")}
	vocabulary := f.need("vocab", kindObject)
	err := f.done()
	if err == nil {
		m.vocab, err = vocabOf(f.where+".vocab", vocabulary)
	}
	return m, err
}

func (m *wordLevel) vocabulary() *vocab { return m.vocab }

func (m *wordLevel) unknownToken() (int32, bool) { return m.id(m.unknown) }

func (m *wordLevel) tokenize(text string, out []token, _ *scratch) ([]token, error) {
	word := text
	id, ok := m.id(word)
	if !ok {
		word = m.unknown
		if id, ok = m.id(word); !ok {
			return nil, unknownMissing(m.unknown)
		}
	}
	return append(out, token{id, word, 0, len(text)}), nil
}

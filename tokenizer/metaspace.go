package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// metaspace makes blanks visible, as SentencePiece does: each becomes the
// replacement character, which then begins a word.
type metaspace struct {
	replacement string
	scheme      prependScheme
	split       bool
}

// prependScheme says before which pieces a replacement character is put.
type prependScheme uint8

const (
	prependAlways prependScheme = iota
	prependFirst                // only at the beginning of the text
	prependNever
)

// parseMetaspace reads the newer form with prepend_scheme and the older one with
// add_prefix_space; str_rep is a copy of the replacement that older files have.
func parseMetaspace(f *fields) metaspace {
	m := metaspace{replacement: string(f.rune("replacement")), split: f.boolOr("split", true)}
	if _, ok := f.maybe("prepend_scheme", kindString); ok {
		m.scheme = prependScheme(f.choice("prepend_scheme", "always", "first", "never"))
	}
	if n, ok := f.maybe("add_prefix_space", kindBool); ok && n.text == "false" && m.scheme != prependNever {
		f.fail("key \"add_prefix_space\": false contradicts prepend_scheme, which is not \"never\"")
	}
	if s := f.stringOr("str_rep", m.replacement); s != m.replacement {
		f.fail("key \"str_rep\": %q is not the replacement %q", s, m.replacement)
	}
	return m
}

func (m metaspace) pretokenize(p piece, emit func(piece)) error {
	if strings.Contains(p.text, " ") {
		blanks := pattern{literal: " "}
		matches, err := blanks.cover(p.text)
		if err != nil {
			return err
		}
		if err := p.replace(matches, m.replacement); err != nil {
			return err
		}
	}
	wanted := m.scheme == prependAlways || m.scheme == prependFirst && p.shift == 0
	if wanted && !strings.HasPrefix(p.text, m.replacement) {
		p.prepend(m.replacement)
	}
	if !m.split {
		emit(p)
		return nil
	}
	for at := 0; at < len(p.text); {
		_, size := utf8.DecodeRuneInString(p.text[at:])
		next := strings.Index(p.text[at+size:], m.replacement)
		if next < 0 {
			emit(p.slice(at, len(p.text)))
			return nil
		}
		emit(p.slice(at, at+size+next))
		at += size + next
	}
	return nil
}

// decode makes the replacement characters blanks again, those of the first
// token nothing.
func (m metaspace) decode(tokens []string) []string {
	for i, t := range tokens {
		blank := " "
		if i == 0 && m.scheme != prependNever {
			blank = ""
		}
		tokens[i] = strings.ReplaceAll(t, m.replacement, blank)
	}
	return tokens
}

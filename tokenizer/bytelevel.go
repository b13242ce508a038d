package tokenizer

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// GPT-2's byte level: every byte of the text is spelled with one printable
// character, so that a vocabulary of strings covers all bytes.

// byteLetters are the characters that stand for the 256 bytes: printable ones
// for themselves, the others, in order, for U+0100 and on.
var byteLetters = sync.OnceValue(func() *[256]rune {
	var letters [256]rune
	next := rune(0x100)
	for b := range letters {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			letters[b] = rune(b)
		} else {
			letters[b] = next
			next++
		}
	}
	return &letters
})

// letterBytes are the bytes of U+0000 to U+0143, -1 where a character stands
// for none.
var letterBytes = sync.OnceValue(func() *[0x144]int16 {
	var bytes [0x144]int16
	for i := range bytes {
		bytes[i] = -1
	}
	for b, r := range byteLetters() {
		bytes[r] = int16(b)
	}
	return &bytes
})

// spellBytes replaces every byte of the piece by its character.
func (p *piece) spellBytes() {
	plain := true
	for i := 0; i < len(p.text) && plain; i++ {
		plain = p.text[i] > ' ' && p.text[i] < 0x7F
	}
	if plain {
		return
	}
	p.spell()
	letters := byteLetters()
	text := make([]byte, 0, len(p.text)+len(p.text)/2)
	from := make([]align, 0, cap(text))
	for i := 0; i < len(p.text); i++ {
		text = utf8.AppendRune(text, letters[p.text[i]])
		for len(from) < len(text) {
			from = append(from, p.from[i])
		}
	}
	p.text, p.from = string(text), from
}

// byteLevelNormalizer spells bytes before the text is split.
type byteLevelNormalizer struct{}

func (byteLevelNormalizer) normalize(p *piece) error {
	p.spellBytes()
	return nil
}

// byteLevel is the component of that name in three places: it splits a text
// with GPT-2's pattern and spells its bytes, trims blanks off offsets, and
// decodes.
type byteLevel struct {
	prefixSpace bool // puts a blank before every text
	trim        bool // takes blanks out of offsets
	split       bool
}

func parseByteLevel(f *fields) byteLevel {
	return byteLevel{f.bool("add_prefix_space"), f.bool("trim_offsets"), f.boolOr("use_regex", true)}
}

// gpt2Pattern is the pattern of GPT-2's encoder.
var gpt2Pattern = sync.OnceValue(func() *regex {
	r, err := compileRegex(`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`)
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return r
})

func (b byteLevel) pretokenize(p piece, emit func(piece)) error {
	if b.prefixSpace && !strings.HasPrefix(p.text, " ") {
		p.prepend(" ")
	}
	spelled := func(p piece) {
		p.spellBytes()
		emit(p)
	}
	if !b.split {
		spelled(p)
		return nil
	}
	return gpt2Pattern().matches(p.text, func(start, end int) { spelled(p.slice(start, end)) })
}

func (b byteLevel) added(bool) int { return 0 }

func (b byteLevel) process(parts []*Encoding, _ bool, texts []string) ([]*Encoding, error) {
	if b.trim {
		trimAll(parts, b.prefixSpace, texts)
	}
	return parts, nil
}

// trimAll takes blanks out of the offsets of encodings and their windows.
func trimAll(parts []*Encoding, prefixSpace bool, texts []string) {
	for _, p := range parts {
		trimOffsets(p, prefixSpace, texts)
		trimAll(p.Overflowing, prefixSpace, texts)
	}
}

// trimOffsets takes the blanks at a token's ends out of its offsets: as many
// characters of the original text as the token has blanks.
func trimOffsets(e *Encoding, prefixSpace bool, texts []string) {
	for i, token := range e.Tokens {
		leading, trailing := blanks(token)
		if e.Sequence[i] < 0 || leading == 0 && trailing == 0 {
			continue
		}
		text, at := texts[e.Sequence[i]], &e.Offsets[i]
		if leading == 1 && prefixSpace && (i == 0 || at.Start == 0) {
			leading = 0 // the blank that was put there
		}
		for ; leading > 0 && at.Start < at.End; leading-- {
			_, size := utf8.DecodeRuneInString(text[at.Start:])
			at.Start = min(at.Start+size, at.End)
		}
		end := at.End
		for ; trailing > 0 && end > 0; trailing-- {
			_, size := utf8.DecodeLastRuneInString(text[:end])
			end -= size
		}
		if trailing == 0 {
			at.End = max(end, at.Start)
		}
	}
}

// blanks counts the blanks at the beginning and the end of a token.
func blanks(token string) (leading, trailing int) {
	blank := func(r rune) bool { return r == byteLetters()[' '] || isSpace(r) }
	for _, r := range token {
		if !blank(r) {
			break
		}
		leading++
	}
	for len(token) > 0 {
		r, size := utf8.DecodeLastRuneInString(token)
		if !blank(r) {
			break
		}
		trailing++
		token = token[:len(token)-size]
	}
	return leading, trailing
}

// decode turns characters back into bytes. A token with a character that
// stands for no byte is taken as it is.
func (b byteLevel) decode(tokens []string) []string {
	var out []byte
	bytes := letterBytes()
	for _, t := range tokens {
		before := len(out)
		for _, r := range t {
			if int(r) >= len(bytes) || bytes[r] < 0 {
				out = append(out[:before], t...)
				break
			}
			out = append(out, byte(bytes[r]))
		}
	}
	return []string{validUTF8(out)}
}

// validUTF8 replaces what is not UTF-8 by U+FFFD, one for each longest part of
// a character that is cut short, as the Unicode standard recommends.
func validUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = brokenLength(b)
		}
		out.WriteRune(r)
		b = b[size:]
	}
	return out.String()
}

// brokenLength is how many bytes at the start of b could begin a character that
// does not go on.
func brokenLength(b []byte) int {
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n <= need && n < len(b) && b[n] >= low && b[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}

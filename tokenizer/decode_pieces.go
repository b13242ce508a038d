package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// bpeDecoder makes the suffix at the end of words a blank.
type bpeDecoder string

func (suffix bpeDecoder) decode(tokens []string) []string {
	for i, t := range tokens {
		blank := " "
		if i == len(tokens)-1 {
			blank = ""
		}
		tokens[i] = strings.ReplaceAll(t, string(suffix), blank)
	}
	return tokens
}

// ctcDecoder joins repeated tokens, as connectionist temporal classification
// (Graves et al., 2006) repeats them, and drops its pads.
type ctcDecoder struct {
	pad, delimiter string
	cleanup        bool
}

func (d ctcDecoder) decode(tokens []string) []string {
	out := tokens[:0]
	last, any := "", false
	for _, t := range tokens {
		if any && t == last {
			continue
		}
		last, any = t, true
		t = strings.ReplaceAll(t, d.pad, "")
		if d.cleanup {
			t = strings.ReplaceAll(cleanUp(t), d.delimiter, " ")
		}
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// byteFallbackDecoder turns runs of tokens like <0x61> into the text that their
// bytes spell, or into as many U+FFFD where they spell none.
type byteFallbackDecoder struct{}

func (byteFallbackDecoder) decode(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		switch {
		case len(run) == 0:
		case utf8.Valid(run):
			out = append(out, string(run))
		default:
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, t := range tokens {
		if b, ok := byteOf(t); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, t)
	}
	flush()
	return out
}

// byteOf is the byte that a token like <0x61> stands for.
func byteOf(token string) (byte, bool) {
	if len(token) != 6 || token[:3] != "<0x" || token[5] != '>' {
		return 0, false
	}
	digits := token[3:5]
	if digits[0] == '+' { // the library reads a sign here too
		digits = digits[1:]
	}
	b, err := strconv.ParseUint(digits, 16, 8)
	return byte(b), err == nil
}

// fuseDecoder joins all tokens into one, for the decoders behind it.
type fuseDecoder struct{}

func (fuseDecoder) decode(tokens []string) []string {
	return []string{strings.Join(tokens, "")}
}

// stripDecoder takes a character off the ends of each token, at most so often.
type stripDecoder struct {
	content     rune
	start, stop int
}

func (d stripDecoder) decode(tokens []string) []string {
	c := string(d.content)
	for i, t := range tokens {
		for n := d.start; n > 0 && strings.HasPrefix(t, c); n-- {
			t = t[len(c):]
		}
		for n := d.stop; n > 0 && strings.HasSuffix(t, c); n-- {
			t = t[:len(t)-len(c)]
		}
		tokens[i] = t
	}
	return tokens
}

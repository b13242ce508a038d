package tokenizer

import "unicode"

// isSpace is Unicode's White_Space, which no version changes.
func isSpace(r rune) bool {
	if r < 0x80 {
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	return unicode.Is(unicode.White_Space, r)
}

// isNumeric is any of the categories Nd, Nl and No.
func isNumeric(r rune) bool { return numericSet().has(r) }

// isPunctuation is what BERT calls punctuation: every ASCII character that is
// neither letter, digit, space nor control, and Unicode's category P.
func isPunctuation(r rune) bool {
	if r < 0x80 {
		return r > ' ' && r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0x7F
	}
	return punctuationSet().has(r)
}

// isWord says whether r may be part of a word: alphabetic characters, marks,
// decimal digits, connectors and join controls.
func isWord(r rune) bool {
	if r < 0x80 {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_'
	}
	return simpleWordSet().has(r)
}

// newCases are characters whose lower case Unicode defined after the version
// that Go knows; the difference is added.
var newCases = []struct {
	low, high, difference rune
}{
	{0x1C89, 0x1C89, 1}, {0xA7CB, 0xA7CB, 0x264 - 0xA7CB}, {0xA7CC, 0xA7CC, 1}, {0xA7CE, 0xA7CE, 1}, {0xA7D2, 0xA7D2, 1},
	{0xA7D4, 0xA7D4, 1}, {0xA7DA, 0xA7DA, 1}, {0xA7DC, 0xA7DC, 0x19B - 0xA7DC}, {0x10D50, 0x10D65, 0x20}, {0x16EA0, 0x16EB8, 0x1B},
}

// lower calls emit with the lower case of r, one or two characters.
func lower(r rune, emit func(rune)) {
	if r == 'İ' {
		emit('i')
		emit('\u0307')
		return
	}
	if r >= newCases[0].low {
		for _, c := range newCases {
			if r >= c.low && r <= c.high {
				emit(r + c.difference)
				return
			}
		}
	}
	emit(unicode.ToLower(r))
}

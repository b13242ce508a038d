package tokenizer

import "unicode"

// isSpace is Unicode's White_Space.
func isSpace(r rune) bool { return unicode.Is(unicode.White_Space, r) }

// isNumeric is any of the categories Nd, Nl and No.
func isNumeric(r rune) bool { return unicode.In(r, unicode.N) }

// isPunctuation is what BERT calls punctuation: every ASCII character that is
// neither letter, digit, space nor control, and Unicode's category P.
func isPunctuation(r rune) bool {
	if r < 0x80 {
		return r > ' ' && r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0x7F
	}
	return unicode.Is(unicode.P, r)
}

// isWord is \w as Unicode's regular expressions define it: alphabetic, marks,
// decimal digits, connectors and join controls.
func isWord(r rune) bool {
	if r < 0x80 {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_'
	}
	return unicode.In(r, wordTables...)
}

// wordTables are the properties and categories that make up isWord.
var wordTables = []*unicode.RangeTable{
	unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc,
	unicode.Other_Alphabetic, unicode.Other_Lowercase, unicode.Other_Uppercase, unicode.Join_Control,
}

// lower calls emit with the lower case of r, one or two characters.
func lower(r rune, emit func(rune)) {
	if r == 'İ' {
		emit('i')
		emit('\u0307')
		return
	}
	emit(unicode.ToLower(r))
}

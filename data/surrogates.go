package data

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unpaired is the first escape in valid JSON text that is half of a surrogate pair, as `\ud800`: it stands for no character,
// and encoding/json would read U+FFFD instead. It is empty where there is none.
func Unpaired(text string) string {
	for {
		at := strings.IndexByte(text, '\\')
		if at < 0 {
			return ""
		}
		text = text[at:]
		r, ok := escaped(text)
		switch {
		case !ok:
			text = text[min(2, len(text)):]
		case !utf16.IsSurrogate(r):
			text = text[6:]
		default:
			low, _ := escaped(text[6:])
			if utf16.DecodeRune(r, low) == utf8.RuneError {
				return text[:6]
			}
			text = text[12:]
		}
	}
}

// escaped is the 16 bits of the \u escape that text begins with.
func escaped(text string) (r rune, ok bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

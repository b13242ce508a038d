package tokenizer

import "fmt"

// normalizer rewrites the text of a piece.
type normalizer interface {
	normalize(p *piece) error
}

// parseNormalizer reads the normalizer at the path where.
func parseNormalizer(where string, n node) (normalizer, error) {
	name, f, err := component(where, n)
	if err != nil {
		return nil, err
	}
	var out normalizer
	switch name {
	case "Sequence":
		out = parseNormalizers(f, where)
	case "BertNormalizer":
		out = parseBertNormalizer(f)
	case "Lowercase":
		out = lowercase{}
	case "Strip":
		out = stripSpaces{left: f.bool("strip_left"), right: f.bool("strip_right")}
	case "StripAccents":
		out = stripAccents{}
	case "NFC":
		out = unicodeForm{canonical, true}
	case "NFD":
		out = unicodeForm{canonical, false}
	case "NFKC":
		out = unicodeForm{compatible, true}
	case "NFKD":
		out = unicodeForm{compatible, false}
	case "Replace":
		out = parseReplace(f)
	case "Prepend":
		out = prepend(f.string("prepend"))
	case "Nmt":
		out = nmt{}
	case "Precompiled":
		out = parsePrecompiled(f)
	case "ByteLevel":
		out = byteLevelNormalizer{}
	default:
		return nil, unknownComponent(where, name)
	}
	return out, f.done()
}

// normalizers run one after another.
type normalizers []normalizer

func parseNormalizers(f *fields, where string) normalizers {
	var out normalizers
	f.where = where
	f.list("normalizers", func(where string, n node) error {
		item, err := parseNormalizer(where, n)
		out = append(out, item)
		return err
	})
	return out
}

func (s normalizers) normalize(p *piece) error {
	for _, n := range s {
		if err := n.normalize(p); err != nil {
			return fmt.Errorf("normalizer: %w", err)
		}
	}
	return nil
}

// lowercase is Unicode's full lower case, character by character.
type lowercase struct{}

func (lowercase) normalize(p *piece) error {
	if p.plain() && asciiOnly(p.text) {
		p.text = lowerASCII(p.text)
		return nil
	}
	edits := make([]edit, 0, len(p.text))
	for _, r := range p.text {
		change := 0
		lower(r, func(l rune) {
			edits = append(edits, edit{l, change})
			change = 1
		})
	}
	p.transform(edits, 0)
	return nil
}

// lowerASCII is s in lower case, s itself where nothing changes.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// keep drops the characters that are not kept. Those dropped before the first
// kept one vanish; the others are charged to the kept one before them.
func (p *piece) keep(kept func(rune) bool, change func(rune) rune) {
	edits := make([]edit, 0, len(p.text))
	dropped, removed := 0, 0
	for _, r := range p.text {
		if !kept(r) {
			removed++
			continue
		}
		if len(edits) > 0 {
			edits[len(edits)-1].change = -removed
		} else {
			dropped = removed
		}
		removed = 0
		edits = append(edits, edit{change(r), 0})
	}
	if len(edits) > 0 {
		edits[len(edits)-1].change = -removed
	}
	p.transform(edits, dropped)
}

// same changes nothing.
func same(r rune) rune { return r }

// stripSpaces drops white space at the ends.
type stripSpaces struct{ left, right bool }

func (s stripSpaces) normalize(p *piece) error {
	runes := []rune(p.text)
	start, end := 0, len(runes)
	for s.left && start < len(runes) && isSpace(runes[start]) {
		start++
	}
	for s.right && end > 0 && isSpace(runes[end-1]) {
		end--
	}
	if start == 0 && end == len(runes) {
		return nil
	}
	edits := make([]edit, 0, len(runes))
	for i := start; i < end; i++ {
		edits = append(edits, edit{runes[i], 0})
	}
	p.transform(edits, start)
	return nil
}

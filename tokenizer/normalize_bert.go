package tokenizer

// bertNormalizer is the cleaning that BERT's first tokenizer did: control
// characters away, spaces around Chinese characters, accents away, lower case.
type bertNormalizer struct {
	clean, chinese, accents, lower bool
}

func parseBertNormalizer(f *fields) bertNormalizer {
	n := bertNormalizer{clean: f.bool("clean_text"), chinese: f.bool("handle_chinese_chars"), lower: f.bool("lowercase")}
	n.accents = f.boolOr("strip_accents", n.lower)
	return n
}

func (n bertNormalizer) normalize(p *piece) error {
	if p.plain() && n.ascii(p) {
		return nil
	}
	if n.clean {
		p.keep(func(r rune) bool { return !controlSet().has(r) }, spaceToBlank)
	}
	if n.chinese {
		p.spaceChinese()
	}
	if n.accents {
		p.decompose(canonical)
		p.keep(func(r rune) bool { return !accentSet().has(r) }, same)
	}
	if n.lower {
		return lowercase{}.normalize(p)
	}
	return nil
}

// ascii does the work on a text of ASCII without control characters, where no
// byte moves; it leaves other texts alone and says so.
func (n bertNormalizer) ascii(p *piece) bool {
	blanks := false
	for i := 0; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\t' || c == '\n' || c == '\r':
			blanks = true
		case c < ' ' || c >= 0x7F:
			return false
		}
	}
	if n.clean && blanks {
		b := []byte(p.text)
		for i, c := range b {
			if c < ' ' {
				b[i] = ' '
			}
		}
		p.text = string(b)
	}
	if n.lower {
		p.text = lowerASCII(p.text)
	}
	return true
}

// spaceToBlank makes every white space a blank.
func spaceToBlank(r rune) rune {
	if isSpace(r) {
		return ' '
	}
	return r
}

// spaceChinese puts a blank before and behind each Chinese character.
func (p *piece) spaceChinese() {
	edits := make([]edit, 0, len(p.text))
	found := false
	for _, r := range p.text {
		if isChinese(r) {
			found = true
			edits = append(edits, edit{' ', 0}, edit{r, 1}, edit{' ', 1})
		} else {
			edits = append(edits, edit{r, 0})
		}
	}
	if found || !p.plain() {
		p.transform(edits, 0)
	}
}

// isChinese is the list of blocks in BERT's tokenizer, which leaves out Japanese
// syllables, Korean, and what Unicode added after 2016.
func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF ||
		r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// stripAccents drops combining marks.
type stripAccents struct{}

func (stripAccents) normalize(p *piece) error {
	if !p.plain() || !asciiOnly(p.text) {
		p.keep(func(r rune) bool { return !markSet().has(r) }, same)
	}
	return nil
}

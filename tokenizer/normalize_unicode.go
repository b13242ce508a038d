package tokenizer

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// Unicode's two decompositions.
const (
	canonical  = norm.NFD
	compatible = norm.NFKD
)

// unicodeForm is one of Unicode's four normal forms (UAX #15).
type unicodeForm struct {
	decomposition norm.Form
	compose       bool
}

func (u unicodeForm) normalize(p *piece) error {
	switch {
	case !u.compose:
		p.decompose(u.decomposition)
	case u.form().IsNormalString(p.text) && p.plain():
	default:
		p.transform(compose(decompose(p.text, u.decomposition)), 0)
	}
	return nil
}

func (u unicodeForm) form() norm.Form {
	if u.decomposition == canonical {
		return norm.NFC
	}
	return norm.NFKC
}

// decompose puts the piece into one of the decomposed forms.
func (p *piece) decompose(form norm.Form) {
	if p.plain() && form.IsNormalString(p.text) {
		return
	}
	p.transform(decompose(p.text, form), 0)
}

// decompose splits each character into its parts and sorts the marks that
// follow one another. A mark keeps the change of the character it came from,
// wherever it is sorted to: so does the library.
func decompose(text string, form norm.Form) []edit {
	edits := make([]edit, 0, len(text))
	pending := 0 // where the marks begin that still have to be sorted
	var buffer [64]byte
	for _, r := range text {
		change := 0
		parts := string(r)
		if r >= 0xA0 && formedSet().has(r) {
			parts = string(form.AppendString(buffer[:0], parts))
		}
		for _, d := range parts {
			if class(d) == 0 {
				sortMarks(edits[pending:])
				pending = len(edits) + 1
			}
			edits = append(edits, edit{d, change})
			change = 1
		}
	}
	sortMarks(edits[pending:])
	return edits
}

// class is the canonical combining class. Characters that the library does not
// know the forms of, since they are newer than Unicode 9, stay as they are.
func class(r rune) uint8 {
	if r < 0x300 || !formedSet().has(r) {
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}

func sortMarks(marks []edit) {
	if len(marks) > 1 {
		slices.SortStableFunc(marks, func(a, b edit) int { return int(class(a.r)) - int(class(b.r)) })
	}
}

// compose joins what can be joined: a starter with the marks behind it that
// are not blocked by a mark of the same or a higher class. A joined character's
// change counts the characters that went into it.
func compose(edits []edit) []edit {
	out := edits[:0]
	starter := -1 // where in out the starter is
	last := -1    // the class of the mark before, if it stayed; -1 right behind the starter
	for _, e := range edits {
		c := int(class(e.r))
		if starter >= 0 && last < c || starter >= 0 && last == -1 {
			if r, ok := composePair(out[starter].r, e.r); ok {
				out[starter] = edit{r, out[starter].change + e.change - 1}
				continue
			}
		}
		if c == 0 {
			starter, last = len(out), -1
		} else if starter >= 0 {
			last = c
		}
		out = append(out, e)
	}
	return out
}

// composePair joins two characters into one where Unicode has it.
func composePair(a, b rune) (rune, bool) {
	if a < 0x80 && b < 0x80 {
		return 0, false
	}
	joined := []rune(norm.NFC.String(string([]rune{a, b})))
	if len(joined) != 1 || !formedSet().has(joined[0]) {
		return 0, false
	}
	return joined[0], true
}

// nmt is the cleaning of SentencePiece's nmt_nfkc rule that is not NFKC: some
// controls away, other invisible characters made blanks.
type nmt struct{}

func (nmt) normalize(p *piece) error {
	if p.plain() && printableASCII(p.text) {
		return nil
	}
	p.keep(func(r rune) bool {
		return !(r >= 0x01 && r <= 0x08 || r == 0x0B || r >= 0x0E && r <= 0x1F || r == 0x7F || r == 0x8F || r == 0x9F)
	}, func(r rune) rune {
		switch {
		case r == 0x09, r == 0x0A, r == 0x0C, r == 0x0D, r == 0x1680, r >= 0x200B && r <= 0x200F,
			r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == 0xFFFD:
			return ' '
		}
		return r
	})
	return nil
}

// printableASCII says whether s holds nothing but ASCII's visible characters
// and blanks.
func printableASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}

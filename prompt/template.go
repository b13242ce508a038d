package prompt

import (
	"errors"
	"strconv"
	"strings"
)

// ErrNoMask is returned for a template without a mask: nothing would be asked
// of the model.
var ErrNoMask = errors.New("the template has no mask")

// Kind says what a part of a template stands for.
type Kind uint8

// The kinds of parts.
const (
	Text        Kind = iota // words of the template itself
	Placeholder             // a field of the example, cut first when the input is too long
	Meta                    // a field of the example that is not cut unless it says so
	Special                 // a special token of the tokenizer
	Mask                    // the position that the model is asked about
	Soft                    // trained vectors in place of token embeddings
)

var kindNames = [...]string{"text", "placeholder", "meta", "special", "mask", "soft"}

// String returns the key that opens a part of this kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Part is one piece of a template.
type Part struct {
	Kind Kind
	// Value is the text, the field's name, the special token (`<sep>`, or a
	// token as the vocabulary spells it), or the words that soft tokens start
	// from ("" where they start from noise or repeat another part).
	Value string
	// Space says that a space goes before the part's text, as OpenPrompt's
	// add_prefix_space does. Masks and special tokens never get one.
	Space bool
	// Shortenable parts give up tokens when the input is too long. Only
	// placeholders (unless they say otherwise) and fields that ask for it are.
	Shortenable bool
	// Post is applied to a field's text, first to last.
	Post []Method
	// SoftID joins soft parts: those with one number share their vectors. 0 is none.
	SoftID int
	// Duplicate repeats a soft part so many times; 0 means once.
	Duplicate int
	// Same makes the repetitions share their vectors.
	Same bool
	// Line and Column are where the part begins in the source, from 1, in characters.
	Line, Column int
}

// spelled returns a part's text as it is tokenized: with the space before it.
func (p *Part) spelled(text string) string {
	if p.Space {
		return " " + text
	}
	return text
}

// Template is a parsed template. Its parts are read in order.
type Template struct {
	Parts []Part
}

// Fields returns the names of the fields that an example must have, each once,
// in the order of their first use.
func (t *Template) Fields() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range t.Parts {
		if (p.Kind == Placeholder || p.Kind == Meta) && !seen[p.Value] {
			seen[p.Value] = true
			names = append(names, p.Value)
		}
	}
	return names
}

// Masks returns the number of masks.
func (t *Template) Masks() int {
	n := 0
	for _, p := range t.Parts {
		if p.Kind == Mask {
			n++
		}
	}
	return n
}

// String returns the template in the long form; parsing it gives the same
// parts again.
func (t *Template) String() string {
	var b strings.Builder
	plain := false // the part before was written as plain text
	for _, p := range t.Parts {
		if p.Space {
			b.WriteByte(' ')
		}
		if p.Kind == Text && !plain && isPlain(p.Value) {
			b.WriteString(p.Value)
			plain = true
			continue
		}
		plain = false
		p.write(&b)
	}
	return b.String()
}

// isPlain reports whether a text can be written outside braces.
func isPlain(s string) bool {
	return s != "" && s[0] != ' ' && s[len(s)-1] != ' ' && !strings.Contains(s, "{")
}

// write appends a part in braces.
func (p *Part) write(b *strings.Builder) {
	b.WriteString(`{"` + p.Kind.String() + `"`)
	switch {
	case p.Kind == Mask:
	case p.Kind == Soft && p.Value == "":
		b.WriteString(": None")
	default:
		b.WriteString(": " + quote(p.Value))
	}
	if p.Shortenable != (p.Kind == Placeholder) {
		b.WriteString(`, "shortenable": ` + python(p.Shortenable))
	}
	if len(p.Post) > 0 {
		b.WriteString(`, "post_processing": lambda x: x`)
		for _, m := range p.Post {
			b.WriteString("." + m.String())
		}
	}
	if p.SoftID != 0 {
		b.WriteString(`, "soft_id": ` + strconv.Itoa(p.SoftID))
	}
	if p.Duplicate != 0 {
		b.WriteString(`, "duplicate": ` + strconv.Itoa(p.Duplicate))
	}
	if p.Same {
		b.WriteString(`, "same": True`)
	}
	b.WriteByte('}')
}

// MarshalText returns [Template.String].
func (t *Template) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what [ParseTemplate] reads.
func (t *Template) UnmarshalText(text []byte) error {
	parsed, err := ParseTemplate(string(text))
	if err != nil {
		return err
	}
	*t = *parsed
	return nil
}

// python writes a truth value as Python does.
func python(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// quote writes a string that both JSON and Python read.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u00`)
			b.WriteString(strconv.FormatInt(int64(r>>4), 16))
			b.WriteString(strconv.FormatInt(int64(r&15), 16))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

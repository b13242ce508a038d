package prompt

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a template, checked before memory is asked for.
const (
	maxSource = 1 << 16 // bytes of a template
	maxSoft   = 4096    // soft positions of a template
)

// ParseTemplate reads a template: OpenPrompt's long form, the short form, or
// both mixed. It evaluates nothing. Errors are a [*SyntaxError], or [ErrNoMask].
func ParseTemplate(s string) (*Template, error) {
	p := &scanner{s: s}
	if len(s) > maxSource {
		return nil, p.fail(0, "the template has %d bytes, the limit is %d", len(s), maxSource)
	}
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return nil, p.fail(i, "byte %#02x is not valid UTF-8", s[i])
		}
	}
	t := &Template{}
	soft := softChecks{first: map[int]*Part{}}
	for {
		part, start, err := p.part()
		if err != nil {
			return nil, err
		}
		if part == nil {
			break
		}
		if problem := soft.add(part); problem != "" {
			return nil, p.fail(start, "%s", problem)
		}
		t.Parts = append(t.Parts, *part)
	}
	if t.Masks() == 0 {
		return nil, fmt.Errorf("template: %w; write {\"mask\"} or {mask} where the model is to answer", ErrNoMask)
	}
	return t, nil
}

// part reads the next part, nil at the end, and says where it starts.
func (p *scanner) part() (*Part, int, error) {
	space := p.i > 0 && p.s[p.i-1] == ' '
	for p.peek() == ' ' {
		space = true
		p.i++
	}
	if p.i == len(p.s) {
		return nil, p.i, nil
	}
	start := p.i
	line, column := p.position(start)
	if p.s[p.i] != '{' {
		end := strings.IndexByte(p.s[p.i:], '{')
		if end < 0 {
			end = len(p.s) - p.i
		}
		p.i += end
		return &Part{Kind: Text, Value: strings.TrimRight(p.s[start:p.i], " "), Space: space, Line: line, Column: column}, start, nil
	}
	p.i++
	p.blank()
	read := p.short
	if c := p.peek(); c == '"' || c == '\'' {
		read = p.long
	}
	part, err := read(start)
	if err != nil {
		return nil, start, err
	}
	if part.spaced == nil {
		part.Space = space
	}
	part.Line, part.Column = line, column
	return &part.Part, start, nil
}

// short reads `field}`, `mask}` or `soft}`.
func (p *scanner) short(start int) (*keyed, error) {
	name := p.word(".-")
	if name == "" {
		return nil, p.fail(p.i, `found %s after {, expected a field's name, mask, or a key in quotes; a brace that is text is written {"text": "{"}`, p.found())
	}
	if err := p.expect('}', "after the name "+quote(name)); err != nil {
		return nil, err
	}
	switch name {
	case "mask":
		return &keyed{Part: Part{Kind: Mask}}, nil
	case "soft":
		return &keyed{Part: Part{Kind: Soft}}, nil
	}
	return &keyed{Part: Part{Kind: Placeholder, Value: name, Shortenable: true}}, nil
}

// softChecks refuses soft parts that contradict each other, and too many.
type softChecks struct {
	first map[int]*Part
	total int
}

// add takes the next part and says what is wrong with it, "" if nothing is.
func (c *softChecks) add(part *Part) string {
	if part.Kind != Soft {
		return ""
	}
	if c.total += max(1, part.Duplicate); c.total > maxSoft {
		return fmt.Sprintf("more than %d soft tokens", maxSoft)
	}
	if part.SoftID == 0 {
		return ""
	}
	f, ok := c.first[part.SoftID]
	if !ok {
		c.first[part.SoftID] = part
		return ""
	}
	if (part.Value != "" && part.Value != f.Value) || (part.Duplicate != 0 && part.Duplicate != f.Duplicate) || (part.Same && !f.Same) {
		return fmt.Sprintf("soft_id %d was made at %s with other words or another number of tokens; write {\"soft_id\": %d} to use it again", part.SoftID, place(f.Line, f.Column), part.SoftID)
	}
	return ""
}

package tokenizer

import (
	"fmt"
	"regexp"
	"strings"
)

// pattern finds delimiters: a literal text or a regular expression.
type pattern struct {
	literal string
	regex   *regex // nil where the pattern is a literal
}

// parsePattern reads a key of the form {"String": ...} or {"Regex": ...}.
func parsePattern(f *fields, key string) pattern {
	g := fieldsOf(f.where+"."+key, f.need(key, kindObject))
	var p pattern
	if s, ok := g.maybe("Regex", kindString); ok {
		r, err := compileRegex(s.text)
		if err != nil {
			g.fail("%w", err)
		}
		p.regex = r
	} else if p.literal = g.string("String"); p.literal == "" {
		p.regex, _ = compileRegex(regexp.QuoteMeta(p.literal))
	}
	if err := g.done(); err != nil && f.err == nil {
		f.err = err
	}
	return p
}

// cover splits text into the matches and what lies between them. An empty text
// has no matches.
func (p pattern) cover(text string) ([]match, error) {
	if text == "" {
		return nil, nil
	}
	if p.regex != nil {
		return p.regex.cover(text)
	}
	var out []match
	for at := 0; at < len(text); {
		i := strings.Index(text[at:], p.literal)
		if i < 0 {
			return append(out, match{at, len(text), false}), nil
		}
		if i > 0 {
			out = append(out, match{at, at + i, false})
		}
		at += i + len(p.literal)
		out = append(out, match{at - len(p.literal), at, true})
	}
	return out, nil
}

// replace puts content in the place of every match. It is a normalizer and a
// decoder.
type replace struct {
	pattern pattern
	content string
}

func parseReplace(f *fields) replace {
	return replace{parsePattern(f, "pattern"), f.string("content")}
}

func (r replace) normalize(p *piece) error {
	if r.pattern.regex == nil && !strings.Contains(p.text, r.pattern.literal) {
		return nil
	}
	matches, err := r.pattern.cover(p.text)
	if err != nil {
		return err
	}
	return p.replace(matches, r.content)
}

// maxGrown bounds what replacements can make of a text.
const maxGrown = 1 << 28

// replace puts content in the place of every delimiter. It comes from where the
// delimiter's last byte came from.
func (p *piece) replace(matches []match, content string) error {
	if len(matches)*len(content)+len(p.text) > maxGrown {
		return fmt.Errorf("replacements make more than %d bytes of a text of %d", maxGrown, len(p.text))
	}
	p.spell()
	var text strings.Builder
	from := make([]align, 0, len(p.from))
	for _, m := range matches {
		if !m.delimiter {
			text.WriteString(p.text[m.start:m.end])
			from = append(from, p.from[m.start:m.end]...)
			continue
		}
		text.WriteString(content)
		a := align{int32(p.shift), int32(p.shift)}
		if m.end > 0 {
			a = p.from[m.end-1]
		}
		for range len(content) {
			from = append(from, a)
		}
	}
	p.text, p.from = text.String(), from
	return nil
}

// decode replaces in every token.
func (r replace) decode(tokens []string) []string {
	for i, t := range tokens {
		matches, err := r.pattern.cover(t)
		if err != nil {
			continue // a token that the pattern cannot cope with stays as it is
		}
		var b strings.Builder
		for _, m := range matches {
			if m.delimiter {
				b.WriteString(r.content)
			} else {
				b.WriteString(t[m.start:m.end])
			}
		}
		tokens[i] = b.String()
	}
	return tokens
}

// prepend puts a text before one that is not empty.
type prepend string

func (s prepend) normalize(p *piece) error {
	p.prepend(string(s))
	return nil
}

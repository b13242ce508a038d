package prompt

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"trimtab/internal/nearest"
)

// Method is a method of Python's strings, applied to a field's text.
type Method struct {
	Name      string
	Arguments []Argument
}

// Argument is an argument of a [Method]: a string, a constant of Python's
// module string by its name, or a number.
type Argument struct {
	Text     string // the string; the constant's characters
	Constant string // "punctuation" for string.punctuation, "" for a plain string
	Number   *int   // a number, nil for strings
}

// String writes the call as Python does.
func (m Method) String() string {
	args := make([]string, len(m.Arguments))
	for i, a := range m.Arguments {
		switch {
		case a.Number != nil:
			args[i] = strconv.Itoa(*a.Number)
		case a.Constant != "":
			args[i] = "string." + a.Constant
		default:
			args[i] = quote(a.Text)
		}
	}
	return m.Name + "(" + strings.Join(args, ", ") + ")"
}

// shape of a method: how many strings it takes, and whether a number may follow.
type shape struct {
	least, most int
	number      bool
}

var shapes = map[string]shape{
	"strip": {0, 1, false}, "lstrip": {0, 1, false}, "rstrip": {0, 1, false},
	"lower": {}, "upper": {}, "capitalize": {},
	"removeprefix": {1, 1, false}, "removesuffix": {1, 1, false}, "replace": {2, 2, true},
}

const (
	asciiLower = "abcdefghijklmnopqrstuvwxyz"
	asciiUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits     = "0123456789"
	marks      = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	whites     = " \t\n\r\v\f"
)

// constants of Python's module string.
var constants = map[string]string{
	"punctuation": marks, "whitespace": whites, "digits": digits, "hexdigits": digits + "abcdefABCDEF", "octdigits": digits[:8],
	"ascii_lowercase": asciiLower, "ascii_uppercase": asciiUpper, "ascii_letters": asciiLower + asciiUpper,
	"printable": digits + asciiLower + asciiUpper + marks + whites,
}

// Apply returns what the method makes of a text.
func (m Method) Apply(s string) string {
	text := func(i int) string { return m.Arguments[i].Text }
	switch m.Name {
	case "strip", "lstrip", "rstrip":
		strip := isPythonSpace
		if len(m.Arguments) > 0 {
			strip = func(r rune) bool { return strings.ContainsRune(text(0), r) }
		}
		if m.Name != "rstrip" {
			s = strings.TrimLeftFunc(s, strip)
		}
		if m.Name != "lstrip" {
			s = strings.TrimRightFunc(s, strip)
		}
		return s
	case "lower":
		return cases.Lower(language.Und).String(s)
	case "upper":
		return cases.Upper(language.Und).String(s)
	case "capitalize":
		return capitalize(s)
	case "removeprefix":
		return strings.TrimPrefix(s, text(0))
	case "removesuffix":
		return strings.TrimSuffix(s, text(0))
	case "replace":
		n := -1
		if len(m.Arguments) > 2 {
			n = *m.Arguments[2].Number
		}
		return strings.Replace(s, text(0), text(1), n)
	}
	return s
}

// isPythonSpace is str.isspace of one character.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// capitalize puts the first character in title case and the rest in lower case.
func capitalize(s string) string {
	for i, r := range s {
		if i > 0 {
			lower := cases.Lower(language.Und).String(s)
			first := cases.Lower(language.Und).String(s[:i])
			return cases.Title(language.Und, cases.NoLower).String(s[:i]) + strings.TrimPrefix(lower, first)
		}
		_ = r
	}
	return cases.Title(language.Und, cases.NoLower).String(s)
}

// lambda reads `x: x.METHOD(...)...`, after the word lambda.
func (p *scanner) lambda() ([]Method, error) {
	p.blank()
	at := p.i
	name := p.word("")
	if name == "" {
		return nil, p.fail(at, "found %s, expected the argument of the lambda", p.found())
	}
	if err := p.expect(':', "after the lambda's argument"); err != nil {
		return nil, err
	}
	p.blank()
	at = p.i
	if got := p.word(""); got != name {
		return nil, p.fail(at, "a lambda is recognised by its shape, never evaluated: expected lambda %s: %s.METHOD(...)", name, name)
	}
	var methods []Method
	for p.blank(); p.peek() == '.'; p.blank() {
		p.i++
		m, err := p.method(true)
		if err != nil {
			return nil, err
		}
		methods = append(methods, m)
	}
	if c := p.peek(); c != ',' && c != '}' {
		return nil, p.fail(p.i, "found %s; a lambda is recognised by its shape, never evaluated: expected lambda %s: %s.METHOD(...)", p.found(), name, name)
	}
	return methods, nil
}

// named reads `METHOD` or `METHOD(...)`, and more after dots, to the end.
func (p *scanner) named() ([]Method, error) {
	var methods []Method
	for {
		m, err := p.method(false)
		if err != nil {
			return nil, err
		}
		methods = append(methods, m)
		p.blank()
		if p.i == len(p.s) {
			return methods, nil
		}
		if err := p.expect('.', "between methods"); err != nil {
			return nil, err
		}
	}
}

// method reads a name and its arguments; the brackets may be left out where a
// method is given by name.
func (p *scanner) method(brackets bool) (Method, error) {
	p.blank()
	at := p.i
	m := Method{Name: p.word("")}
	want, ok := shapes[m.Name]
	if !ok {
		return m, p.fail(at, "unknown string method %s%s", quote(m.Name), nearest.Suggest(m.Name, sortedKeys(shapes)))
	}
	p.blank()
	if brackets || p.peek() == '(' {
		if err := p.expect('(', "after "+m.Name); err != nil {
			return m, err
		}
		for p.blank(); p.peek() != ')'; p.blank() {
			a, err := p.argument(m.Name)
			if err != nil {
				return m, err
			}
			m.Arguments = append(m.Arguments, a)
			p.blank()
			if p.peek() != ',' && p.peek() != ')' {
				return m, p.fail(p.i, "found %s, expected , or ) in the arguments of %s", p.found(), m.Name)
			}
			if p.peek() == ',' {
				p.i++
			}
		}
		p.i++
	}
	if err := want.check(m); err != "" {
		return m, p.fail(at, "%s %s", m.Name, err)
	}
	return m, nil
}

// check says what is wrong with a method's arguments, "" if nothing is.
func (s shape) check(m Method) string {
	texts := len(m.Arguments)
	if s.number && texts == s.most+1 && m.Arguments[s.most].Number != nil {
		texts--
	}
	if texts < s.least || texts > s.most {
		return "takes " + strconv.Itoa(s.least) + " to " + strconv.Itoa(s.most) + " strings, found " + strconv.Itoa(texts) + " arguments"
	}
	for _, a := range m.Arguments[:texts] {
		if a.Number != nil {
			return "needs strings, found the number " + strconv.Itoa(*a.Number)
		}
	}
	return ""
}

// argument reads a string, a constant of module string, a number or None.
func (p *scanner) argument(method string) (Argument, error) {
	at := p.i
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		s, err := p.quoted()
		return Argument{Text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		n, err := p.integer()
		return Argument{Number: &n}, err
	}
	name, ok := strings.CutPrefix(p.word("."), "string.")
	if !ok {
		return Argument{}, p.fail(at, "found %s, expected a string, a number or string.punctuation in the arguments of %s", p.found(), method)
	}
	text, ok := constants[name]
	if !ok {
		return Argument{}, p.fail(at, "unknown constant string.%s%s", name, nearest.Suggest(name, sortedKeys(constants)))
	}
	return Argument{Text: text, Constant: name}, nil
}

// sortedKeys returns a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

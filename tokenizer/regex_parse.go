package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The kinds of regular expressions.
type regexKind uint8

const (
	regexSet    regexKind = iota // one character of a set
	regexSeq                     // all kids in order; none matches the empty text
	regexAlt                     // the first kid that leads to a match
	regexRepeat                  // the kid, from least to most times
	regexLook                    // looks at the text without taking it
	regexAtomic                  // the kid's first match, never another
	regexAssert                  // a place, see assertion
)

// greed says which number of repetitions is tried first, and whether another
// number is tried later.
type greed uint8

const (
	greedy greed = iota
	lazy
	possessive
)

// assertion is a place in the text: '^' and '$' at the borders of lines, 'A'
// and 'z' at those of the text, 'Z' there or before a last newline, 'b' and 'B'
// at and off the borders of words.
type assertion byte

// regexNode is a parsed regular expression.
type regexNode struct {
	kind        regexKind
	set         *runeSet
	kids        []*regexNode
	least, most int // most is -1 without a bound
	greed       greed
	behind      bool // a look at what is before
	negative    bool
	assert      assertion
}

// maxRepeat bounds counted repetitions.
const maxRepeat = 1000

// regexParser reads a pattern in Oniguruma's syntax, which is what the
// tokenizers library uses: ^ and $ always mean lines, ?+ *+ ++ are possessive,
// \h is a hexadecimal digit. What it does not know is an error.
type regexParser struct {
	text     string
	pos      int
	fold     bool // (?i)
	dotAll   bool // (?m)
	extended bool // (?x)
	depth    int
}

func parseRegex(pattern string) (*regexNode, error) {
	p := &regexParser{text: pattern}
	n, err := p.alternatives()
	if err == nil && p.pos < len(p.text) {
		err = fmt.Errorf("unexpected %q", p.text[p.pos])
	}
	if err != nil {
		return nil, fmt.Errorf("pattern %q at byte %d: %w", pattern, p.pos, err)
	}
	return n, nil
}

func (p *regexParser) unsupported(what string) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, what)
}

// accept moves over s if it comes next.
func (p *regexParser) accept(s string) bool {
	if strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *regexParser) rune() rune {
	r, size := utf8.DecodeRuneInString(p.text[p.pos:])
	p.pos += size
	return r
}

func (p *regexParser) alternatives() (*regexNode, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.unsupported("groups nested too deeply")
	}
	defer func() { p.depth-- }()
	var kids []*regexNode
	for {
		seq, err := p.sequence()
		if err != nil {
			return nil, err
		}
		kids = append(kids, seq)
		if !p.accept("|") {
			break
		}
	}
	if len(kids) == 1 {
		return kids[0], nil
	}
	return &regexNode{kind: regexAlt, kids: kids}, nil
}

func (p *regexParser) sequence() (*regexNode, error) {
	seq := &regexNode{kind: regexSeq}
	for p.pos < len(p.text) {
		if c := p.text[p.pos]; c == '|' || c == ')' {
			break
		}
		if p.extended && p.comment() {
			continue
		}
		if p.accept("(?#") {
			end := strings.IndexByte(p.text[p.pos:], ')')
			if end < 0 {
				return nil, fmt.Errorf("comment without end")
			}
			p.pos += end + 1
			continue
		}
		n, err := p.atom()
		if err != nil {
			return nil, err
		}
		if n, err = p.repeats(n); err != nil {
			return nil, err
		}
		seq.kids = append(seq.kids, n)
	}
	return seq, p.manyForOne(seq)
}

// comment skips white space and comments of the extended syntax.
func (p *regexParser) comment() bool {
	switch p.text[p.pos] {
	case ' ', '\t', '\n', '\r', '\f', '\v':
		p.pos++
		return true
	case '#':
		for p.pos < len(p.text) && p.text[p.pos] != '\n' {
			p.pos++
		}
		return true
	}
	return false
}

// manyForOne refuses letters that fold together into one character, such as ss
// and ß, which Oniguruma would match with each other under (?i).
func (p *regexParser) manyForOne(seq *regexNode) error {
	if !p.fold {
		return nil
	}
	for i := 1; i < len(seq.kids); i++ {
		a, b := seq.kids[i-1].set, seq.kids[i].set
		for _, pair := range []string{"ss", "ff", "fi", "fl", "st"} {
			if a != nil && b != nil && a.has(rune(pair[0])) && b.has(rune(pair[1])) && len(a.ranges) < 5 && len(b.ranges) < 5 {
				return p.unsupported(fmt.Sprintf("(?i) over %q, which folds into one character", pair))
			}
		}
	}
	return nil
}

// repeats reads the repetitions behind an atom.
func (p *regexParser) repeats(n *regexNode) (*regexNode, error) {
	for p.pos < len(p.text) {
		least, most := 0, -1
		counted := false
		switch p.text[p.pos] {
		case '*':
		case '+':
			least = 1
		case '?':
			most = 1
		case '{':
			var ok bool
			if least, most, ok = p.counts(); !ok {
				return n, nil
			}
			counted = true
		default:
			return n, nil
		}
		if !counted {
			p.pos++
		}
		if least > maxRepeat || most > maxRepeat || most >= 0 && least > most {
			return nil, p.unsupported(fmt.Sprintf("repetition from %d to %d", least, most))
		}
		g := greedy
		if p.accept("?") {
			if g = lazy; counted && least == most {
				return nil, p.unsupported("{n}?")
			}
		} else if !counted && p.accept("+") {
			g = possessive
		}
		n = &regexNode{kind: regexRepeat, kids: []*regexNode{n}, least: least, most: most, greed: g}
	}
	return n, nil
}

// counts reads {n}, {n,}, {,m} or {n,m}; anything else in braces is literal.
func (p *regexParser) counts() (least, most int, ok bool) {
	end := strings.IndexByte(p.text[p.pos:], '}')
	if end < 0 {
		return 0, 0, false
	}
	low, high, ranged := strings.Cut(p.text[p.pos+1:p.pos+end], ",")
	number := func(s string, or int) int {
		if s == "" {
			return or
		}
		n, err := strconv.ParseUint(s, 10, 20)
		if err != nil {
			ok = false
		}
		return int(n)
	}
	ok = low != "" || high != ""
	least = number(low, 0)
	if most = least; ranged {
		most = number(high, -1)
	}
	if ok {
		p.pos += end + 1
	}
	return least, most, ok
}

// atom reads one character, class, group or place.
func (p *regexParser) atom() (*regexNode, error) {
	switch c := p.rune(); c {
	case '(':
		return p.group()
	case '[':
		s, err := p.class()
		return &regexNode{kind: regexSet, set: s}, err
	case '.':
		if p.dotAll {
			return &regexNode{kind: regexSet, set: anySet()}, nil
		}
		return &regexNode{kind: regexSet, set: lineSet()}, nil
	case '^', '$':
		return &regexNode{kind: regexAssert, assert: assertion(c)}, nil
	case '*', '+', '?':
		return nil, fmt.Errorf("nothing to repeat")
	case '\\':
		if p.pos == len(p.text) {
			return nil, fmt.Errorf("pattern ends in a backslash")
		}
		if c := p.text[p.pos]; strings.IndexByte("AzZbB", c) >= 0 {
			p.pos++
			return &regexNode{kind: regexAssert, assert: assertion(c)}, nil
		}
		s, char, err := p.escape()
		if char < 0 { // case matters to \p{Lu} even under (?i)
			return &regexNode{kind: regexSet, set: s}, err
		}
		if err != nil {
			return nil, err
		}
		return p.literal(char)
	default:
		return p.literal(c)
	}
}

// literal is one character, in all cases where case does not matter.
func (p *regexParser) literal(c rune) (*regexNode, error) {
	s := single(c)
	if p.fold {
		if foldsToMany(c) {
			return nil, p.unsupported(fmt.Sprintf("(?i) over %q, which folds into several characters", c))
		}
		s = s.folded()
	}
	return &regexNode{kind: regexSet, set: s}, nil
}

// foldsToMany says whether Unicode's full case folding makes several characters
// of c.
func foldsToMany(c rune) bool {
	switch {
	case c == 'ß', c == 'İ', c == 'ŉ', c == 'ǰ', c == 'ΐ', c == 'ΰ', c == 'և', c >= 'ẖ' && c <= 'ẚ', c == 'ẞ',
		c >= 'ὐ' && c <= 'ὖ', c >= 'ᾀ' && c <= 'ῼ', c >= 'ﬀ' && c <= 'ﬗ':
		return true
	}
	return false
}

// group reads what follows an opening bracket.
func (p *regexParser) group() (*regexNode, error) {
	fold, dotAll, extended := p.fold, p.dotAll, p.extended
	wrap := func(n *regexNode) *regexNode { return n }
	look := func(behind, negative bool) {
		wrap = func(n *regexNode) *regexNode {
			return &regexNode{kind: regexLook, kids: []*regexNode{n}, behind: behind, negative: negative}
		}
	}
	switch {
	case !p.accept("?"):
		if p.pos < len(p.text) && p.text[p.pos] == '*' {
			return nil, p.unsupported("callouts")
		}
	case p.accept(":"):
	case p.accept("="):
		look(false, false)
	case p.accept("!"):
		look(false, true)
	case p.accept("<="):
		look(true, false)
	case p.accept("<!"):
		look(true, true)
	case p.accept(">"):
		wrap = func(n *regexNode) *regexNode { return &regexNode{kind: regexAtomic, kids: []*regexNode{n}} }
	default:
		open, err := p.flags()
		if err != nil {
			return nil, err
		}
		if !open { // (?i) holds until the end of the group around it
			n, err := p.alternatives()
			p.fold, p.dotAll, p.extended = fold, dotAll, extended
			return n, err
		}
	}
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	p.fold, p.dotAll, p.extended = fold, dotAll, extended
	if !p.accept(")") {
		return nil, fmt.Errorf("group without end")
	}
	return wrap(n), nil
}

// flags reads the i, m and x of (?i-m:...) or (?i); open says which it was.
func (p *regexParser) flags() (open bool, err error) {
	on := true
	for p.pos < len(p.text) {
		switch c := p.rune(); c {
		case 'i':
			p.fold = on
		case 'm':
			p.dotAll = on
		case 'x':
			p.extended = on
		case '-':
			on = false
		case ':':
			return true, nil
		case ')':
			return false, nil
		default:
			return false, p.unsupported(fmt.Sprintf("group (?%c", c))
		}
	}
	return false, fmt.Errorf("group without end")
}

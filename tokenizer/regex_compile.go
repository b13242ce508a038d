package tokenizer

import (
	"fmt"
	"slices"
)

// regexOp is what one instruction does.
type regexOp uint8

const (
	opMatch  regexOp = iota
	opSet            // takes one character of set
	opLoop           // takes least to most characters of set
	opJump           // goes on at x
	opSplit          // goes on at x, and if that fails at y
	opLook           // runs the instructions behind it up to their opMatch, then goes on at x
	opAtomic         // the same, and takes what they matched
	opAssert
)

// regexInst is one instruction.
type regexInst struct {
	op          regexOp
	greed       greed
	negative    bool
	assert      assertion
	x, y        int32
	least, most int32
	set         *runeSet
	behind      []int // the lengths, in characters, that a look behind tries; nil is a look ahead
}

// regex is a compiled pattern. It holds no state: see regexRun.
type regex struct {
	pattern string
	program []regexInst
	first   *runeSet // what a match can begin with; nil where it may be empty or a look
}

// maxProgram bounds what counted repetitions can grow to.
const maxProgram = 20000

// compileRegex reads a pattern in Oniguruma's syntax.
func compileRegex(pattern string) (*regex, error) {
	n, err := parseRegex(pattern)
	if err != nil {
		return nil, err
	}
	r := &regex{pattern: pattern}
	if err := r.compile(n); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	r.emit(regexInst{op: opMatch})
	if s, certain := firstOf(n); certain {
		r.first = s
	}
	return r, nil
}

func (r *regex) emit(i regexInst) int32 {
	r.program = append(r.program, i)
	return int32(len(r.program) - 1)
}

func (r *regex) here() int32 { return int32(len(r.program)) }

func (r *regex) compile(n *regexNode) error {
	if len(r.program) > maxProgram {
		return fmt.Errorf("%w: repetitions that need more than %d steps", ErrUnsupported, maxProgram)
	}
	switch n.kind {
	case regexSet:
		r.emit(regexInst{op: opSet, set: n.set})
	case regexAssert:
		r.emit(regexInst{op: opAssert, assert: n.assert})
	case regexSeq:
		for _, k := range n.kids {
			if err := r.compile(k); err != nil {
				return err
			}
		}
	case regexAlt:
		return r.alternatives(n.kids)
	case regexAtomic:
		return r.inner(regexInst{op: opAtomic}, n.kids[0])
	case regexLook:
		look := regexInst{op: opLook, negative: n.negative}
		if n.behind {
			lengths, ok := lengthsOf(n.kids[0])
			if !ok {
				return fmt.Errorf("%w: a look behind of too many lengths", ErrUnsupported)
			}
			look.behind = lengths
		}
		return r.inner(look, n.kids[0])
	case regexRepeat:
		return r.repeat(n)
	}
	return nil
}

// inner compiles a kid that is matched on its own.
func (r *regex) inner(i regexInst, kid *regexNode) error {
	at := r.emit(i)
	if err := r.compile(kid); err != nil {
		return err
	}
	r.emit(regexInst{op: opMatch})
	r.program[at].x = r.here()
	return nil
}

func (r *regex) alternatives(kids []*regexNode) error {
	var ends []int32
	for i, k := range kids {
		split := int32(-1)
		if i < len(kids)-1 {
			split = r.emit(regexInst{op: opSplit, x: r.here() + 1})
		}
		if err := r.compile(k); err != nil {
			return err
		}
		if split >= 0 {
			ends = append(ends, r.emit(regexInst{op: opJump}))
			r.program[split].y = r.here()
		}
	}
	for _, e := range ends {
		r.program[e].x = r.here()
	}
	return nil
}

func (r *regex) repeat(n *regexNode) error {
	kid := n.kids[0]
	if s := setOf(kid); s != nil {
		r.emit(regexInst{op: opLoop, set: s, least: int32(n.least), most: int32(n.most), greed: n.greed})
		return nil
	}
	if n.greed == possessive {
		free := *n
		free.greed = greedy
		return r.inner(regexInst{op: opAtomic}, &free)
	}
	if n.most < 0 && canBeEmpty(kid) {
		return fmt.Errorf("%w: an endless repetition of what can be empty", ErrUnsupported)
	}
	for i := 0; i < n.least; i++ {
		if err := r.compile(kid); err != nil {
			return err
		}
	}
	split := func() int32 { return r.emit(regexInst{op: opSplit}) }
	join := func(at, inside, outside int32) {
		if r.program[at].x, r.program[at].y = inside, outside; n.greed == lazy {
			r.program[at].x, r.program[at].y = outside, inside
		}
	}
	if n.most < 0 {
		at := split()
		if err := r.compile(kid); err != nil {
			return err
		}
		r.emit(regexInst{op: opJump, x: at})
		join(at, at+1, r.here())
		return nil
	}
	var splits []int32
	for i := n.least; i < n.most; i++ {
		splits = append(splits, split())
		if err := r.compile(kid); err != nil {
			return err
		}
	}
	for _, at := range splits {
		join(at, at+1, r.here())
	}
	return nil
}

// setOf is the set that n matches one character of, or nil.
func setOf(n *regexNode) *runeSet {
	for n.kind == regexSeq && len(n.kids) == 1 {
		n = n.kids[0]
	}
	if n.kind == regexSet {
		return n.set
	}
	return nil
}

// canBeEmpty says whether n may match without taking a character.
func canBeEmpty(n *regexNode) bool {
	switch n.kind {
	case regexSet:
		return false
	case regexSeq:
		for _, k := range n.kids {
			if !canBeEmpty(k) {
				return false
			}
		}
		return true
	case regexAlt:
		for _, k := range n.kids {
			if canBeEmpty(k) {
				return true
			}
		}
		return false
	case regexRepeat:
		return n.least == 0 || canBeEmpty(n.kids[0])
	case regexAtomic:
		return canBeEmpty(n.kids[0])
	}
	return true
}

// firstOf is the set of characters that a match of n can begin with; certain is
// false where a match may begin otherwise.
func firstOf(n *regexNode) (s *runeSet, certain bool) {
	switch n.kind {
	case regexSet:
		return n.set, true
	case regexAtomic:
		return firstOf(n.kids[0])
	case regexRepeat:
		if n.least > 0 {
			return firstOf(n.kids[0])
		}
	case regexAlt:
		s = &runeSet{}
		for _, k := range n.kids {
			one, ok := firstOf(k)
			if !ok {
				return nil, false
			}
			s = union(s, one)
		}
		return s, true
	case regexSeq:
		s = &runeSet{}
		for _, k := range n.kids {
			if k.kind == regexRepeat && k.least == 0 {
				if one, ok := firstOf(k.kids[0]); ok {
					s = union(s, one)
					continue
				}
				return nil, false
			}
			one, ok := firstOf(k)
			if !ok {
				return nil, false
			}
			return union(s, one), true
		}
	}
	return nil, false
}

// maxLengths bounds how many lengths a look behind tries.
const maxLengths = 64

// lengthsOf are the lengths in characters that n can match; ok is false where
// they are too many or without end.
func lengthsOf(n *regexNode) (lengths []int, ok bool) {
	switch n.kind {
	case regexSet:
		return []int{1}, true
	case regexAssert, regexLook:
		return []int{0}, true
	case regexAtomic:
		return lengthsOf(n.kids[0])
	case regexAlt:
		for _, k := range n.kids {
			l, ok := lengthsOf(k)
			if !ok {
				return nil, false
			}
			lengths = append(lengths, l...)
		}
		return distinct(lengths)
	case regexRepeat:
		kid, ok := lengthsOf(n.kids[0])
		if !ok || n.most < 0 {
			return nil, false
		}
		sums := []int{0}
		for i := 0; i <= n.most; i++ {
			if i >= n.least {
				lengths = append(lengths, sums...)
			}
			if sums, ok = sumsOf(sums, kid); !ok {
				return nil, false
			}
		}
		return distinct(lengths)
	}
	lengths = []int{0}
	for _, k := range n.kids {
		l, ok := lengthsOf(k)
		if !ok {
			return nil, false
		}
		if lengths, ok = sumsOf(lengths, l); !ok {
			return nil, false
		}
	}
	return lengths, true
}

// sumsOf are the lengths of one match behind another.
func sumsOf(a, b []int) ([]int, bool) {
	var sums []int
	for _, x := range a {
		for _, y := range b {
			sums = append(sums, x+y)
		}
	}
	return distinct(sums)
}

// distinct sorts lengths and drops doubles; ok is false where too many are left.
func distinct(lengths []int) ([]int, bool) {
	slices.Sort(lengths)
	lengths = slices.Compact(lengths)
	return lengths, len(lengths) <= maxLengths
}

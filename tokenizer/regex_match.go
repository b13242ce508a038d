package tokenizer

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// errTooHard says that a pattern needs too many tries on a text.
var errTooHard = errors.New("the pattern needs too many tries on this text")

// regexTry is a choice to come back to: go on with instruction pc at pos. Where
// low is not -1, the choice is a greedy loop that may give back characters down
// to low; where lazy, one that may take another one.
type regexTry struct {
	pc, pos, low int32
	lazy         bool
}

// regexRun is one pattern at work on one text.
type regexRun struct {
	*regex
	text  string
	tries []regexTry
	steps int // how many steps are left
}

// matches finds all matches from left to right, as Oniguruma does: an empty one
// only where the one before did not end.
func (r *regex) matches(text string, found func(start, end int)) error {
	run := regexRun{regex: r, text: text, steps: 1_000_000 + 2000*len(text)}
	last := -1
	for at := 0; at <= len(text); {
		start, end := run.search(at)
		if run.steps <= 0 {
			return fmt.Errorf("pattern %q: %w", r.pattern, errTooHard)
		}
		if start < 0 {
			return nil
		}
		if start == end && end == last {
			if at == len(text) {
				return nil
			}
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
			continue
		}
		found(start, end)
		at, last = end, end
	}
	return nil
}

// cover splits text into the matches and what lies between them.
func (r *regex) cover(text string) ([]match, error) {
	var out []match
	last := 0
	err := r.matches(text, func(start, end int) {
		if last < start {
			out = append(out, match{last, start, false})
		}
		out = append(out, match{start, end, true})
		last = end
	})
	if last < len(text) {
		out = append(out, match{last, len(text), false})
	}
	return out, err
}

// search finds the first match that begins at or behind at; start is -1 where
// there is none.
func (r *regexRun) search(at int) (start, end int) {
	for {
		if r.first != nil {
			at = r.skip(at)
		}
		if end, ok := r.run(0, at, -1); ok {
			return at, end
		}
		if at >= len(r.text) || r.steps <= 0 {
			return -1, -1
		}
		_, size := utf8.DecodeRuneInString(r.text[at:])
		at += size
	}
}

// skip moves to the next character that a match can begin with.
func (r *regexRun) skip(at int) int {
	for at < len(r.text) {
		c, size := rune(r.text[at]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(r.text[at:])
		}
		if r.first.has(c) {
			break
		}
		at += size
	}
	return at
}

// run matches the instructions from pc on at pos, up to their opMatch. Where
// must is not -1, only a match that ends there counts.
func (r *regexRun) run(pc int32, pos, must int) (end int, ok bool) {
	base := len(r.tries)
	for {
		if r.steps--; r.steps <= 0 {
			return 0, false
		}
		i := &r.program[pc]
		ok := true
		switch i.op {
		case opMatch:
			if ok = must < 0 || pos == must; ok {
				r.tries = r.tries[:base]
				return pos, true
			}
		case opSet:
			if pos, ok = r.take(i.set, pos); ok {
				pc++
			}
		case opLoop:
			if pos, ok = r.loop(i, pc, pos); ok {
				pc++
			}
		case opJump:
			pc = i.x
		case opSplit:
			r.tries = append(r.tries, regexTry{i.y, int32(pos), -1, false})
			pc = i.x
		case opAssert:
			if ok = r.at(i.assert, pos); ok {
				pc++
			}
		case opAtomic:
			var end int
			if end, ok = r.run(pc+1, pos, -1); ok {
				pc, pos = i.x, end
			}
		case opLook:
			if ok = r.look(i, pc, pos) != i.negative; ok {
				pc = i.x
			}
		}
		if ok {
			continue
		}
		if pc, pos, ok = r.back(base); !ok {
			return 0, false
		}
	}
}

// take moves over one character of the set.
func (r *regexRun) take(s *runeSet, pos int) (int, bool) {
	if pos >= len(r.text) {
		return pos, false
	}
	if c := r.text[pos]; c < utf8.RuneSelf {
		return pos + 1, s.ascii[c>>6]>>(c&63)&1 != 0
	}
	c, size := utf8.DecodeRuneInString(r.text[pos:])
	return pos + size, s.has(c)
}

// loop takes characters of a set, as many as its greed says, and remembers that
// other numbers could be tried.
func (r *regexRun) loop(i *regexInst, pc int32, pos int) (int, bool) {
	n := int32(0)
	low := pos
	for ; i.most < 0 || n < i.most; n++ {
		if n == i.least {
			if low = pos; i.greed == lazy {
				break
			}
		}
		next, ok := r.take(i.set, pos)
		if !ok {
			break
		}
		pos = next
	}
	if n < i.least {
		return pos, false
	}
	if n == i.least {
		low = pos
	}
	r.steps -= int(n)
	switch {
	case i.greed == lazy && (i.most < 0 || n < i.most):
		left := int32(-1)
		if i.most >= 0 {
			left = i.most - n
		}
		r.tries = append(r.tries, regexTry{pc, int32(pos), left, true})
	case i.greed == greedy && pos > low:
		r.tries = append(r.tries, regexTry{pc + 1, int32(pos), int32(low), false})
	}
	return pos, true
}

// back returns to the last choice that is still open.
func (r *regexRun) back(base int) (pc int32, pos int, ok bool) {
	for len(r.tries) > base {
		t := &r.tries[len(r.tries)-1]
		switch {
		case t.lazy: // low is how many more it may take
			next, ok := r.take(r.program[t.pc].set, int(t.pos))
			if !ok || t.low == 0 {
				r.tries = r.tries[:len(r.tries)-1]
				continue
			}
			t.pos = int32(next)
			if t.low > 0 {
				t.low--
			}
			return t.pc + 1, next, true
		case t.low >= 0:
			_, size := utf8.DecodeLastRuneInString(r.text[:t.pos])
			t.pos -= int32(size)
			pc, pos = t.pc, int(t.pos)
			if t.pos <= t.low {
				r.tries = r.tries[:len(r.tries)-1]
			}
			return pc, pos, true
		}
		pc, pos = t.pc, int(t.pos)
		r.tries = r.tries[:len(r.tries)-1]
		return pc, pos, true
	}
	return 0, 0, false
}

// look says whether the look that begins at pc holds at pos.
func (r *regexRun) look(i *regexInst, pc int32, pos int) bool {
	if i.behind == nil {
		_, ok := r.run(pc+1, pos, -1)
		return ok
	}
	for _, n := range i.behind {
		start := pos
		for ; n > 0 && start > 0; n-- {
			_, size := utf8.DecodeLastRuneInString(r.text[:start])
			start -= size
		}
		if n > 0 {
			continue
		}
		if _, ok := r.run(pc+1, start, pos); ok {
			return true
		}
	}
	return false
}

// at says whether pos is the place that an assertion names.
func (r *regexRun) at(a assertion, pos int) bool {
	n := len(r.text)
	switch a {
	case '^':
		return pos == 0 || pos < n && r.text[pos-1] == '\n'
	case '$':
		return pos == n || r.text[pos] == '\n'
	case 'A':
		return pos == 0
	case 'z':
		return pos == n
	case 'Z':
		return pos == n || pos == n-1 && r.text[pos] == '\n'
	}
	before, behind := false, false
	if pos > 0 {
		c, _ := utf8.DecodeLastRuneInString(r.text[:pos])
		before = wordSet().has(c)
	}
	if pos < n {
		c, _ := utf8.DecodeRuneInString(r.text[pos:])
		behind = wordSet().has(c)
	}
	return (before != behind) == (a == 'b')
}

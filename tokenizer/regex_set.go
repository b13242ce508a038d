package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// runeSet is a set of characters.
type runeSet struct {
	ascii  [2]uint64 // a bit for each of the first 128
	ranges [][2]rune // all of them, sorted, apart from one another, both ends included
}

// newRuneSet makes a set of ranges in any order.
func newRuneSet(ranges [][2]rune) *runeSet {
	slices.SortFunc(ranges, func(a, b [2]rune) int { return int(a[0]) - int(b[0]) })
	s := &runeSet{}
	for _, r := range ranges {
		if n := len(s.ranges); n > 0 && r[0] <= s.ranges[n-1][1]+1 {
			s.ranges[n-1][1] = max(s.ranges[n-1][1], r[1])
			continue
		}
		s.ranges = append(s.ranges, r)
	}
	for _, r := range s.ranges {
		for c := r[0]; c <= min(r[1], 127); c++ {
			s.ascii[c>>6] |= 1 << (c & 63)
		}
	}
	return s
}

// has says whether r is in the set.
func (s *runeSet) has(r rune) bool {
	if r < 128 {
		return s.ascii[r>>6]>>(r&63)&1 != 0
	}
	low, high := 0, len(s.ranges)
	for low < high {
		if mid := (low + high) / 2; s.ranges[mid][1] < r {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low < len(s.ranges) && s.ranges[low][0] <= r
}

// single is the set of one character.
func single(r rune) *runeSet { return newRuneSet([][2]rune{{r, r}}) }

func union(sets ...*runeSet) *runeSet {
	var ranges [][2]rune
	for _, s := range sets {
		ranges = append(ranges, s.ranges...)
	}
	return newRuneSet(ranges)
}

// not is every character that is not in the set.
func (s *runeSet) not() *runeSet {
	var ranges [][2]rune
	next := rune(0)
	for _, r := range s.ranges {
		if next < r[0] {
			ranges = append(ranges, [2]rune{next, r[0] - 1})
		}
		next = r[1] + 1
	}
	if next <= unicode.MaxRune {
		ranges = append(ranges, [2]rune{next, unicode.MaxRune})
	}
	return newRuneSet(ranges)
}

func (s *runeSet) and(o *runeSet) *runeSet { return union(s.not(), o.not()).not() }

// folded adds the other cases of every character in the set.
func (s *runeSet) folded() *runeSet {
	ranges := slices.Clone(s.ranges)
	for _, r := range s.ranges {
		for c := r[0]; c <= min(r[1], 0x1E943); c++ { // nothing above has cases
			for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
				ranges = append(ranges, [2]rune{f, f})
			}
		}
	}
	return newRuneSet(ranges)
}

// tables is the set of everything in some of Unicode's tables.
func tables(tabs ...*unicode.RangeTable) *runeSet {
	var ranges [][2]rune
	put := func(low, high, stride rune) {
		if stride == 1 {
			ranges = append(ranges, [2]rune{low, high})
			return
		}
		for c := low; c <= high; c += stride {
			ranges = append(ranges, [2]rune{c, c})
		}
	}
	for _, t := range tabs {
		for _, r := range t.R16 {
			put(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			put(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return newRuneSet(ranges)
}

// The classes of \s, \d, \h, \w and the dot.
func spaceSet() *runeSet { return tables(unicode.White_Space) }
func digitSet() *runeSet { return tables(unicode.Nd) }
func hexSet() *runeSet   { return newRuneSet([][2]rune{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}) }
func alphaSet() *runeSet {
	return tables(unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.Other_Lowercase, unicode.Other_Uppercase)
}
func wordSet() *runeSet { return union(alphaSet(), tables(unicode.M, unicode.N, unicode.Pc)) }
func anySet() *runeSet  { return newRuneSet([][2]rune{{0, unicode.MaxRune}}) }
func lineSet() *runeSet { return single('\n').not() }

// longCategories are the long names of Unicode's categories.
var longCategories = map[string]string{
	"letter": "L", "uppercaseletter": "Lu", "lowercaseletter": "Ll", "titlecaseletter": "Lt",
	"modifierletter": "Lm", "otherletter": "Lo", "mark": "M", "nonspacingmark": "Mn",
	"spacingmark": "Mc", "enclosingmark": "Me", "number": "N", "decimalnumber": "Nd",
	"letternumber": "Nl", "othernumber": "No", "punctuation": "P", "symbol": "S", "separator": "Z",
	"spaceseparator": "Zs", "lineseparator": "Zl", "paragraphseparator": "Zp", "control": "Cc", "format": "Cf",
}

// property is the set of \p{name}: a category, a script, or one of a few
// properties. Names match without regard to case, blanks, _ and -.
func property(name string) (*runeSet, error) {
	key := strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
	if long, ok := longCategories[key]; ok {
		key = strings.ToLower(long)
	}
	switch key {
	case "any":
		return anySet(), nil
	case "alpha", "alphabetic":
		return alphaSet(), nil
	case "space", "whitespace":
		return spaceSet(), nil
	case "digit":
		return digitSet(), nil
	case "word":
		return wordSet(), nil
	case "punct":
		return tables(unicode.P), nil
	case "c", "other", "cn", "unassigned", "cs", "surrogate":
		return nil, fmt.Errorf("%w: property %q", ErrUnsupported, name)
	}
	for _, list := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts} {
		for n, t := range list {
			if strings.ToLower(strings.ReplaceAll(n, "_", "")) == key {
				return tables(t), nil
			}
		}
	}
	return nil, fmt.Errorf("%w: property %q", ErrUnsupported, name)
}

// bracket is the set of [:name:].
func bracket(name string) (*runeSet, error) {
	switch name {
	case "alpha", "digit", "space", "word":
		return property(name)
	case "alnum":
		return union(alphaSet(), digitSet()), nil
	case "lower":
		return tables(unicode.Ll, unicode.Other_Lowercase), nil
	case "upper":
		return tables(unicode.Lu, unicode.Other_Uppercase), nil
	case "xdigit":
		return hexSet(), nil
	case "cntrl":
		return tables(unicode.Cc), nil
	case "punct":
		return tables(unicode.P, unicode.S), nil
	}
	return nil, fmt.Errorf("%w: class [:%s:]", ErrUnsupported, name)
}

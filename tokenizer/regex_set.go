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

// The classes of \s, \d, \h and the dot; those of \w and \p{Alpha} are tables.
func spaceSet() *runeSet {
	return newRuneSet([][2]rune{{0x9, 0xD}, {0x20, 0x20}, {0x85, 0x85}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
		{0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}})
}
func digitSet() *runeSet { return categorySet("Nd") }
func hexSet() *runeSet   { return newRuneSet([][2]rune{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}) }
func anySet() *runeSet   { return newRuneSet([][2]rune{{0, unicode.MaxRune}}) }
func lineSet() *runeSet  { return single('\n').not() }

// categorySet is the set of the categories whose names begin with one of the
// prefixes.
func categorySet(prefixes ...string) *runeSet {
	return setOfRuns(categoryRuns(), func(class int) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(categoryNames[class], p) })
	})
}

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
		return categorySet("P"), nil
	case "l", "m", "n", "p", "s", "z":
		return categorySet(strings.ToUpper(key)), nil
	}
	for _, name := range categoryNames {
		if strings.ToLower(name) == key {
			return categorySet(name), nil
		}
	}
	for class, name := range scriptNames {
		if strings.ToLower(strings.ReplaceAll(name, "_", "")) == key {
			return setOfRuns(scriptRuns(), func(c int) bool { return c == class }), nil
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
		return lowerSet(), nil
	case "upper":
		return upperSet(), nil
	case "xdigit":
		return hexSet(), nil
	case "cntrl":
		return categorySet("Cc"), nil
	case "punct":
		return categorySet("P", "S"), nil
	}
	return nil, fmt.Errorf("%w: class [:%s:]", ErrUnsupported, name)
}

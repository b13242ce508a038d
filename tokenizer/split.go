package tokenizer

// match is a part of a piece's text: a delimiter, or what lies between two.
type match struct {
	start, end int
	delimiter  bool
}

// behavior says what becomes of delimiters.
type behavior uint8

const (
	removed            behavior = iota // dropped
	isolated                           // a piece each
	mergedWithPrevious                 // part of the piece before
	mergedWithNext                     // part of the piece behind
	contiguous                         // one piece a run
)

// behaviorNames are the values of the key "behavior", in order.
var behaviorNames = []string{"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}

// behaviorOr reads the key "behavior", which may be absent.
func behaviorOr(f *fields, or behavior) behavior {
	if n, ok := f.maybe("behavior", kindString); !ok || n.kind != kindString {
		return or
	}
	return behavior(f.choice("behavior", behaviorNames...))
}

// split emits the pieces of p that the matches, which cover it, make under b.
func (b behavior) split(p piece, matches []match, emit func(piece)) {
	switch b {
	case removed:
		for _, m := range matches {
			if !m.delimiter {
				emit(p.slice(m.start, m.end))
			}
		}
		return
	case mergedWithPrevious:
		matches = merge(matches, func(before, now match) bool { return now.delimiter && !before.delimiter })
	case contiguous:
		matches = merge(matches, func(before, now match) bool { return now.delimiter == before.delimiter })
	case mergedWithNext:
		matches = mergeBackwards(matches)
	}
	for _, m := range matches {
		emit(p.slice(m.start, m.end))
	}
}

// merge lengthens a match by the one behind it where joins says so.
func merge(matches []match, joins func(before, now match) bool) []match {
	var out []match
	for i, m := range matches {
		if i > 0 && joins(matches[i-1], m) {
			out[len(out)-1].end = m.end
		} else {
			out = append(out, m)
		}
	}
	return out
}

// mergeBackwards joins a delimiter with the match behind it, unless that is a
// delimiter too.
func mergeBackwards(matches []match) []match {
	var out []match
	for i, m := range matches {
		if i > 0 && matches[i-1].delimiter && !m.delimiter {
			out[len(out)-1].end = m.end
		} else {
			out = append(out, m)
		}
	}
	return out
}

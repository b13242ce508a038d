package nearest

import (
	"slices"
	"strconv"
	"strings"
)

// Suggest ends a message about an unknown name: `; did you mean "x"?` with the known
// name nearest to it, or the list of known names (20 at most) where none is near.
func Suggest(found string, known []string) string {
	if s := DidYouMean(found, known); s != "" || len(known) == 0 {
		return s
	}
	var quoted []string
	for _, k := range slices.Sorted(slices.Values(known)) {
		if len(quoted) == 20 {
			quoted = append(quoted, "...")
			break
		}
		quoted = append(quoted, strconv.Quote(k))
	}
	return "; known: " + strings.Join(quoted, ", ")
}

// DidYouMean is `; did you mean "x"?` with the known name nearest to found, and nothing
// where none is near.
func DidYouMean(found string, known []string) string {
	for _, best := range Names(found, known, 1) {
		if edits(found, best) < len([]rune(found))/3+2 {
			return "; did you mean " + strconv.Quote(best) + "?"
		}
	}
	return ""
}

// Names are up to n of names, each once, those that are the fewest edits away from name first.
func Names(name string, names []string, n int) []string {
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	away := map[string]int{}
	for _, s := range sorted {
		away[s] = edits(name, s)
	}
	slices.SortStableFunc(sorted, func(a, b string) int { return away[a] - away[b] })
	return sorted[:min(n, len(sorted))]
}

// edits is the Levenshtein distance: the insertions, deletions and replacements between two names.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

package nearest

import (
	"slices"
	"strconv"
)

// Suggest returns `; did you mean "x"?` for the known name nearest to the one
// that was found, or the list of known names where none is near.
func Suggest(found string, known []string) string {
	best, distance := "", len([]rune(found))/3+2
	for _, k := range known {
		if d := edits(found, k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return "; did you mean " + strconv.Quote(best) + "?"
	}
	sorted := slices.Sorted(slices.Values(known))
	if len(sorted) == 0 {
		return ""
	}
	list := "; known: "
	for i, k := range sorted {
		if i == 20 {
			return list + ", ..."
		}
		if i > 0 {
			list += ", "
		}
		list += strconv.Quote(k)
	}
	return list
}

// edits counts the insertions, deletions and replacements between two names.
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

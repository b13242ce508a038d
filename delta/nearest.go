package delta

import (
	"fmt"
	"slices"
	"strings"
)

// nearest are up to n of names, those that are the fewest edits away from name first.
func nearest(name string, names []string, n int) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	away := map[string]int{}
	for _, s := range sorted {
		away[s] = edits(name, s)
	}
	slices.SortStableFunc(sorted, func(a, b string) int { return away[a] - away[b] })
	return sorted[:min(n, len(sorted))]
}

// suggestion ends a message with the nearest of names, if it is near.
func suggestion(name string, names []string) string {
	for _, s := range nearest(name, names, 1) {
		if edits(name, s) <= 1+len(name)/3 {
			return fmt.Sprintf("; did you mean %q?", s)
		}
	}
	return ""
}

// nearestSites ends a message about a target with sites that have names like it: compared
// over as many of their last components as the target has.
func nearestSites(target string, sites []string) string {
	depth := strings.Count(target, ".") + 1
	var ends []string
	for _, s := range sites {
		parts := strings.Split(s, ".")
		ends = append(ends, strings.Join(parts[max(0, len(parts)-depth):], "."))
	}
	return "; the nearest are " + strings.Join(nearest(target, ends, 4), ", ")
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

package delta

import (
	"strings"

	"trimtab/internal/nearest"
)

// nearestSites ends a message about a target with sites that have names like it: compared
// over as many of their last components as the target has.
func nearestSites(target string, sites []string) string {
	depth := strings.Count(target, ".") + 1
	var ends []string
	for _, s := range sites {
		parts := strings.Split(s, ".")
		ends = append(ends, strings.Join(parts[max(0, len(parts)-depth):], "."))
	}
	return "; the nearest are " + strings.Join(nearest.Names(target, ends, 4), ", ")
}

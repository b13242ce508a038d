package nearest_test

import (
	"testing"

	"trimtab/internal/nearest"
)

func TestSuggest(t *testing.T) {
	known := []string{"learning_rate", "weight_decay", "seed"}
	for found, want := range map[string]string{
		"learning_rte": `; did you mean "learning_rate"?`,
		"sed":          `; did you mean "seed"?`,
		"xyzzyxyzzy":   `; known: "learning_rate", "seed", "weight_decay"`,
	} {
		if got := nearest.Suggest(found, known); got != want {
			t.Errorf("%s: %s, expected %s", found, got, want)
		}
	}
	if got := nearest.Suggest("x", nil); got != "" {
		t.Errorf("nothing is known: %q", got)
	}
}

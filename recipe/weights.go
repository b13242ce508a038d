package recipe

import (
	"fmt"
	"slices"

	"trimtab/internal/nearest"
)

// classWeights are the weights of the classes in the loss: those of the recipe, or
// with "balanced" examples/(classes·examples of the class), as scikit-learn has it.
func (j *Job) classWeights(classes []int) ([]float32, error) {
	r := j.Recipe
	switch w := r.ClassWeights.(type) {
	case nil:
		return nil, nil
	case string:
		if w != "balanced" {
			return nil, r.fail(fmt.Sprintf("class_weights is %q, and must be balanced or {label: number}", w))
		}
		weights := make([]float32, len(j.Labels.Names))
		count := make([]int, len(weights))
		for _, c := range classes {
			count[c]++
		}
		for c, n := range count {
			if n == 0 {
				return nil, r.fail(fmt.Sprintf("class_weights: the training data has no example of %q to balance", j.Labels.Names[c]))
			}
			weights[c] = float32(len(classes)) / float32(len(count)*n)
		}
		return weights, nil
	case map[string]any:
		weights := slices.Repeat([]float32{1}, len(j.Labels.Names))
		for label, v := range w {
			class, ok := j.Labels.Class(label)
			if !ok {
				return nil, r.fail(fmt.Sprintf("class_weights: unknown label %q%s", label, nearest.Suggest(label, j.Labels.Names)))
			}
			n, ok := number(v)
			if !ok || !(n > 0 && n < 1e6) {
				return nil, r.fail(fmt.Sprintf("class_weights: %s is %v, and must be a number above 0, below 1e6", label, v))
			}
			weights[class] = float32(n)
		}
		return weights, nil
	}
	return nil, r.fail("class_weights must be balanced or {label: number}")
}

// number is a YAML number.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case int:
		return float64(n), true
	}
	return 0, false
}

package eval_test

import (
	"errors"
	"testing"

	"trimtab/eval"
	"trimtab/internal/near"
)

// The expected values are scikit-learn's (accuracy_score, f1_score, matthews_corrcoef) for the same answers.
func TestMetrics(t *testing.T) {
	gold := []int{0, 1, 2, 2, 1, 0, 2, 1, 0, 2}
	predicted := []int{0, 2, 2, 2, 1, 1, 0, 1, 0, 2}
	c, err := eval.NewConfusion(3, gold, predicted)
	if err != nil {
		t.Fatal(err)
	}
	near.Number(t, "accuracy", c.Accuracy(), 0.7, near.Float64)
	near.Number(t, "F1 of 0", c.F1(0), 0.6666666666666666, near.Float64)
	near.Number(t, "F1 of 2", c.F1(2), 0.75, near.Float64)
	near.Number(t, "macro F1", c.MacroF1(), 0.6944444444444443, near.Float64)
	near.Number(t, "micro F1", c.MicroF1(), 0.7, near.Float64)
	near.Number(t, "Matthews", c.Matthews(), 0.5454545454545454, near.Float64)
}

func TestOneClassOnly(t *testing.T) {
	c, err := eval.NewConfusion(2, []int{1, 1}, []int{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	near.Number(t, "Matthews", c.Matthews(), 0, near.Float64)
	near.Number(t, "macro F1", c.MacroF1(), 1, near.Float64)
}

func TestCountsWhatCanBeCounted(t *testing.T) {
	for name, answers := range map[string][2][]int{
		"none":       {{}, {}},
		"lengths":    {{1}, {1, 0}},
		"no class":   {{2}, {0}},
		"no class 2": {{0}, {-1}},
	} {
		if _, err := eval.NewConfusion(2, answers[0], answers[1]); !errors.Is(err, eval.ErrCount) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMeanDeviation(t *testing.T) {
	mean, deviation := eval.MeanDeviation([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	near.Number(t, "mean", mean, 5, near.Float64)
	near.Number(t, "deviation", deviation, 2.138089935299395, near.Float64)
	near.Number(t, "perplexity", eval.Perplexity(6, 3), 7.38905609893065, near.Float64)
}

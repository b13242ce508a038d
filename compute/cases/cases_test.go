package cases

import (
	"testing"

	"trimtab/compute"
	"trimtab/internal/near"
)

func TestEveryOperationHasCases(t *testing.T) {
	names := map[string]bool{}
	for op, row := range compute.Operations {
		of := Of(compute.Op(op))
		if len(of) == 0 {
			t.Errorf("%s has no cases", row.Name)
		}
		for _, c := range of {
			if names[c.FullName()] {
				t.Errorf("%s: two cases of one name", c.FullName())
			}
			names[c.FullName()] = true
			if (c.Backward == nil) != row.ForwardOnly {
				t.Errorf("%s: has a backward: %v, the table says forward only: %v", c.FullName(), c.Backward != nil, row.ForwardOnly)
			}
		}
	}
}

// TestTwinsGradients holds every twin's backward to finite differences, with the
// power to see a gradient that is missing or 1 % off.
func TestTwinsGradients(t *testing.T) {
	checked := map[compute.Op]int{}
	for _, c := range All() {
		if c.Backward == nil || c.empty() || c.Flops > 2e6 {
			continue
		}
		for _, s := range c.Slopes(2) {
			near.Number(t, c.FullName(), s.Gradient, s.Difference, near.Direction)
			if near.Error(0, s.Difference) > near.Direction && near.Error(s.Gradient*1.01, s.Difference) > near.Direction {
				checked[c.Op]++
			}
		}
	}
	for op, row := range compute.Operations {
		if !row.ForwardOnly && checked[compute.Op(op)] < 6 {
			t.Errorf("%s: only %d directions would have shown a gradient that is zero or 1 %% off", row.Name, checked[compute.Op(op)])
		}
	}
}

// empty says whether nothing is computed.
func (c *Case) empty() bool {
	n := 0
	for _, o := range c.Out {
		n += o.Rows * o.Cols
	}
	return n == 0
}

package eval

import (
	"errors"
	"fmt"
	"math"
)

// ErrCount is wrapped by errors about answers that cannot be counted.
var ErrCount = errors.New("answers cannot be counted")

// Confusion counts answers: Count[gold][predicted].
type Confusion struct {
	// Classes is the number of classes.
	Classes int
	// Count has Classes rows of Classes columns.
	Count [][]int
	// Total is the number of answers.
	Total int
}

// NewConfusion counts predicted classes against gold ones.
func NewConfusion(classes int, gold, predicted []int) (*Confusion, error) {
	if len(gold) != len(predicted) {
		return nil, fmt.Errorf("%w: %d gold classes, %d predicted", ErrCount, len(gold), len(predicted))
	}
	if len(gold) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrCount)
	}
	c := &Confusion{Classes: classes, Total: len(gold)}
	for range classes {
		c.Count = append(c.Count, make([]int, classes))
	}
	for i, g := range gold {
		p := predicted[i]
		if g < 0 || g >= classes || p < 0 || p >= classes {
			return nil, fmt.Errorf("%w: answer %d: gold class %d, predicted %d, of %d", ErrCount, i, g, p, classes)
		}
		c.Count[g][p]++
	}
	return c, nil
}

// Accuracy is the share of right answers, from 0 to 1.
func (c *Confusion) Accuracy() float64 {
	right := 0
	for i := range c.Classes {
		right += c.Count[i][i]
	}
	return float64(right) / float64(c.Total)
}

// F1 is the harmonic mean of precision and recall of one class; 0 where there is neither.
func (c *Confusion) F1(class int) float64 {
	both := 2 * c.Count[class][class]
	sum := 0
	for i := range c.Classes {
		sum += c.Count[class][i] + c.Count[i][class]
	}
	if sum == 0 {
		return 0
	}
	return float64(both) / float64(sum)
}

// MacroF1 is the mean of F1 over the classes that are gold or predicted at all.
func (c *Confusion) MacroF1() float64 {
	total, n := 0.0, 0
	for class := range c.Classes {
		seen := 0
		for i := range c.Classes {
			seen += c.Count[class][i] + c.Count[i][class]
		}
		if seen > 0 {
			total += c.F1(class)
			n++
		}
	}
	return total / float64(n)
}

// MicroF1 is F1 over all classes' counts together. With one answer an example it is the accuracy.
func (c *Confusion) MicroF1() float64 { return c.Accuracy() }

// Matthews is Matthews' correlation for any number of classes (Gorodkin 2004), from
// -1 to 1; 0 where all gold or all predicted classes are one.
func (c *Confusion) Matthews() float64 {
	right, products, squaresGold, squaresPredicted := 0.0, 0.0, 0.0, 0.0
	for class := range c.Classes {
		gold, predicted := 0.0, 0.0
		for i := range c.Classes {
			gold += float64(c.Count[class][i])
			predicted += float64(c.Count[i][class])
		}
		right += float64(c.Count[class][class])
		products += gold * predicted
		squaresGold += gold * gold
		squaresPredicted += predicted * predicted
	}
	n := float64(c.Total)
	under := math.Sqrt(n*n-squaresPredicted) * math.Sqrt(n*n-squaresGold)
	if under == 0 {
		return 0
	}
	return (n*right - products) / under
}

// Perplexity is exp of the mean negative log-likelihood of a token, in nats.
func Perplexity(negativeLogLikelihood float64, tokens int) float64 {
	return math.Exp(negativeLogLikelihood / float64(tokens))
}

// MeanDeviation is the mean of values and their sample standard deviation (0 for one value).
func MeanDeviation(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	if len(values) < 2 {
		return mean, 0
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values)-1))
}

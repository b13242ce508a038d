package tokenizer

import "fmt"

// truncation is the section of tokenizer.json that cuts encodings to a length.
type truncation struct {
	maxLength int
	stride    int // how much neighbouring windows overlap
	strategy  int
	left      bool // cut at the beginning
}

// The strategies, in the order of strategyNames.
const (
	longestFirst = iota
	onlyFirst
	onlySecond
)

var strategyNames = []string{"LongestFirst", "OnlyFirst", "OnlySecond"}

func parseTruncation(n node) (*truncation, error) {
	f := fieldsOf("truncation", n)
	t := &truncation{maxLength: f.integer("max_length"), stride: f.integer("stride"), strategy: f.choice("strategy", strategyNames...)}
	if _, ok := f.maybe("direction", kindString); ok {
		t.left = f.choice("direction", "Left", "Right") == 0
	}
	return t, f.done()
}

// cut truncates a text's encoding, and its pair's where pair is not nil, so that
// both together have at most length tokens.
func (t *truncation) cut(first, pair *Encoding, length int) error {
	if length < 0 {
		return fmt.Errorf("tokenizer: truncation: max_length %d leaves no room for the special tokens", t.maxLength)
	}
	n1, n2 := len(first.IDs), 0
	if pair != nil {
		n2 = len(pair.IDs)
	}
	over := n1 + n2 - length
	switch {
	case over <= 0:
		return nil
	case length == 0:
		n1, n2 = 0, 0
	case t.strategy == onlyFirst:
		n1 -= over
	case t.strategy == onlySecond && pair == nil:
		return fmt.Errorf("tokenizer: truncation: strategy OnlySecond needs a second text")
	case t.strategy == onlySecond:
		n2 -= over
	case pair == nil:
		n1 = length
	default:
		n1, n2 = shares(n1, n2, length)
	}
	if length > 0 && (t.strategy == onlyFirst && n1 <= 0 || t.strategy == onlySecond && n2 <= 0) {
		return fmt.Errorf("tokenizer: truncation: the text that strategy %s cuts is too short to reach max_length %d", strategyNames[t.strategy], t.maxLength)
	}
	if err := t.truncate(first, n1); err != nil || pair == nil {
		return err
	}
	return t.truncate(pair, n2)
}

// shares divides length between two texts: the longer one is cut first, and
// where both are longer than half, each gets half, the longer the odd token.
func shares(n1, n2, length int) (int, int) {
	if n1 > n2 {
		n2, n1 = shares(n2, n1, length)
		return n1, n2
	}
	if n1 > length {
		n2 = n1
	} else {
		n2 = max(n1, length-n1)
	}
	if n1+n2 > length {
		n1 = length / 2
		n2 = n1 + length%2
	}
	return n1, n2
}

// truncate keeps n tokens of e; what is cut becomes windows of the same length.
func (t *truncation) truncate(e *Encoding, n int) error {
	total := len(e.IDs)
	if n >= total {
		return nil
	}
	if n == 0 {
		*e = Encoding{Overflowing: []*Encoding{e.window(0, total)}}
		return nil
	}
	if t.stride >= n {
		return fmt.Errorf("tokenizer: truncation: stride %d is not below the %d tokens that max_length %d leaves to a text", t.stride, n, t.maxLength)
	}
	var windows []*Encoding
	for i := 0; ; i += n - t.stride {
		start, end := i, min(i+n, total)
		if t.left {
			start, end = max(total-i-n, 0), total-i
		}
		windows = append(windows, e.window(start, end))
		if t.left && start == 0 || !t.left && end == total {
			break
		}
	}
	*e = *windows[0]
	e.Overflowing = windows[1:]
	return nil
}

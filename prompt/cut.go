package prompt

import (
	"errors"
	"fmt"

	"trimtab/internal/nearest"
)

// Truncation says which tokens go when an input is too long. Only shortenable
// parts give any.
type Truncation uint8

// The ways of cutting.
const (
	Tail     Truncation = iota // the end of the last part, then of the one before
	Head                       // the front of the first part, then of the next
	Balanced                   // the end of each part, in proportion to its length
	NoCut                      // nothing: a long input is an error
)

var truncationNames = [...]string{"tail", "head", "balanced", "error"}

// ErrTooLong is returned for an input that is longer than allowed and may not
// be cut that far.
var ErrTooLong = errors.New("the input is too long")

// String returns the name that recipes use: tail, head, balanced or error.
func (t Truncation) String() string {
	if int(t) < len(truncationNames) {
		return truncationNames[t]
	}
	return fmt.Sprintf("truncation %d", uint8(t))
}

// MarshalText returns [Truncation.String].
func (t Truncation) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads tail, head, balanced or error; nothing is tail.
func (t *Truncation) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Tail
		return nil
	}
	for i, name := range truncationNames {
		if name == string(text) {
			*t = Truncation(i)
			return nil
		}
	}
	return fmt.Errorf("truncation: found %q, expected one of tail, head, balanced, error%s", text, nearest.Suggest(string(text), truncationNames[:]))
}

// cut returns how many tokens each part loses, at its front with Head and at
// its end otherwise, so that excess tokens go; false if the parts have fewer.
// lengths are 0 for parts that are not shortenable.
func (t Truncation) cut(lengths []int, excess int) ([]int, bool) {
	total := 0
	for _, n := range lengths {
		total += n
	}
	if t == NoCut || total < excess {
		return nil, false
	}
	lost := make([]int, len(lengths))
	left := excess
	for i := range lengths {
		switch t {
		case Balanced:
			lost[i] = min(left, (lengths[i]*excess+total-1)/total)
		case Tail:
			i = len(lengths) - 1 - i
			fallthrough
		default:
			lost[i] = min(left, lengths[i])
		}
		left -= lost[i]
	}
	return lost, true
}

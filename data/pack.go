package data

import (
	"cmp"
	"fmt"
	"slices"

	"trimtab/internal/chance"
)

// PackOptions say how rows are put into batches. One of Tokens and Examples is set.
type PackOptions struct {
	Tokens   int    // the most tokens in a batch; rows follow their order until the next does not fit
	Examples int    // the number of rows in a batch, the last of an epoch may have fewer
	Ordered  bool   // keep the order of the rows, as for evaluation; default: shuffled anew each epoch
	Window   int    // sort so many rows at a time by length and shuffle the batches; 0: do not
	Seed     uint64 // of the shuffles
}

// Pack deals all rows out to the batches of an epoch, each once. It is a function of its arguments: a resumed run
// finds the same batches. A row of more than Tokens tokens, or options that make no sense, are errors that wrap [ErrBatch].
func Pack(lengths []int, epoch uint64, o PackOptions) ([][]int, error) {
	if (o.Tokens > 0) == (o.Examples > 0) || o.Tokens < 0 || o.Examples < 0 || o.Window < 0 {
		return nil, fmt.Errorf("%w: %d tokens, %d examples, window %d: expected a number of tokens or of examples", ErrBatch, o.Tokens, o.Examples, o.Window)
	}
	var order []int
	if o.Ordered {
		order = make([]int, len(lengths))
		for i := range order {
			order[i] = i
		}
	} else {
		order = Shuffle(len(lengths), o.Seed, epoch)
	}
	if o.Window > 0 {
		for window := range slices.Chunk(order, o.Window) {
			slices.SortStableFunc(window, func(a, b int) int { return cmp.Compare(lengths[a], lengths[b]) })
		}
	}
	batches, err := fill(order, lengths, o)
	if err != nil || o.Window == 0 || o.Ordered {
		return batches, err
	}
	mixed := make([][]int, len(batches))
	site := chance.SiteOf("data.shuffle_batches")
	for i, at := range chance.Perm(len(batches), chance.Key{Seed: o.Seed, Step: epoch, Site: site}) {
		mixed[i] = batches[at]
	}
	return mixed, nil
}

// fill cuts an order of rows into batches.
func fill(order, lengths []int, o PackOptions) ([][]int, error) {
	var batches [][]int
	start, tokens := 0, 0
	for i, row := range order {
		if o.Tokens > 0 && lengths[row] > o.Tokens {
			return nil, fmt.Errorf("%w: row %d has %d tokens, a batch at most %d", ErrBatch, row, lengths[row], o.Tokens)
		}
		if o.Tokens > 0 && tokens+lengths[row] > o.Tokens || o.Examples > 0 && i-start == o.Examples {
			batches = append(batches, order[start:i:i])
			start, tokens = i, 0
		}
		tokens += lengths[row]
	}
	if start < len(order) {
		batches = append(batches, order[start:])
	}
	return batches, nil
}

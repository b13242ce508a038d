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

// Position is a place in an endless sequence of batches.
type Position struct {
	Epoch uint64 `json:"epoch"`
	Index int    `json:"index"` // of the batch within the epoch
}

// Batches deals out batches epoch after epoch, from any position on.
type Batches struct {
	lengths []int
	options PackOptions
	at      Position
	epoch   [][]int // the batches of at.Epoch
}

// NewBatches starts at a position, as [Batches.Position] gave it; errors as [Pack], and [ErrBatch] where there are no rows
// or the epoch has no such batch.
func NewBatches(lengths []int, o PackOptions, from Position) (*Batches, error) {
	epoch, err := Pack(lengths, from.Epoch, o)
	if err != nil {
		return nil, err
	}
	if from.Index < 0 || from.Index >= len(epoch) {
		return nil, fmt.Errorf("%w: epoch %d has %d batches, number %d is asked for", ErrBatch, from.Epoch, len(epoch), from.Index)
	}
	return &Batches{lengths: lengths, options: o, at: from, epoch: epoch}, nil
}

// Position is that of the batch that Next will give.
func (b *Batches) Position() Position { return b.at }

// PerEpoch is the number of batches in the epoch of the position.
func (b *Batches) PerEpoch() int { return len(b.epoch) }

// Next gives the rows of the next batch, which the caller must not change.
func (b *Batches) Next() ([]int, error) {
	rows := b.epoch[b.at.Index]
	b.at.Index++
	if b.at.Index == len(b.epoch) {
		epoch, err := Pack(b.lengths, b.at.Epoch+1, b.options)
		if err != nil {
			return nil, err
		}
		b.at, b.epoch = Position{Epoch: b.at.Epoch + 1}, epoch
	}
	return rows, nil
}

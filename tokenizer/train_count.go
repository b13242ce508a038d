package tokenizer

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// wordCount is a word of the training text and how often it occurs.
type wordCount struct {
	word  string
	count int64
}

// countWords runs texts through the first half of a pipeline, on all cores, and
// counts the words. They come back sorted: the most frequent first, equally
// frequent ones by their spelling.
func countWords(ctx context.Context, texts iter.Seq[string], pipeline *Tokenizer) ([]wordCount, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	const batchBytes = 1 << 18
	batches := make(chan []string, 4)
	counts := make([]map[string]int64, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for i := range counts {
		counts[i] = map[string]int64{}
		group.Go(func() {
			s := &scratch{}
			for batch := range batches {
				for _, text := range batch {
					if err := pipeline.countIn(text, counts[i], s); err != nil {
						cancel(err)
					}
				}
			}
		})
	}
	var batch []string
	size := 0
	for text := range texts {
		if ctx.Err() != nil {
			break
		}
		batch, size = append(batch, text), size+len(text)
		if size >= batchBytes {
			batches <- batch
			batch, size = nil, 0
		}
	}
	batches <- batch
	close(batches)
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return sortCounts(counts), nil
}

// countIn adds the words of one text.
func (t *Tokenizer) countIn(text string, counts map[string]int64, s *scratch) error {
	if err := t.segments(text, s); err != nil {
		return err
	}
	for _, g := range s.cut {
		n, ok := counts[g.text]
		if !ok {
			counts[strings.Clone(g.text)] = 1
			continue
		}
		counts[g.text] = n + 1
	}
	return nil
}

// sortCounts joins what the cores counted.
func sortCounts(counts []map[string]int64) []wordCount {
	all := counts[0]
	for _, more := range counts[1:] {
		for w, n := range more {
			all[w] += n
		}
	}
	list := make([]wordCount, 0, len(all))
	for w, n := range all {
		list = append(list, wordCount{w, n})
	}
	slices.SortFunc(list, func(a, b wordCount) int {
		return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(a.word, b.word))
	})
	return list
}

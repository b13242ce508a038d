package data

import (
	"fmt"
	"maps"
	"slices"

	"trimtab/internal/chance"
)

// Shuffle is the order of n rows in an epoch: chance.Perm with the key of the seed, the epoch and the site "data.shuffle".
func Shuffle(n int, seed, epoch uint64) []int {
	return chance.Perm(n, chance.Key{Seed: seed, Step: epoch, Site: chance.SiteOf("data.shuffle")})
}

// FewShot draws k rows of each class and, apart from them, as many for validation as asked (0 for none). labels are the
// rows' classes; the rows come back in ascending order. The draw of a class is the beginning of the permutation chance.Perm of its
// rows, with the key of the seed, the class as the step and the site "data.few_shot": the training rows first, so
// that they do not depend on the validation rows. A class with too few rows is an error that wraps [ErrSample].
func FewShot(labels []int, k, validation int, seed uint64) (train, held []int, err error) {
	if k < 1 || validation < 0 {
		return nil, nil, fmt.Errorf("%w: %d rows a class and %d for validation", ErrSample, k, validation)
	}
	members := map[int][]int{}
	for row, class := range labels {
		members[class] = append(members[class], row)
	}
	site := chance.SiteOf("data.few_shot")
	for _, class := range slices.Sorted(maps.Keys(members)) {
		rows := members[class]
		if len(rows) < k+validation {
			return nil, nil, fmt.Errorf("%w: class %d has %d rows, %d are asked for", ErrSample, class, len(rows), k+validation)
		}
		for i, at := range chance.Perm(len(rows), chance.Key{Seed: seed, Step: uint64(class), Site: site})[:k+validation] {
			if i < k {
				train = append(train, rows[at])
			} else {
				held = append(held, rows[at])
			}
		}
	}
	slices.Sort(train)
	slices.Sort(held)
	return train, held, nil
}

// Split keeps some of n rows back for validation: the first of the permutation chance.Perm with the key of the seed and the
// site "data.split". Both come back in ascending order; none may be empty ([ErrSample]).
func Split(n, validation int, seed uint64) (train, held []int, err error) {
	if validation < 1 || validation >= n {
		return nil, nil, fmt.Errorf("%w: %d of %d rows for validation", ErrSample, validation, n)
	}
	order := chance.Perm(n, chance.Key{Seed: seed, Site: chance.SiteOf("data.split")})
	train, held = order[validation:], order[:validation:validation]
	slices.Sort(train)
	slices.Sort(held)
	return train, held, nil
}

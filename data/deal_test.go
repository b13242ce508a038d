package data

import (
	"errors"
	"slices"
	"testing"

	"trimtab/internal/chance"
)

func TestShuffle(t *testing.T) {
	a := Shuffle(100, 1, 0)
	if !slices.Equal(a, Shuffle(100, 1, 0)) {
		t.Error("not a function of its arguments")
	}
	if slices.Equal(a, Shuffle(100, 2, 0)) || slices.Equal(a, Shuffle(100, 1, 1)) {
		t.Error("seed or epoch do not count")
	}
	slices.Sort(a)
	for i, v := range a {
		if i != v {
			t.Fatal("not a permutation")
		}
	}
}

func TestFewShot(t *testing.T) {
	labels := make([]int, 90)
	for i := range labels {
		labels[i] = i * i % 3 % 2 // two classes: 30 and 60
	}
	train, held, err := FewShot(labels, 16, 8, 13)
	if err != nil || len(train) != 32 || len(held) != 16 || !slices.IsSorted(train) || !slices.IsSorted(held) {
		t.Fatal(train, held, err)
	}
	ones, used := 0, map[int]bool{}
	for _, row := range slices.Concat(train, held) {
		if used[row] {
			t.Errorf("row %d comes twice", row)
		}
		used[row] = true
		ones += labels[row]
	}
	if ones != 24 {
		t.Errorf("%d of class 1, want 24", ones)
	}
	alone, _, err := FewShot(labels, 16, 0, 13)
	if err != nil || !slices.Equal(alone, train) {
		t.Error("validation changes the training rows", err)
	}
	if other, _, err := FewShot(labels, 16, 0, 14); err != nil || slices.Equal(other, train) {
		t.Error("the seed does not count", err)
	}
	for _, c := range [][2]int{{0, 0}, {1, -1}, {31, 0}, {16, 15}} {
		if _, _, err := FewShot(labels, c[0], c[1], 1); !errors.Is(err, ErrSample) {
			t.Error(c, err)
		}
	}
}

// TestSplit: the rows held back are the first of the documented permutation; the seed counts, and no part is empty.
func TestSplit(t *testing.T) {
	train, held, err := Split(40, 8, 5)
	if err != nil || len(train) != 32 || len(held) != 8 || !slices.IsSorted(train) || !slices.IsSorted(held) {
		t.Fatal(train, held, err)
	}
	if all := slices.Sorted(slices.Values(slices.Concat(train, held))); len(slices.Compact(all)) != 40 {
		t.Error("a row comes twice")
	}
	want := slices.Sorted(slices.Values(chance.Perm(40, chance.Key{Seed: 5, Site: chance.SiteOf("data.split")})[:8]))
	if !slices.Equal(held, want) {
		t.Error(held, want)
	}
	if _, other, err := Split(40, 8, 6); err != nil || slices.Equal(other, held) {
		t.Error("the seed does not count", err)
	}
	for _, c := range [][2]int{{0, 0}, {2, 0}, {2, 2}, {2, -1}} {
		if _, _, err := Split(c[0], c[1], 1); !errors.Is(err, ErrSample) {
			t.Error(c, err)
		}
	}
}

// TestFewShotIsFair draws 2 of 4 rows with many seeds: each row comes about half of the time.
func TestFewShotIsFair(t *testing.T) {
	counts := make([]int, 4)
	for seed := range uint64(4000) {
		rows, _, err := FewShot(make([]int, 4), 2, 0, seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			counts[row]++
		}
	}
	for row, n := range counts { // 2000, deviation 32
		if n < 1800 || n > 2200 {
			t.Errorf("row %d came %d times of 4000", row, n)
		}
	}
}

func TestPack(t *testing.T) {
	lengths := make([]int, 200)
	for i := range lengths {
		lengths[i] = 1 + i*37%60
	}
	for _, o := range []PackOptions{
		{Tokens: 100, Seed: 1}, {Tokens: 60, Seed: 1}, {Tokens: 100, Window: 50, Seed: 1}, {Examples: 7, Seed: 1}, {Examples: 8, Window: 32},
		{Examples: 8, Ordered: true}, {Tokens: 100, Ordered: true},
	} {
		batches, err := Pack(lengths, 3, o)
		if err != nil {
			t.Fatal(err)
		}
		var all []int
		for i, b := range batches {
			tokens := 0
			for _, row := range b {
				tokens += lengths[row]
			}
			if len(b) == 0 || o.Tokens > 0 && tokens > o.Tokens || o.Examples > 0 && len(b) > o.Examples {
				t.Errorf("%+v: batch %d has %d rows, %d tokens", o, i, len(b), tokens)
			}
			all = append(all, b...)
		}
		if sorted := slices.IsSorted(all); sorted != o.Ordered {
			t.Errorf("%+v: sorted: %v", o, sorted)
		}
		again, err := Pack(lengths, 3, o)
		if err != nil || !slices.EqualFunc(batches, again, slices.Equal[[]int]) {
			t.Errorf("%+v: not a function of its arguments", o)
		}
		slices.Sort(all)
		for i, row := range all {
			if i != row {
				t.Fatalf("%+v: row %d", o, i)
			}
		}
	}
	for _, o := range []PackOptions{{}, {Tokens: 100, Examples: 3}, {Tokens: -1}, {Examples: -1}, {Tokens: 59}, {Examples: 1, Window: -1}} {
		if _, err := Pack(lengths, 0, o); !errors.Is(err, ErrBatch) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestPackOrder packs by hand.
func TestPackOrder(t *testing.T) {
	batches, err := Pack([]int{3, 4, 4, 1, 8, 0, 2}, 0, PackOptions{Tokens: 8, Ordered: true})
	want := [][]int{{0, 1}, {2, 3}, {4, 5}, {6}}
	if err != nil || !slices.EqualFunc(batches, want, slices.Equal[[]int]) {
		t.Error(batches, err)
	}
	batches, err = Pack([]int{3, 4, 1, 2, 9}, 0, PackOptions{Examples: 2, Ordered: true, Window: 4})
	want = [][]int{{2, 3}, {0, 1}, {4}}
	if err != nil || !slices.EqualFunc(batches, want, slices.Equal[[]int]) {
		t.Error(batches, err)
	}
	if batches, err := Pack(nil, 0, PackOptions{Examples: 2}); err != nil || len(batches) != 0 {
		t.Error(batches, err)
	}
}

package nn

import (
	"slices"
	"strings"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
)

func TestPack(t *testing.T) {
	b, err := Pack(
		Segment{IDs: []int32{7, 8, 9}, Wanted: []int32{0, 2}, Soft: []Soft{{Row: 1, Index: 4}}},
		Segment{IDs: []int32{5}, Types: []int32{1}, Wanted: []int32{0}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.Positions, []int32{0, 1, 2, 0}) || !slices.Equal(b.Types, []int32{0, 0, 0, 1}) ||
		!slices.Equal(b.Wanted, []int32{0, 2, 3}) || !slices.Equal(b.Segments, []compute.Span{{Start: 0, Len: 3}, {Start: 3, Len: 1}}) {
		t.Errorf("packed %+v", b)
	}
	for _, c := range []struct {
		s    Segment
		says string
	}{
		{Segment{}, "no tokens"},
		{Segment{IDs: []int32{1}, Types: []int32{0, 0}}, "2 token types for 1 tokens"},
		{Segment{IDs: []int32{1}, Wanted: []int32{1}}, "wanted token 1 of 1"},
		{Segment{IDs: []int32{1, 2}, Wanted: []int32{1, 0}}, "wanted token 0"},
		{Segment{IDs: []int32{1, 2}, Wanted: []int32{1, 1}}, "wanted token 1"},
		{Segment{IDs: []int32{1, 2}, Wanted: []int32{-1}}, "wanted token -1"},
		{Segment{IDs: []int32{1, 2}, Soft: []Soft{{Row: 2}}}, "soft token"},
	} {
		if _, err := Pack(Segment{IDs: []int32{1}}, c.s); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "segment 1") {
			t.Errorf("%+v: error %v, expected %q", c.s, err, c.says)
		}
	}
}

// TestPrepend puts two rows before each segment, and everything moves with its token.
func TestPrepend(t *testing.T) {
	b, err := Pack(
		Segment{IDs: []int32{7, 8, 9}, Types: []int32{1, 1, 0}, Wanted: []int32{2}, Soft: []Soft{{Row: 1, Index: 4}}},
		Segment{IDs: []int32{5}, Wanted: []int32{0}})
	if err != nil {
		t.Fatal(err)
	}
	tape := autograd.New(nil)
	before := b.clone(tape)
	copied := b.clone(tape)
	copied.Prepend(2, -3)
	b.Prepend(2, -3)
	equal(t, copied, b)
	want := &Batch{
		IDs: []int32{-3, -4, 7, 8, 9, -3, -4, 5}, Types: []int32{0, 0, 1, 1, 0, 0, 0, 0}, Positions: []int32{0, 1, 2, 3, 4, 0, 1, 2},
		Segments: []compute.Span{{Start: 0, Len: 5}, {Start: 5, Len: 3}}, Wanted: []int32{4, 7}, Soft: []Soft{{Row: 3, Index: 4}}, Prefix: 2}
	equal(t, b, want)
	before.Continues = true
	after := before.clone(tape)
	after.Prepend(2, -3)
	equal(t, after, before)
}

func equal(t *testing.T, got, want *Batch) {
	t.Helper()
	if !slices.Equal(got.IDs, want.IDs) || !slices.Equal(got.Types, want.Types) || !slices.Equal(got.Positions, want.Positions) ||
		!slices.Equal(got.Segments, want.Segments) || !slices.Equal(got.Wanted, want.Wanted) || !slices.Equal(got.Soft, want.Soft) || got.Prefix != want.Prefix {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

package model_test

import (
	"fmt"
	"slices"
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
	"trimtab/model"
	"trimtab/nn"
)

// everywhere runs f for language models of every page on every tier of kernels.
func everywhere(t *testing.T, names []string, f func(t *testing.T, base *model.Base, dev compute.Device)) {
	t.Helper()
	for _, tier := range kernel.Tiers() {
		dev, err := cpu.New(cpu.Options{Tier: tier.Name})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			base, err := model.Open(folder(t, name), dev, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Run(tier.Name+"/"+name, func(t *testing.T) { f(t, base, dev) })
			base.Close()
		}
	}
}

var languageModels = []string{"bert-mlm-untied", "gpt2-untied", "llama-yarn-mscale"}

// segments are sequences of some lengths, of tokens that a seed decides.
func segments(lengths ...int) []nn.Segment {
	var all []nn.Segment
	next := 1
	for _, n := range lengths {
		s := nn.Segment{}
		for range n {
			next = (next*7 + 3) % 31
			s.IDs = append(s.IDs, int32(next))
		}
		all = append(all, s)
	}
	return all
}

func pack(t *testing.T, s ...nn.Segment) *nn.Batch {
	t.Helper()
	b, err := nn.Pack(s...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// states are the final states of the wanted rows, row by row.
func states(t *testing.T, base *model.Base, dev compute.Device, b *nn.Batch) [][]float32 {
	t.Helper()
	p := nn.NewPass(autograd.New(dev), b)
	return forward(t, p, base.Hidden(p))
}

// logits are the scores of the wanted rows, row by row.
func logits(t *testing.T, base *model.Base, dev compute.Device, b *nn.Batch, cache *nn.Cache) [][]float32 {
	t.Helper()
	p := nn.NewPass(autograd.New(dev), b)
	p.Cache = cache
	return forward(t, p, model.Logits(base.Model.(model.LanguageModel), p, base.Hidden(p), nil))
}

func forward(t *testing.T, p *nn.Pass, y *autograd.Value) [][]float32 {
	t.Helper()
	if err := p.Forward(y); err != nil {
		t.Fatal(err)
	}
	var rows [][]float32
	for i := range y.Rows {
		rows = append(rows, y.Data().Row(i))
	}
	return rows
}

// TestSegmentsAreAlone packs a segment with others and by itself: the same bits of its states.
func TestSegmentsAreAlone(t *testing.T) {
	everywhere(t, languageModels, func(t *testing.T, base *model.Base, dev compute.Device) {
		all := segments(3, 1, 17, 40, 2)
		among, row := states(t, base, dev, pack(t, all...)), 0
		for i, s := range all {
			for place, want := range states(t, base, dev, pack(t, s)) {
				near.Bits(t, fmt.Sprintf("segment %d, place %d", i, place), among[row], want)
				row++
			}
		}
	})
}

// TestWantedRows computes the last block for some rows only. Their bits may differ:
// a device may sum the attention of few rows in another order.
func TestWantedRows(t *testing.T) {
	everywhere(t, languageModels, func(t *testing.T, base *model.Base, dev compute.Device) {
		all := segments(5, 1, 30)
		want := logits(t, base, dev, pack(t, all...), nil)
		all[0].Wanted, all[2].Wanted = []int32{0, 4}, []int32{1, 2, 29}
		got := logits(t, base, dev, pack(t, all...), nil)
		rows := []int{0, 4, 7, 8, 35}
		if len(got) != len(rows) {
			t.Fatalf("%d rows", len(got))
		}
		for i, row := range rows {
			near.Check(t, fmt.Sprint("row ", row), got[i], want[row], near.Logits)
		}
	})
}

// TestObservedClasses: who looks at hidden states gets the same classes, whatever rows the batch wants.
func TestObservedClasses(t *testing.T) {
	everywhere(t, []string{"gpt2-cls-two", "llama-cls-biases"}, func(t *testing.T, base *model.Base, dev compute.Device) {
		var want [][]float32
		for _, observe := range []func(int, *autograd.Value){nil, func(int, *autograd.Value) {}} {
			all := segments(5, 1, 30)
			all[0].Wanted, all[2].Wanted = []int32{0, 4}, []int32{1, 2, 29}
			p := nn.NewPass(autograd.New(dev), pack(t, all...))
			p.Observe = observe
			got := forward(t, p, base.Model.(model.Classifier).Classify(p))
			if want == nil {
				want = got
			}
			if len(got) != 3 {
				t.Fatalf("%d rows", len(got))
			}
			for i := range got {
				near.Check(t, fmt.Sprint("segment ", i), got[i], want[i], near.Logits)
			}
		}
	})
}

// TestVocabularyRows scores some tokens only.
func TestVocabularyRows(t *testing.T) {
	everywhere(t, languageModels, func(t *testing.T, base *model.Base, dev compute.Device) {
		b := pack(t, segments(4)...)
		want := logits(t, base, dev, b, nil)
		p := nn.NewPass(autograd.New(dev), b)
		vocabulary := []int32{30, 2, 2, 0}
		y := model.Logits(base.Model.(model.LanguageModel), p, base.Hidden(p), vocabulary)
		if err := p.Forward(y); err != nil {
			t.Fatal(err)
		}
		for i, row := range want {
			var some []float32
			for _, v := range vocabulary {
				some = append(some, row[v])
			}
			near.Check(t, fmt.Sprint("row ", i), y.Data().Row(i), some, near.Logits)
		}
	})
}

// TestCache feeds segments in pieces through a cache that must grow, and lets one go in between.
func TestCache(t *testing.T) {
	everywhere(t, []string{"gpt2-untied", "llama-yarn-mscale"}, func(t *testing.T, base *model.Base, dev compute.Device) {
		all := segments(12, 9, 12)
		want := logits(t, base, dev, pack(t, all...), nil)
		begins := []int{0, 12, 21}
		cache, alive := nn.NewCache(dev, 1), []int{0, 1, 2}
		for _, piece := range [][2]int{{0, 5}, {5, 6}, {6, 9}, {9, 12}} {
			if piece[0] == 9 {
				alive = []int{2, 0}
				cache.Keep([]int{2, 0})
			}
			var parts []nn.Segment
			var positions []int32
			for _, s := range alive {
				parts = append(parts, nn.Segment{IDs: all[s].IDs[piece[0]:piece[1]]})
				for at := piece[0]; at < piece[1]; at++ {
					positions = append(positions, int32(at))
				}
			}
			b := pack(t, parts...)
			b.Positions, b.Continues = positions, piece[0] > 0
			got, row := logits(t, base, dev, b, cache), 0
			for i, s := range alive {
				for at := piece[0]; at < piece[1]; at++ {
					near.Check(t, fmt.Sprintf("segment %d, place %d", s, at), got[row], want[begins[s]+at], near.Logits)
					row++
				}
				if cache.Rows(i) != piece[1] {
					t.Errorf("sequence %d has %d rows behind it, expected %d", i, cache.Rows(i), piece[1])
				}
			}
		}
	})
}

// TestCheckpointedBlocks computes blocks again in the backward: the same gradients to the bit, in less memory.
func TestCheckpointedBlocks(t *testing.T) {
	everywhere(t, languageModels, func(t *testing.T, base *model.Base, dev compute.Device) {
		var params []*autograd.Parameter
		for _, q := range base.Tree.Params() {
			p, err := q.Train()
			if err != nil {
				t.Fatal(err)
			}
			params = append(params, p)
		}
		b := pack(t, segments(11, 4)...)
		targets := slices.Repeat([]int32{3}, b.Tokens())
		run := func(checkpoint bool) (gradients [][]float32, bytes int64) {
			p := nn.NewPass(autograd.New(dev), b)
			p.Checkpoint, p.Training, p.Seed = checkpoint, true, 5
			h := base.Hidden(p)
			loss := p.CrossEntropy(model.Logits(base.Model.(model.LanguageModel), p, h, nil), targets, nil, 1)
			cost, err := p.Cost(loss)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range params {
				q.ZeroGrad()
			}
			if err := p.Backward(loss); err != nil {
				t.Fatal(err)
			}
			for _, q := range params {
				gradients = append(gradients, slices.Clone(q.Grad))
			}
			return gradients, cost.ArenaBytes
		}
		want, most := run(false)
		got, bytes := run(true)
		for i, p := range params {
			near.Bits(t, p.Name, got[i], want[i])
		}
		if bytes >= most {
			t.Errorf("%d bytes with checkpoints, %d without", bytes, most)
		}
	})
}

// TestThreads computes with one thread and with three: the same bits.
func TestThreads(t *testing.T) {
	for _, name := range languageModels {
		var results [][][]float32
		for _, threads := range []int{1, 3} {
			dev, err := cpu.New(cpu.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			base, err := model.Open(folder(t, name), dev, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, logits(t, base, dev, pack(t, segments(40, 40, 40, 7)...), nil))
			base.Close()
		}
		for i := range results[0] {
			near.Bits(t, fmt.Sprintf("%s, row %d", name, i), results[1][i], results[0][i])
		}
	}
}

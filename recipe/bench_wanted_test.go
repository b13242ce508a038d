package recipe

import (
	"testing"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/model"
	"trimtab/nn"
)

// BenchmarkWanted is the prompt of the workload prompt-bert-base-sst2, of which more and more is computed.
func BenchmarkWanted(b *testing.B) {
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		b.Fatal(err)
	}
	base, err := benchBase(benchMaskBERT, dev, compute.F32)
	if err != nil {
		b.Fatal(err)
	}
	m := base.Model.(model.LanguageModel)
	for _, ask := range []struct {
		name  string
		rows  bool // only those of the masks
		words []int32
	}{
		{"four words at the mask", true, []int32{6659, 2919, 2307, 2204}},
		{"every word at the mask", true, nil},
		{"four words at each token", false, []int32{6659, 2919, 2307, 2204}},
		{"every word at each token", false, nil},
	} {
		b.Run(ask.name, func(b *testing.B) {
			e := drawnExamples(sst2Test, base.Info().Vocabulary)
			for i := range e.Segments {
				if ask.rows {
					e.Segments[i].Wanted = []int32{int32(sst2Test[i]) - 3}
				}
			}
			batch, err := nn.Pack(e.Segments...)
			if err != nil {
				b.Fatal(err)
			}
			tape := autograd.New(dev)
			run := func() {
				tape.Reset()
				p := nn.NewPass(tape, batch)
				if err := tape.Forward(model.Logits(m, p, m.Hidden(p), ask.words)); err != nil {
					b.Fatal(err)
				}
			}
			run() // draws weights
			for b.Loop() {
				run()
			}
			cost, err := tape.Cost(nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(cost.ArenaBytes)/1e6, "MB-arena")
		})
	}
}

package bert_test

import (
	"testing"

	"trimtab/autograd"
	"trimtab/checkpoint"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
	"trimtab/model"
	_ "trimtab/model/bert"
	"trimtab/nn"
)

func TestForward(t *testing.T) {
	for _, name := range []string{"bert-mlm", "bert-cls"} {
		dir := near.Shared(t, "goldens", "models", name)
		dev, err := cpu.New(cpu.Options{})
		if err != nil {
			t.Fatal(err)
		}
		base, err := model.Open(dir, dev, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := checkpoint.Open(dir + "/expect.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		ids, _ := f.Tensor("input_ids")
		idv, _ := ids.Int64s()
		tt, _ := f.Tensor("token_type_ids")
		ttv, _ := tt.Int64s()
		w := ids.Shape[1]
		var segs []nn.Segment
		for i, n := range []int{11, 1, 7} {
			var s nn.Segment
			for j := range n {
				s.IDs = append(s.IDs, int32(idv[i*w+j]))
				s.Types = append(s.Types, int32(ttv[i*w+j]))
			}
			segs = append(segs, s)
		}
		b, _ := nn.Pack(segs...)
		tape := autograd.New(dev)
		p := nn.NewPass(tape, b)
		var logits *autograd.Value
		if c, ok := base.Model.(model.Classifier); ok && base.Task == model.SequenceClassification {
			logits = c.Classify(p)
		} else {
			logits = base.Model.(model.LanguageModel).Logits(p, base.Hidden(p), nil)
		}
		if err := tape.Forward(logits); err != nil {
			t.Fatal(err)
		}
		lt, _ := f.Tensor("logits")
		want, _ := lt.Float32s()
		got := logits.Data().Data
		if base.Task == model.MaskedLM {
			v := lt.Shape[2]
			row := 0
			for i, n := range []int{11, 1, 7} {
				near.Check(t, name, got[row*v:(row+n)*v], want[i*w*v:(i*w+n)*v], near.Logits)
				row += n
			}
		} else {
			near.Check(t, name, got, want, near.Logits)
		}
	}
}

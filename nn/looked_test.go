package nn

import (
	"testing"

	"trimtab/autograd"
	"trimtab/compute/cpu"
	"trimtab/internal/chance"
	"trimtab/internal/near"
	"trimtab/tensor"
)

// tensors are a Source in memory.
type tensors map[string]*tensor.Tensor

func (s tensors) Names() (names []string) {
	for name := range s {
		names = append(names, name)
	}
	return names
}

func (s tensors) Tensor(name string) (*tensor.Tensor, bool) { v, ok := s[name]; return v, ok }

func (s tensors) Where(name string) string { return name }

// Of a table in a file only the rows that are asked for are read, each once, and what is made of them has the bits of a table in memory.
func TestMappedTable(t *testing.T) {
	const count, dim = 40, 7
	dev, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	draw := func(name string, n int) []float32 {
		v := make([]float32, n)
		chance.Normals(chance.Key{Site: chance.SiteOf(name)}, v)
		return v
	}
	released := 0
	open := func(release func()) (*Embedding, *Linear) {
		words := tensor.FromFloat32s(tensor.Shape{count, dim}, draw("words", count*dim))
		words.Release = release
		load := Load(dev, tensors{"words.weight": words, "bias": tensor.FromFloat32s(tensor.Shape{count}, draw("bias", count))}, LoadOptions{})
		e := load.Root().Embedding("words", count, dim)
		return e, load.Root().Tied("decoder", e, load.Root().Param("bias", tensor.Shape{count}, Init{}))
	}
	run := func(e *Embedding, l *Linear, ids, rows []int32) [][]float32 {
		tape := autograd.New(dev)
		p := NewPass(tape, &Batch{IDs: ids})
		h := e.Forward(p, ids)
		y := l.ForwardRows(p, h, rows)
		if err := tape.Forward(y); err != nil {
			t.Fatal(err)
		}
		var all [][]float32
		for i := range ids {
			all = append(all, h.Data().Row(i), y.Data().Row(i))
		}
		return all
	}
	mapped, output := open(func() { released++ })
	memory, plain := open(nil)
	seen := map[int32]bool{}
	for _, ask := range []struct{ ids, rows []int32 }{
		{[]int32{3, 39, 3, -1}, []int32{5, 3, 5}},
		{[]int32{0, 39, 21, 22, 23, 24, 25}, []int32{5, 38}},
		{[]int32{39, 5}, []int32{21}},
	} {
		want := run(memory, plain, ask.ids, ask.rows)
		for i, got := range run(mapped, output, ask.ids, ask.rows) {
			near.Bits(t, "a row", got, want[i])
		}
		for _, id := range append(ask.ids, ask.rows...) {
			if id >= 0 {
				seen[id] = true
			}
		}
	}
	if got := len(mapped.Weight.looked.rows); got != len(seen)*dim || memory.Weight.looked.rows != nil {
		t.Errorf("%d elements copied for %d rows of %d, %d of a table in memory", got, len(seen), dim, len(memory.Weight.looked.rows))
	}
	if released < len(seen)/releaseRows {
		t.Errorf("the file's memory was let go %d times", released)
	}
	id := []int32{count}
	tape := autograd.New(dev)
	if err := tape.Forward(mapped.Forward(NewPass(tape, &Batch{IDs: id}), id)); err == nil {
		t.Error("a row that the table does not have: no error")
	}
}

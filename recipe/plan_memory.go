package recipe

import (
	"runtime"

	"trimtab/compute"
	"trimtab/nn"
	"trimtab/train"
)

// Memory is what of a run is resident when it is most, in bytes.
type Memory struct {
	// Program is the program itself: code, runtime, threads and their scratch, recorded operations.
	Program int64
	// Data are the texts and their tokens, and the tokenizer's tables.
	Data int64
	// Weights are the frozen weights as held, tables among them as far as they are read.
	Weights int64
	// Trained are what trains, with gradients where they add up over batches, the optimizer's states, and the best state so far where there is
	// an evaluation.
	Trained int64
	// Arena are a batch's activations and their gradients, or, where that is more, the largest weight on its way to its packed form, which
	// is gone before them.
	Arena int64
}

// Total is all of it.
func (m Memory) Total() int64 { return m.Program + m.Data + m.Weights + m.Trained + m.Arena }

// programBytes is what a run of a base of no size takes, measured as VmHWM.
const programBytes = 20 << 20

// settings are what may be changed for a run to fit.
type settings struct {
	precision compute.Precision
	training  train.Options
}

// settings are the recipe's own.
func (p *planner) settings() settings {
	precision, _ := compute.ParsePrecision(p.j.Recipe.Quantization) // it was checked
	return settings{precision, p.j.Recipe.Training}
}

// memory is what a run with other settings takes.
func (p *planner) memory(s settings) (Memory, error) {
	m := Memory{Program: programBytes + p.scratch(), Data: p.held, Weights: p.mapped(s.precision)}
	passing := int64(0)
	for _, q := range p.j.Base.Tree.Params() {
		if q.Trains() || q.MappedIn(s.precision) {
			continue
		}
		passing = max(passing, q.Passing())
	}
	m.Weights += p.frozen(s.precision)
	n := p.trained()
	for _, q := range p.j.Parameters {
		m.Trained += s.training.Bytes(len(q.Data))
	}
	m.Arena = max(p.evaluating, passing)
	if p.run == nil {
		return m, nil
	}
	if len(p.evaluated) > 0 {
		m.Trained += 4 * int64(n)
	}
	run := *p.run
	run.Options = s.training
	c, err := courseOf(&run)
	if err != nil {
		return m, err
	}
	cost, err := train.Cost(p.dev, run.Objective, s.training, run.Parameters, c.largest)
	m.Arena = max(m.Arena, cost.ArenaBytes)
	return m, err
}

// scratch is what the device holds for itself.
func (p *planner) scratch() int64 {
	if d, ok := p.real.(interface{ ScratchBytes() int }); ok {
		return int64(d.ScratchBytes())
	}
	return 0
}

// live is the heap that is in use.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// table is a table in the base's file, with the bytes of it that the run brings into memory.
type table struct {
	*nn.Param
	bytes int64
}

// mapped are the bytes of tables that stay in the base's file where weights are held in a precision.
func (p *planner) mapped(precision compute.Precision) (bytes int64) {
	for _, t := range p.tables {
		if t.MappedIn(precision) && !t.Trains() {
			bytes += t.bytes
		}
	}
	return bytes
}

// readTables looks at the tables that might stay in the base's file.
func (p *planner) readTables() (tables []table) {
	all := p.evaluated
	if p.examples != nil {
		all = append([]*Examples{p.examples}, all...)
	}
	seen := map[int32]bool{}
	for _, e := range all {
		for _, s := range e.Segments {
			for _, id := range s.IDs {
				seen[id] = true
			}
		}
	}
	words := p.j.Base.Model.Words().Weight
	for _, q := range p.j.Base.Tree.Params() {
		if !q.MappedIn(compute.F32) {
			continue
		}
		t := table{q, 4 * int64(q.Elements())}
		if q == words {
			t.bytes = 5 * int64(len(seen)*q.Shape[1]) // copied, with room for a quarter more
			if p.j.Classifier == nil && p.multiplied(q) {
				t.bytes += 4 * int64(q.Elements())
			}
		}
		tables = append(tables, t)
	}
	return tables
}

// multiplied reports whether q is the weight of a linear map.
func (p *planner) multiplied(q *nn.Param) bool {
	for _, l := range p.j.Base.Tree.Layers() {
		if l, ok := l.(*nn.Linear); ok && l.Weight == q {
			return true
		}
	}
	return false
}

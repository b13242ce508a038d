package autograd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/near"
)

func device(t testing.TB) compute.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// grower records a random computation; one seed always records the same.
type grower struct {
	t           *Tape
	rng         *rand.Rand
	checkpoints bool // else blocks are recorded without
	params      []*Parameter
	pool        []*Value // what operations take; of 6 rows unless views, of 8 columns
	losses      []*Value
	operations  map[string]int
}

func (g *grower) floats(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(g.rng.NormFloat64())
	}
	return v
}

func (g *grower) mat(rows, cols int) compute.Mat {
	return compute.NewMat(rows, cols, g.floats(rows*cols))
}

func (g *grower) parameter(shape ...int) *Value {
	p := NewParameter(g.t.Device(), fmt.Sprint("p", len(g.params)), shape...)
	copy(p.Data, g.floats(len(p.Data)))
	g.params = append(g.params, p)
	return g.t.Parameter(p)
}

// row is a vector of n, that trains or does not, or a row of x.
func (g *grower) row(x *Value, n int) *Value {
	switch g.rng.IntN(3) {
	case 0:
		return g.parameter(n)
	case 1:
		return g.t.Constant(g.mat(1, n))
	}
	if x.Cols == n {
		return g.t.RowRange(x, 0, 1)
	}
	return g.t.RowRange(g.wide(), 5, 6)
}

// any is a value of the pool, the newest most likely.
func (g *grower) any() *Value {
	n := len(g.pool)
	return g.pool[n-1-min(g.rng.IntN(n), g.rng.IntN(n))]
}

// like is a value of x's shape: often x itself.
func (g *grower) like(x *Value) *Value {
	for range 4 {
		if y := g.any(); y.Rows == x.Rows && y.Cols == x.Cols {
			return y
		}
	}
	return x
}

// wide is a value of 6 rows and 8 columns.
func (g *grower) wide() *Value {
	for range 8 {
		if x := g.any(); x.Rows == 6 && x.Cols == 8 {
			return x
		}
	}
	return g.pool[0]
}

// grow records one operation and puts what it makes into the pool.
func (g *grower) grow() {
	names := []string{"add", "mul", "scale", "addRow", "mulRow", "activate", "gate", "drop", "linear", "matMul", "onto", "norm",
		"rmsNorm", "logSoftmax", "columns", "rows", "gather", "assemble", "mean", "max", "attend", "rotate", "detach", "loss"}
	name := names[g.rng.IntN(len(names))]
	g.operations[name]++
	if y := g.operation(name); y != nil {
		g.pool = append(g.pool, y)
	}
}

func (g *grower) operation(name string) *Value {
	t, x := g.t, g.any()
	activations := []compute.Activation{compute.GELU, compute.GELUTanh, compute.SiLU, compute.ReLU, compute.Tanh, compute.Sigmoid}
	f := activations[g.rng.IntN(len(activations))]
	switch name {
	case "add":
		return t.Add(x, g.like(x))
	case "mul":
		return t.Mul(x, g.like(x))
	case "scale":
		return t.Scale(x, 0.7)
	case "addRow":
		return t.AddRow(x, g.row(x, x.Cols))
	case "mulRow":
		return t.MulRow(x, g.row(x, x.Cols))
	case "activate":
		return t.Activate(x, f)
	case "gate":
		return t.Gate(x, g.like(x), f)
	case "drop":
		return t.Drop(x, compute.Dropout{P: 0.3, Seed: 7, Site: uint64(len(t.nodes))})
	case "linear":
		return t.Linear(x, t.Device().Pack(g.mat(8, x.Cols), compute.F32), g.row(x, 8))
	case "matMul":
		return t.MatMul(x, g.parameter(8, x.Cols), false, true, 0.5)
	case "norm":
		return t.LayerNorm(x, g.row(x, x.Cols), g.row(x, x.Cols), 1e-5)
	case "rmsNorm":
		return t.RMSNorm(x, g.row(x, x.Cols), 1e-5)
	case "logSoftmax":
		return t.LogSoftmax(x)
	case "detach":
		return t.Detach(x)
	}
	return g.rearrangement(name, g.wide())
}

// rearrangement records an operation on x [6, 8].
func (g *grower) rearrangement(name string, x *Value) *Value {
	t := g.t
	spans := []compute.Span{{Start: 0, Len: 2}, {Start: 2, Len: 4}}
	rows := []int32{4, 0, 0, 5, 1, 2}
	switch name {
	case "onto":
		w := g.parameter(8, 8)
		if g.rng.IntN(2) == 0 {
			w = t.Constant(g.mat(8, 8))
		}
		return t.MatMulOnto(x, g.like(x), w, false, false, 0.3)
	case "columns":
		return t.Columns(x, 2, 6)
	case "rows":
		return t.RowRange(x, 1, 4)
	case "gather":
		return t.Gather(x, rows)
	case "assemble":
		refs := make([]compute.RowRef, 6)
		for i := range refs {
			refs[i] = compute.RowRef{Source: int32(g.rng.IntN(2)), Row: rows[i]}
		}
		return t.Assemble([]*Value{x, g.wide()}, refs)
	case "mean":
		return t.SegmentMean(x, spans)
	case "max":
		return t.GroupMax(x, [][]int32{{0, 3}, {1}, {7, 2, 4}, {5, 6}})
	case "attend":
		a := compute.Attention{Heads: 2, KVHeads: 1, HeadDim: 4, Scale: 0.5, Query: spans, Key: spans, Causal: g.rng.IntN(2) == 0,
			Position: []int32{0, 1, 0, 1, 2, 3}}
		kv := t.Columns(g.wide(), 0, 4)
		var bias *Value
		if g.rng.IntN(2) == 0 {
			a.Bucket, a.Behind = []int32{0, 1, 2, 4, 3}, 2
			bias = t.Columns(t.RowRange(g.wide(), 1, 6), 3, 5)
		}
		return t.Attend(x, kv, t.Columns(g.wide(), 4, 8), bias, a)
	case "rotate":
		table := func(f func(float64) float64) compute.Mat {
			m := compute.NewMat(6, 2, make([]float32, 12))
			for i := range m.Data {
				m.Data[i] = float32(f(float64(i)))
			}
			return m
		}
		return t.Rotate(x, rows, table(math.Cos), table(math.Sin), 4)
	case "loss":
		g.losses = append(g.losses, t.CrossEntropy(x, []int32{1, 7, -100, 0, 3, 3}, nil, 0.2))
	}
	return nil
}

// record records the whole: operations, among them blocks, and a loss.
func (g *grower) record() *Value {
	g.operations = map[string]int{}
	g.pool = append(g.pool, g.t.Constant(g.mat(6, 8)), g.parameter(6, 8))
	for range 6 + g.rng.IntN(12) {
		if g.rng.IntN(4) > 0 {
			g.grow()
			continue
		}
		block := func() *Value {
			for range 1 + g.rng.IntN(6) {
				g.grow()
			}
			return g.any()
		}
		outside := len(g.pool)
		v := (*Value)(nil)
		if g.checkpoints {
			v = g.t.Checkpoint(block)
		} else {
			v = block()
		}
		if g.rng.IntN(2) == 0 { // else the rest may read the block's insides
			g.pool = append(g.pool[:outside], v)
		}
	}
	loss := g.t.CrossEntropy(g.t.MatMul(g.wide(), g.parameter(8, 8), false, false, 1), []int32{0, 1, 2, 3, 4, 5}, nil, 1)
	for _, l := range g.losses {
		loss = g.t.Add(loss, l)
	}
	return loss
}

// result is what a run of a random computation gave.
type result struct {
	loss, wanted []float32
	gradients    [][]float32
	operations   map[string]int
	peak         int
}

// runRandom records and runs the computation of a seed. The arena is full of NaN before.
func runRandom(t *testing.T, dev compute.Device, seed uint64, checkpoints, noReuse, back bool) result {
	t.Helper()
	return runRandomKept(t, dev, compute.F32, seed, checkpoints, noReuse, back)
}

// runRandomKept is runRandom with the backward's memory of the forward in a precision.
func runRandomKept(t *testing.T, dev compute.Device, kept compute.Precision, seed uint64, checkpoints, noReuse, back bool) result {
	t.Helper()
	return runRandomLent(t, dev, kept, seed, checkpoints, noReuse, back, false)
}

// runRandomLent is runRandomKept, with gradients in the tape's memory if lends says so, among them that of a parameter without a part in it.
func runRandomLent(t *testing.T, dev compute.Device, kept compute.Precision, seed uint64, checkpoints, noReuse, back, lends bool) result {
	t.Helper()
	g := &grower{t: New(dev), rng: rand.New(rand.NewPCG(seed, 1)), checkpoints: checkpoints}
	g.t.plan.noReuse, g.t.Kept = noReuse, kept
	if kept != compute.F32 {
		g.t.plan.strip = 16
	}
	loss := g.record()
	wanted := g.any()
	if lends {
		g.params = append(g.params, NewParameter(dev, "apart", 3))
		g.t.Gradients = g.params
	}
	g.t.arena = make([]float32, 1<<16)
	for i := range g.t.arena {
		g.t.arena[i] = float32(math.NaN())
	}
	var err error
	if back {
		err = g.t.Backward(loss, wanted)
	} else {
		err = g.t.Forward(loss, wanted)
	}
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	r := result{loss: loss.Data().Data[:1:1], operations: g.operations, peak: g.t.plan.peak}
	for i := range wanted.Rows {
		r.wanted = append(r.wanted, wanted.Data().Row(i)...)
	}
	for _, p := range g.params {
		r.gradients = append(r.gradients, p.Grad)
	}
	return r
}

func same(t *testing.T, what string, seed uint64, got, want result) {
	t.Helper()
	name := fmt.Sprintf("seed %d, %s: ", seed, what)
	near.Bits(t, name+"loss", got.loss, want.loss)
	near.Bits(t, name+"wanted", got.wanted, want.wanted)
	for i := range want.gradients {
		near.Bits(t, fmt.Sprint(name, "gradient ", i), got.gradients[i], want.gradients[i])
	}
}

// TestMemoryIsFree runs random computations with and without the reuse of memory, with
// and without checkpoints, forward only and backward: the same bits.
func TestMemoryIsFree(t *testing.T) {
	dev := device(t)
	counts, smaller := map[string]int{}, 0
	const seeds = 150
	for seed := range uint64(seeds) {
		want := runRandom(t, dev, seed, false, true, true)
		got := runRandom(t, dev, seed, false, false, true)
		same(t, "reuse", seed, got, want)
		same(t, "checkpoints", seed, runRandom(t, dev, seed, true, false, true), want)
		same(t, "checkpoints without reuse", seed, runRandom(t, dev, seed, true, true, true), want)
		forward := runRandom(t, dev, seed, false, false, false)
		near.Bits(t, "forward only", forward.wanted, want.wanted)
		if got.peak < want.peak {
			smaller++
		}
		if l := float64(want.loss[0]); math.IsNaN(l) || math.IsInf(l, 0) {
			t.Errorf("seed %d: loss %v", seed, l)
		}
		for name, n := range want.operations {
			counts[name] += n
		}
		if t.Failed() {
			return
		}
	}
	if len(counts) != 24 || smaller < seeds*9/10 {
		t.Errorf("%d kinds of operations in %v; memory was reused in %d of %d", len(counts), counts, smaller, seeds)
	}
}

// TestOntoItself gives a product an operand that is also what it is added to: its memory is not the result's.
func TestOntoItself(t *testing.T) {
	var results [][]float32
	for _, noReuse := range []bool{true, false} {
		g := &grower{t: New(device(t)), rng: rand.New(rand.NewPCG(3, 1))}
		g.t.plan.noReuse = noReuse
		x := g.t.Scale(g.t.Constant(g.mat(70, 70)), 2)
		y := g.t.MatMulOnto(x, x, g.t.Constant(g.mat(70, 70)), false, false, 1)
		if err := g.t.Forward(y); err != nil {
			t.Fatal(err)
		}
		results = append(results, y.Data().Data)
	}
	near.Bits(t, "x + x·w", results[1], results[0])
}

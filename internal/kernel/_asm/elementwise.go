package main

import (
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A loop is a kernel that walks slices of equal length vector by vector, the last one with a mask.
type loop struct {
	name, doc string
	slices    []string // parameters, each []float32; the length is that of the first
	scalars   []string // parameters, each float32
	results   []string // each float32
	// before makes what the body needs: accumulators, constants. scalars are the broadcast parameters.
	before func(scalars []vec)
	// body handles one vector of each slice. In the last vector k is a mask, and what lies beyond is 0.
	body func(at func(slice string) operand.Mem, k *mask)
	// after puts the results into the low lanes of registers.
	after func() []vec
	// unroll is how many bodies a turn of the loop has, 0 for 1.
	unroll int
	// abreast is how many bodies' instructions alternate, so that chains of dependent ones run side by side, 0 for 1.
	abreast int
}

func (l *loop) signature() string {
	s := "func(" + strings.Join(l.slices, ", ") + " []float32"
	if len(l.scalars) > 0 {
		s += ", " + strings.Join(l.scalars, ", ") + " float32"
	}
	s += ")"
	if len(l.results) > 0 {
		s += " (" + strings.Join(l.results, ", ") + " float32)"
	}
	return s
}

func (g *gen) loop(l loop) {
	g.begin(l.name, l.signature(), l.doc)
	bases := map[string]reg.GPVirtual{}
	for _, s := range l.slices {
		r := g.GP64()
		g.Load(g.Param(s).Base(), r)
		bases[s] = r
	}
	n, i := g.GP64(), g.GP64()
	g.Load(g.Param(l.slices[0]).Len(), n)
	g.XORQ(i, i)
	var scalars []vec
	for _, s := range l.scalars {
		scalars = append(scalars, g.parameter(s))
	}
	if l.before != nil {
		l.before(scalars)
	}
	at := func(offset int) func(string) operand.Mem {
		return func(slice string) operand.Mem {
			return operand.Mem{Base: bases[slice], Index: i, Scale: 4, Disp: offset}
		}
	}
	turn := func(bodies int) {
		start, end := g.label("loop"), g.label("end")
		g.SUBQ(operand.U32(bodies*g.lanes()), n)
		g.JLT(operand.LabelRef(end))
		g.align()
		g.Label(start)
		for u := 0; u < bodies; {
			n := min(max(l.abreast, 1), bodies-u)
			g.interleave(n, func(i int) { l.body(at((u+i)*g.bytes), nil) })
			u += n
		}
		g.ADDQ(operand.U32(bodies*g.lanes()), i)
		g.SUBQ(operand.U32(bodies*g.lanes()), n)
		g.JGE(operand.LabelRef(start))
		g.Label(end)
		g.ADDQ(operand.U32(bodies*g.lanes()), n)
	}
	if l.unroll > 1 {
		turn(l.unroll)
	}
	turn(1)
	done := g.label("done")
	g.JEQ(operand.LabelRef(done))
	k := g.mask(n)
	l.body(at(0), &k)
	g.Label(done)
	if l.after != nil {
		for j, v := range l.after() {
			g.Store(v.AsX(), g.Return(l.results[j]))
		}
	}
	g.end()
}

// load reads a vector, zeros beyond the mask.
func (g *gen) load(m operand.Mem, k *mask) vec {
	if k == nil {
		return g.move(m)
	}
	v := g.vec()
	g.loadMasked(m, *k, v)
	return v
}

// store writes a vector, only what the mask has.
func (g *gen) store(v vec, m operand.Mem, k *mask) {
	if k == nil {
		g.VMOVUPS(v, m)
		return
	}
	g.storeMasked(v, *k, m)
}

// elementwise makes a kernel that computes the outputs, its first slices, from the inputs, some vectors abreast.
func (g *gen) elementwise(name, doc, outs, ins, scalars string, abreast int, f func(in, scalars []vec) []vec) {
	var s []vec
	g.loop(loop{
		name: name, doc: doc,
		slices:  strings.Fields(outs + " " + ins),
		scalars: strings.Fields(scalars),
		unroll:  abreast, abreast: abreast,
		before: func(scalars []vec) { s = scalars },
		body: func(at func(string) operand.Mem, k *mask) {
			var in []vec
			for _, name := range strings.Fields(ins) {
				in = append(in, g.load(at(name), k))
			}
			for j, v := range f(in, s) {
				g.store(v, at(strings.Fields(outs)[j]), k)
			}
		},
	})
}

// chains is the number of accumulators of a reduction; those that compute much for each element have fewer.
const chains = 4

// A term is a, or a·b if there is a b.
type term struct{ a, b vec }

// reduction makes a kernel that adds up terms; each result has some accumulators, which take vectors in turn.
func (g *gen) reduction(name, doc, ins, scalars, results string, chains, abreast int, f func(at func(string) operand.Mem, k *mask, scalars []vec) []term) {
	names := strings.Fields(results)
	sums := make([][]vec, len(names))
	var s []vec
	turn := 0
	g.loop(loop{
		name: name, doc: doc,
		slices: strings.Fields(ins), scalars: strings.Fields(scalars), results: names,
		unroll: chains, abreast: abreast,
		before: func(scalars []vec) {
			s = scalars
			for j := range sums {
				sums[j] = g.vecs(chains)
				for _, v := range sums[j] {
					g.zero(v)
				}
			}
		},
		body: func(at func(string) operand.Mem, k *mask) {
			for j, t := range f(at, k, s) {
				if k != nil {
					t.a = g.keep(*k, t.a)
				}
				acc := sums[j][turn%chains]
				if t.b == nil {
					g.VADDPS(t.a, acc, acc)
				} else {
					g.addProduct(acc, t.a, t.b)
				}
			}
			turn++
		},
		after: func() (totals []vec) {
			for _, acc := range sums {
				totals = append(totals, g.total(acc, g.VADDPS))
			}
			return totals
		},
	})
}

// total combines vectors, and the lanes of what results, in a fixed order; the result is in lane 0.
func (g *gen) total(acc []vec, op func(...operand.Op)) vec {
	for step := 1; step < len(acc); step *= 2 {
		for i := 0; i+step < len(acc); i += 2 * step {
			op(acc[i+step], acc[i], acc[i])
		}
	}
	v := acc[0]
	if g.bytes == 64 {
		half := g.YMM()
		g.VEXTRACTF64X4(operand.Imm(1), v, half)
		op(half, v.AsY(), v.AsY())
	}
	quarter := g.XMM()
	g.VEXTRACTF128(operand.Imm(1), v.AsY(), quarter)
	op(quarter, v.AsX(), v.AsX())
	g.VMOVHLPS(v.AsX(), v.AsX(), quarter)
	op(quarter, v.AsX(), v.AsX())
	g.VMOVSHDUP(v.AsX(), quarter)
	op(quarter, v.AsX(), v.AsX())
	return v
}

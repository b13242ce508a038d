package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
)

// words gives the address of read-only data, a vector of 32-bit numbers; equal data in a file is one symbol.
func (g *gen) words(name string, values []uint32) operand.Mem {
	if m, ok := g.data[name]; ok {
		return m
	}
	m := g.StaticGlobal(name + g.suffix)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, v := range values {
		g.AddDatum(4*i, operand.U32(v))
	}
	g.data[name] = m
	return m
}

// bits is a vector of equal 32-bit numbers, in memory or, where bodies go abreast, in a register, which is not to be changed.
func (g *gen) bits(v uint32) operand.Op {
	if g.shared == nil {
		return g.memory(v)
	}
	return g.shared.constant(g, v)
}

func (g *gen) memory(v uint32) operand.Mem {
	values := make([]uint32, g.lanes())
	for i := range values {
		values[i] = v
	}
	return g.words(fmt.Sprintf("c%08x", v), values)
}

// constant is a vector of equal floats in a register, which is not to be changed.
func (g *gen) constant(v float64) vec {
	c := g.float(v)
	if r, ok := c.(vec); ok {
		return r
	}
	return g.move(c)
}

// float is bits for floats.
func (g *gen) float(v float64) operand.Op { return g.bits(math.Float32bits(float32(v))) }

// laneNumbers is the vector 0, 1, 2, ...
func (g *gen) laneNumbers() operand.Mem {
	values := make([]uint32, g.lanes())
	for i := range values {
		values[i] = uint32(i)
	}
	return g.words("lanes", values)
}

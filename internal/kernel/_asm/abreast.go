package main

import (
	"slices"

	"github.com/mmcloughlin/avo/ir"
)

// interleave emits n bodies without branches, one instruction of each in turn. They are the same instructions on other
// data, so the constants that the first body loads serve all.
func (g *gen) interleave(n int, body func(u int)) {
	f := g.function()
	start := len(f.Nodes)
	bodies := make([][]ir.Node, n)
	if n > 1 {
		g.shared = &sharing{first: true}
		defer func() { g.shared = nil }()
	}
	for u := range n {
		body(u)
		bodies[u] = slices.Clone(f.Nodes[start:])
		f.Nodes = f.Nodes[:start]
		if n > 1 {
			g.shared.first, g.shared.next = false, 0
		}
	}
	for i := range bodies[0] {
		for _, nodes := range bodies {
			if nodes[i] != pause {
				f.Nodes = append(f.Nodes, nodes[i])
			}
		}
	}
}

// function is the function that is being made.
func (g *gen) function() *ir.Function {
	file, err := g.Result()
	if err != nil {
		panic(err)
	}
	functions := file.Functions()
	return functions[len(functions)-1]
}

// sharing is the registers of the constants that bodies abreast ask for, in the order in which they do.
type sharing struct {
	first bool // this is the body that loads them
	regs  []vec
	next  int
}

// pause keeps a body in step where the first one loads a constant.
var pause ir.Node = ir.NewComment()

func (s *sharing) constant(g *gen, v uint32) vec {
	if s.first {
		r := g.move(g.memory(v))
		s.regs = append(s.regs, r)
		return r
	}
	g.function().AddNode(pause)
	r := s.regs[s.next]
	s.next++
	return r
}

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A tier is what differs between the processors that the same kernels are made for.
type tier struct {
	name   string
	suffix string // of the functions' names
	bytes  int    // in a vector register
	rows   int    // of the highest register tile
	span   []int  // span[r]: the panels that a tile of r rows covers, where that is more than one
	direct int    // of the highest tile that takes 8-bit codes as they lie
	vnni   bool   // it has VPDPWSSD and VPDPBUSD
	halves bool   // it has VDPBF16PS
	tiles  bool   // it has AMX
}

var (
	avx2   = tier{name: "avx2", suffix: "AVX2", bytes: 32, rows: 6, span: []int{1: 4, 2: 3, 3: 2}, direct: 4}
	avx512 = tier{name: "avx512", suffix: "AVX512", bytes: 64, rows: 14, span: []int{1: 4, 2: 4, 3: 4, 4: 3}, direct: 8}
	// vnni is avx512 for the families that it has.
	vnni = tier{name: "avx512vnni", suffix: "AVX512VNNI", bytes: 64, rows: 14, vnni: true}
	// bf16 is that too.
	bf16 = tier{name: "avx512bf16", suffix: "AVX512BF16", bytes: 64, rows: 14, direct: 8, halves: true}
	// amx is that too.
	amx = tier{name: "amx", suffix: "AMX", bytes: 64, tiles: true}
)

func (t tier) lanes() int { return t.bytes / 4 }

// gen is avo's context with the vector width of a tier.
type gen struct {
	*build.Context
	tier
	labels int
	data   map[string]operand.Mem
	shared *sharing // of the bodies that go abreast
}

// vec allocates a vector register of the tier's width.
func (g *gen) vec() reg.VecVirtual {
	if g.bytes == 64 {
		return g.ZMM()
	}
	return g.YMM()
}

func (g *gen) vecs(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = g.vec()
	}
	return v
}

// begin opens a function that keeps no pointer that it is given.
func (g *gen) begin(name, signature, doc string) {
	g.Function(name + g.suffix)
	g.Attributes(attr.NOSPLIT)
	g.Pragma("noescape")
	g.SignatureExpr(signature)
	g.Doc(name + g.suffix + " " + doc)
	g.labels = 0
}

// end returns.
func (g *gen) end() {
	g.VZEROUPPER()
	g.RET()
}

// align makes the next instruction begin a 32-byte block: it stands before the label of a loop.
func (g *gen) align() {
	g.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(32)}})
}

// label gives a label that is new in the function.
func (g *gen) label(what string) string {
	g.labels++
	return fmt.Sprintf("%s%d", what, g.labels)
}

// arg loads a parameter into a general register.
func (g *gen) arg(name string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(name), r)
	return r
}

// zero makes v zero.
func (g *gen) zero(v reg.VecVirtual) {
	if g.bytes == 64 {
		g.VPXORD(v, v, v)
		return
	}
	g.VXORPS(v, v, v)
}

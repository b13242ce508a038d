package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: asm FOLDER")
		os.Exit(2)
	}
	for _, f := range families {
		for _, t := range f.tiers {
			if err := generate(os.Args[1], t, f); err != nil {
				fail(err)
			}
		}
	}
	if err := writeSums(os.Args[1]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "asm:", err)
	os.Exit(1)
}

// A family is the kernels of one pair of files a tier.
type family struct {
	name  string
	emit  func(*gen)
	tiers []tier
}

var both = []tier{avx2, avx512}

var families = []family{
	{"gemm", gemmFamily, both},
	{"outer", outerFamily, both},
	{"arith", arithFamily, both},
	{"exp", expFamily, both},
	{"activation", activationFamily, both},
	{"norm", normFamily, both},
	{"train", trainFamily, both},
	{"convert", convertFamily, both},
	{"dropout", dropoutFamily, both},
	{"dequantize", dequantizeFamily, both},
	{"dynamic", dynamicFamily, both},
	{"int8", int8Family, both},
	{"int8", vnniFamily, []tier{vnni}},
	{"bf16", bf16Family, []tier{bf16}},
	{"tiles", tilesFamily, []tier{amx}},
	{"outlier", outlierFamily, both},
	{"stream", streamFamily, both},
	{"transpose", transposeFamily, []tier{avx2}},
	{"peak", peakFamily, []tier{avx2, avx512, vnni, bf16, amx}},
}

func generate(dir string, t tier, f family) error {
	g := newGen(t)
	f.emit(g)
	file, err := g.Result()
	if err != nil {
		return fmt.Errorf("%s, %s: %w", f.name, t.name, err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		return fmt.Errorf("%s, %s: %w", f.name, t.name, err)
	}
	encode(file)
	cfg := printer.Config{Name: "asm", Argv: []string{"go", "generate"}, Pkg: "kernel"}
	base := filepath.Join(dir, f.name+"_"+t.name+"_amd64")
	if err := write(t, base+".s", printer.NewGoAsm(cfg), file); err != nil {
		return err
	}
	return write(t, base+".go", printer.NewStubs(cfg), file)
}

// beyondAVX2 matches the vector registers that only AVX-512 has.
var beyondAVX2 = regexp.MustCompile(`\b(Z\d|[XY](1[6-9]|2\d|3[01])\b|K\d)`)

func write(t tier, path string, p printer.Printer, file *ir.File) error {
	text, err := p.Print(file)
	if err != nil {
		return err
	}
	if t.bytes == 32 && beyondAVX2.Match(text) {
		return fmt.Errorf("%s uses registers that AVX2 does not have", beyondAVX2Function(text, path))
	}
	text = append(bytes.TrimRight(text, "\n"), '\n')
	return os.WriteFile(path, text, 0o644)
}

func newGen(t tier) *gen {
	g := &gen{Context: build.NewContext(), tier: t, data: map[string]operand.Mem{}}
	g.ConstraintExpr("amd64,!noasm")
	return g
}

// beyondAVX2Function names the function of an assembly file in which the first such register stands.
func beyondAVX2Function(text []byte, path string) string {
	before := text[:beyondAVX2.FindIndex(text)[0]]
	if i := bytes.LastIndex(before, []byte("TEXT ")); i >= 0 {
		name, _, _ := bytes.Cut(before[i+len("TEXT "):], []byte("("))
		return path + ": " + string(name)
	}
	return path
}

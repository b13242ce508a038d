package main

import (
	"bufio"
	"strings"
	"testing"

	"trimtab/recipe"
)

func TestPrintDemo(t *testing.T) {
	var b strings.Builder
	out := &printer{Writer: bufio.NewWriter(&b)}
	printDemo(out, &recipe.DemoTable{K: 16, Seeds: 5, Chance: 0.25, Best: recipe.DemoBest{Way: "prompt + LoRA", Seed: 2, Dir: "demo-run"}, Rows: []recipe.DemoRow{
		{Way: "zero-shot prompt", Accuracy: 0.5},
		{Way: "prompt + LoRA", Accuracy: 0.625, Deviation: 0.0125, Parameters: 151552, Bytes: 606208, Seconds: 0.84},
	}})
	if err := out.close(); err != nil {
		t.Fatal(err)
	}
	want := `                  accuracy         trained      size   time
zero-shot prompt    50.0 %               0         -      -
prompt + LoRA       62.5 %  ± 1.2  151,552  606.2 kB  0.8 s

Accuracy on texts that nothing was chosen by: mean and deviation over 5 samples of 16 examples a class. Guessing: 25 %.
Kept in demo-run: prompt + LoRA, sample 2. Try: trimtab predict --text 'The bank wants its money back by Friday.'
`
	if b.String() != want {
		t.Errorf("printed\n%s\nexpected\n%s", b.String(), want)
	}
}

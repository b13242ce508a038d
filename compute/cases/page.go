package cases

import (
	"bytes"
	"fmt"
	"strings"

	"trimtab/compute"
)

const pageHead = `# Operations

<!-- Made from the table in compute and the cases in compute/cases: go test ./compute/cases -run Page -update -->

What models and autograd ask of a device, a row an operation. In *flops* and *elements* a result is
[m, n] and a sum has k terms (for attention: m queries, k keys, n columns of all heads); *elements* is the memory that
the forward must touch, in float32. A backward of products costs once more for each gradient that is asked for; that of
attention 2½ times its forward. *Keeps* is what the backward reads besides the gradient. *Bound* is the class of
tolerance that a tier of kernels is held to against the plain one, in ` + "`internal/near`" + `; against the float64 twin
every operation is held to 1e-5 (1 + |b|).

Gradients of activations are written or added as the caller says; gradients of parameters are always added.

What no gradient goes through is no row: AdamW, AdamW8 and SumSquares, which a step of training does with gradients, and ToBF16 and FromBF16, between which memory of the
forward is held in half. They have tests of their own in ` + "`compute/cpu`" + `: TestAdamW, TestAdamW8, TestSumSquares and TestKeeping.

| operation | forward | backward | keeps | flops | elements | bound | cases |
| --- | --- | --- | --- | --- | --- | --- | --- |
`

const pageCases = `
## Cases

Every case is run forward and backward, writing and adding, with gaps between rows where it says so, in place where the
operation allows it; on every tier of kernels, on one, two and three threads, and with NaN, with infinity and with denormals in each input.

`

// Page is docs/operations.md.
func Page() []byte {
	var b bytes.Buffer
	b.WriteString(pageHead)
	for op, row := range compute.Operations {
		gradient := row.Gradient
		if row.ForwardOnly {
			gradient = "none: forward only"
		}
		cells := []string{row.Name, row.Formula, gradient, row.Keeps, row.Flops, row.Bytes, row.Tolerance, fmt.Sprint(len(Of(compute.Op(op))))}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	b.WriteString(pageCases)
	for op, row := range compute.Operations {
		var names []string
		for _, c := range Of(compute.Op(op)) {
			names = append(names, c.Name)
		}
		fmt.Fprintf(&b, "- **%s**: %s.\n", row.Name, strings.Join(names, "; "))
	}
	return b.Bytes()
}

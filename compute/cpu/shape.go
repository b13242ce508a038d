package cpu

import (
	"fmt"

	"trimtab/compute"
)

// like panics unless every matrix that exists has m's shape.
func like(op string, m compute.Mat, others ...compute.Mat) {
	for _, o := range others {
		shaped(op, o, m.Rows, m.Cols)
	}
}

// shaped panics unless m is [rows, cols].
func shaped(op string, m compute.Mat, rows, cols int) {
	if m.Rows != rows || m.Cols != cols {
		panic(fmt.Sprintf("cpu: %s: a matrix [%d, %d], expected [%d, %d]", op, m.Rows, m.Cols, rows, cols))
	}
}

// long panics unless v is nil or has n elements.
func long(op string, v []float32, n int) {
	if v != nil && len(v) != n {
		panic(fmt.Sprintf("cpu: %s: a vector of %d, expected %d", op, len(v), n))
	}
}

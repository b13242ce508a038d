package recipe

import "trimtab/compute"

// matrixOf is a matrix of zeros in a device's memory.
func matrixOf(dev compute.Device, rows, columns int) compute.Mat {
	return compute.NewMat(rows, columns, dev.Alloc(rows*columns))
}

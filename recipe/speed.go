package recipe

import (
	"time"

	"trimtab/compute"
)

// Throughput is how many operations a second a device does now in products of the
// sizes that models have: the best of some that take a few hundredths of a second each.
func Throughput(dev compute.Device) float64 {
	const rows, columns = 512, 768
	x, y := matrixOf(dev, rows, columns), matrixOf(dev, rows, columns)
	w := dev.Pack(matrixOf(dev, columns, columns), compute.F32)
	best := 0.0
	for range 6 {
		begun := time.Now()
		const products = 4
		for range products {
			dev.Linear(y, x, w, nil)
		}
		best = max(best, products*2*rows*columns*columns/time.Since(begun).Seconds())
	}
	return best
}

func matrixOf(dev compute.Device, rows, columns int) compute.Mat {
	return compute.NewMat(rows, columns, dev.Alloc(rows*columns))
}

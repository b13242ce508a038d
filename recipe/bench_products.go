package recipe

import (
	"context"
	"time"

	"trimtab/compute"
	"trimtab/compute/cpu"
	"trimtab/internal/chance"
)

// ProductFigures are what was measured of y [rows, out] = x [rows, in] · wᵀ, w a frozen weight, and
// of the product in the other direction, for the gradient of x.
type ProductFigures struct {
	Rows int `json:"rows"`
	In   int `json:"in"`
	Out  int `json:"out"`
	// Rate and BackwardRate are 10⁹ multiplications and additions a second.
	Rate         float64 `json:"gflops"`
	BackwardRate float64 `json:"backward_gflops"`
	// Bandwidth is the 10⁹ bytes of weights that the product reads a second. A few rows go through many weights in turn,
	// so that they come from memory.
	Bandwidth float64 `json:"weight_gbytes_per_second"`
}

// The products that are measured: the linear maps of BERT-base, and the largest of a Llama of 1.1 billion parameters.
var (
	productRows   = []int{1, 4, 16, 128, 512, 2048}
	productShapes = []struct{ in, out int }{{768, 768}, {768, 3072}, {3072, 768}, {2048, 5632}}
)

// A product of fewRows rows goes through weights of farBytes bytes, more than caches hold.
const (
	fewRows  = 16
	farBytes = 256 << 20
)

// benchCeiling measures what no product and no row operation can pass.
func benchCeiling(_ context.Context, m *measurement) error {
	single, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		return err
	}
	for p, of := range map[compute.Precision][]*float64{
		compute.F32: {&m.SingleCeiling, &m.Ceiling}, compute.Int8: {&m.SingleInt8, &m.Int8}, compute.BF16: {&m.SingleBF16, &m.Figures.BF16},
	} {
		if m.dev.Multiplies(p) != p {
			continue
		}
		for i, dev := range []*cpu.Device{single, m.dev.Device} {
			*of[i] = dev.Ceiling(p, m.ceiling) / 1e9
		}
	}
	m.ReadCeiling = m.dev.ReadCeiling(m.ceiling) / 1e9
	const rows, columns, runs = 4096, 4096, 8
	y, a, b := matrixOf(m.dev, rows, columns), matrixOf(m.dev, rows, columns), matrixOf(m.dev, rows, columns)
	chance.Floats(chance.Key{}, a.Data) // memory that nobody wrote is one page of zeros
	chance.Floats(chance.Key{}, b.Data)
	for range runs {
		begun := time.Now()
		m.dev.Add(y, a, b)
		m.Bandwidth = max(m.Bandwidth, 3*4*rows*columns/time.Since(begun).Seconds()/1e9)
	}
	return nil
}

// benchProducts measures the products of standard shapes.
func benchProducts(ctx context.Context, m *measurement) error {
	for _, s := range productShapes {
		bytes := m.Precision.Bytes(s.out, s.in)
		weights := m.weights(s.in, s.out, int(farBytes/bytes)+1)
		for _, rows := range productRows {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			m.Products = append(m.Products, m.product(weights, bytes, rows, s.in, s.out))
		}
	}
	return nil
}

// weights are n weights of one shape.
func (m *measurement) weights(in, out, n int) []compute.Weight {
	drawn := matrixOf(m.dev, out, in)
	chance.Floats(chance.Key{}, drawn.Data)
	weights := make([]compute.Weight, n)
	for i := range weights {
		weights[i] = m.dev.Pack(drawn, m.Precision)
	}
	return weights
}

// product times a product of so many rows and weights of so many bytes.
func (m *measurement) product(weights []compute.Weight, bytes int64, rows, in, out int) ProductFigures {
	x, y := matrixOf(m.dev, rows, in), matrixOf(m.dev, rows, out)
	chance.Floats(chance.Key{}, x.Data)
	chance.Floats(chance.Key{}, y.Data)
	if rows > fewRows {
		weights = weights[:1]
	}
	const flops = 1e9 // a turn: long enough for the clock
	turns := 1 + int(flops/float64(2*rows*in*out))/len(weights)
	rate := func(f func(w compute.Weight)) float64 {
		var seconds []float64
		for range 1 + m.Steps {
			begun := time.Now()
			for range turns {
				for _, w := range weights {
					f(w)
				}
			}
			seconds = append(seconds, time.Since(begun).Seconds())
		}
		return float64(turns*len(weights)) / median(seconds[1:]) / 1e9
	}
	forward := rate(func(w compute.Weight) { m.dev.Linear(y, x, w, nil) })
	backward := rate(func(w compute.Weight) { m.dev.LinearBackward(x, y, w, false) })
	flop := float64(2 * rows * in * out)
	return ProductFigures{Rows: rows, In: in, Out: out, Rate: forward * flop, BackwardRate: backward * flop, Bandwidth: forward * float64(bytes)}
}

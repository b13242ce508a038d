package cpu

import (
	"math"

	"trimtab/compute"
)

// at is v[i], or without v the value that stands for it.
func at(v []float32, i int, without float32) float64 {
	if v == nil {
		return float64(without)
	}
	return float64(v[i])
}

// LayerNorm is y = (x-mean)/√(var+eps)∘gamma + beta.
func (d *Device) LayerNorm(y, x compute.Mat, gamma, beta []float32, eps float32, mean, rstd []float32) {
	like("LayerNorm", x, y)
	n := float64(x.Cols)
	for i := range x.Rows {
		xi, yi := x.Row(i), y.Row(i)
		var mu, variance float64
		for _, v := range xi {
			mu += float64(v)
		}
		mu /= n
		for _, v := range xi {
			variance += (float64(v) - mu) * (float64(v) - mu)
		}
		r := 1 / math.Sqrt(variance/n+float64(eps))
		for j, v := range xi {
			yi[j] = float32((float64(v)-mu)*r*at(gamma, j, 1) + at(beta, j, 0))
		}
		if mean != nil {
			mean[i], rstd[i] = float32(mu), float32(r)
		}
	}
}

// LayerNormBackward is LayerNorm's.
func (d *Device) LayerNormBackward(dx compute.Mat, dgamma, dbeta []float32, dy, x compute.Mat, gamma, mean, rstd []float32, add bool) {
	like("LayerNormBackward", x, dy)
	n := float64(x.Cols)
	for i := range x.Rows {
		xi, dyi := x.Row(i), dy.Row(i)
		mu, r := float64(mean[i]), float64(rstd[i])
		var sum, sumx float64
		for j, v := range xi {
			g, h := float64(dyi[j])*at(gamma, j, 1), (float64(v)-mu)*r
			sum += g
			sumx += g * h
			if dgamma != nil {
				dgamma[j] += float32(float64(dyi[j]) * h)
			}
			if dbeta != nil {
				dbeta[j] += dyi[j]
			}
		}
		if dx.Exists() {
			for j, v := range xi {
				g, h := float64(dyi[j])*at(gamma, j, 1), (float64(v)-mu)*r
				put(&dx.Row(i)[j], float32(r*(g-sum/n-h*sumx/n)), add)
			}
		}
	}
}

// RMSNorm is y = x/√(mean(x²)+eps)∘gamma.
func (d *Device) RMSNorm(y, x compute.Mat, gamma []float32, eps float32, rstd []float32) {
	like("RMSNorm", x, y)
	for i := range x.Rows {
		xi, yi := x.Row(i), y.Row(i)
		var sum float64
		for _, v := range xi {
			sum += float64(v) * float64(v)
		}
		r := 1 / math.Sqrt(sum/float64(x.Cols)+float64(eps))
		for j, v := range xi {
			yi[j] = float32(float64(v) * r * at(gamma, j, 1))
		}
		if rstd != nil {
			rstd[i] = float32(r)
		}
	}
}

// RMSNormBackward is RMSNorm's.
func (d *Device) RMSNormBackward(dx compute.Mat, dgamma []float32, dy, x compute.Mat, gamma, rstd []float32, add bool) {
	like("RMSNormBackward", x, dy)
	n := float64(x.Cols)
	for i := range x.Rows {
		xi, dyi := x.Row(i), dy.Row(i)
		r := float64(rstd[i])
		var sumx float64
		for j, v := range xi {
			h := float64(v) * r
			sumx += float64(dyi[j]) * at(gamma, j, 1) * h
			if dgamma != nil {
				dgamma[j] += float32(float64(dyi[j]) * h)
			}
		}
		if dx.Exists() {
			for j, v := range xi {
				put(&dx.Row(i)[j], float32(r*(float64(dyi[j])*at(gamma, j, 1)-float64(v)*r*sumx/n)), add)
			}
		}
	}
}

// logSumExp is log Σ exp(x).
func logSumExp(x []float32) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		if !(float64(v) <= top) {
			top = float64(v)
		}
	}
	if math.IsInf(top, 0) || math.IsNaN(top) {
		return top
	}
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

// LogSoftmax is y = x - log Σ exp(x).
func (d *Device) LogSoftmax(y, x compute.Mat) {
	like("LogSoftmax", x, y)
	for i := range x.Rows {
		lse := logSumExp(x.Row(i))
		for j, v := range x.Row(i) {
			y.Row(i)[j] = float32(float64(v) - lse)
		}
	}
}

// LogSoftmaxBackward is dx (+)= dy - exp(y)·Σ dy.
func (d *Device) LogSoftmaxBackward(dx, dy, y compute.Mat, add bool) {
	like("LogSoftmaxBackward", y, dx, dy)
	for i := range y.Rows {
		var sum float64
		for _, v := range dy.Row(i) {
			sum += float64(v)
		}
		for j, v := range y.Row(i) {
			put(&dx.Row(i)[j], float32(float64(dy.Row(i)[j])-math.Exp(float64(v))*sum), add)
		}
	}
}

// RowNorms is ‖w[o] + scale·(b·a)[o]‖.
func (d *Device) RowNorms(norms []float32, w compute.Weight, b, a compute.Mat, scale float32) {
	m := w.(*weight).m
	long("RowNorms", norms, m.Rows)
	sum := make([]float32, m.Cols)
	for o := range m.Rows {
		copy(sum, m.Row(o))
		if b.Exists() {
			for r, v := range b.Row(o) {
				axpy(sum, scale*v, a.Row(r))
			}
		}
		norms[o] = float32(math.Sqrt(d.SumSquares(sum)))
	}
}

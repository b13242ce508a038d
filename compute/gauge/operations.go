package gauge

import "trimtab/compute"

// Linear is timed.
func (d *Device) Linear(y, x compute.Mat, w compute.Weight, bias []float32) {
	d.do(of("Linear", y, x).with(w).when(bias != nil), func() { d.Device.Linear(y, x, d.standIn(w), bias) })
}

// LinearBackward is timed.
func (d *Device) LinearBackward(dx, dy compute.Mat, w compute.Weight, add bool) {
	d.do(of("LinearBackward", dx, dy).with(w).when(add), func() { d.Device.LinearBackward(dx, dy, d.standIn(w), add) })
}

// LinearRows is timed.
func (d *Device) LinearRows(y, x compute.Mat, w compute.Weight, bias []float32, rows []int32) {
	d.do(of("LinearRows", y, x).with(w).when(bias != nil), func() { d.Device.LinearRows(y, x, d.standIn(w), bias, rows) })
}

// LinearRowsBackward is timed.
func (d *Device) LinearRowsBackward(dx, dy compute.Mat, w compute.Weight, rows []int32, add bool) {
	d.do(of("LinearRowsBackward", dx, dy).with(w).when(add), func() { d.Device.LinearRowsBackward(dx, dy, d.standIn(w), rows, add) })
}

// MatMul is timed.
func (d *Device) MatMul(c, a, b compute.Mat, ta, tb bool, alpha float32, add bool) {
	n := 0
	if alpha != 1 {
		n = 1
	}
	d.do(of("MatMul", c, a, b).when(ta, tb, add, d.rounds).times(n), func() { d.Device.MatMul(c, a, b, ta, tb, alpha, add) })
}

// Autocast is the other device's.
func (d *Device) Autocast(p compute.Precision) error {
	err := d.Device.Autocast(p)
	d.rounds = err == nil && p == compute.BF16
	return err
}

// Add is timed.
func (d *Device) Add(y, a, b compute.Mat) {
	d.do(of("Add", y, a, b), func() { d.Device.Add(y, a, b) })
}

// Mul is timed.
func (d *Device) Mul(y, a, b compute.Mat, add bool) {
	d.do(of("Mul", y, a, b).when(add), func() { d.Device.Mul(y, a, b, add) })
}

// Scale is timed.
func (d *Device) Scale(y, x compute.Mat, s float32, add bool) {
	d.do(of("Scale", y, x).when(add), func() { d.Device.Scale(y, x, s, add) })
}

// AddRow is timed.
func (d *Device) AddRow(y, x compute.Mat, v []float32) {
	d.do(of("AddRow", y, x), func() { d.Device.AddRow(y, x, v) })
}

// MulRow is timed.
func (d *Device) MulRow(y, x compute.Mat, v []float32, add bool) {
	d.do(of("MulRow", y, x).when(add), func() { d.Device.MulRow(y, x, v, add) })
}

// ColumnSum is timed.
func (d *Device) ColumnSum(dv []float32, x compute.Mat) {
	d.do(of("ColumnSum", x), func() { d.Device.ColumnSum(dv, x) })
}

// ColumnDot is timed.
func (d *Device) ColumnDot(dv []float32, a, b compute.Mat) {
	d.do(of("ColumnDot", a, b), func() { d.Device.ColumnDot(dv, a, b) })
}

// Activate is timed.
func (d *Device) Activate(y, x compute.Mat, f compute.Activation) {
	d.do(of("Activate", y, x).times(int(f)), func() { d.Device.Activate(y, x, f) })
}

// ActivateBackward is timed.
func (d *Device) ActivateBackward(dx, dy, x compute.Mat, f compute.Activation, add bool) {
	d.do(of("ActivateBackward", dx, dy, x).times(int(f)).when(add), func() { d.Device.ActivateBackward(dx, dy, x, f, add) })
}

// Gate is timed.
func (d *Device) Gate(y, g, u compute.Mat, f compute.Activation) {
	d.do(of("Gate", y, g, u).times(int(f)), func() { d.Device.Gate(y, g, u, f) })
}

// GateBackward is timed.
func (d *Device) GateBackward(dg, du, dy, g, u compute.Mat, f compute.Activation, addG, addU bool) {
	d.do(of("GateBackward", dg, du, dy, g, u).times(int(f)).when(addG, addU), func() { d.Device.GateBackward(dg, du, dy, g, u, f, addG, addU) })
}

// Drop is timed.
func (d *Device) Drop(y, x compute.Mat, drop compute.Dropout, add bool) {
	d.do(of("Drop", y, x).when(add), func() { d.Device.Drop(y, x, drop, add) })
}

// LayerNorm is timed.
func (d *Device) LayerNorm(y, x compute.Mat, gamma, beta []float32, eps float32, mean, rstd []float32) {
	d.do(of("LayerNorm", y, x).when(beta != nil), func() { d.Device.LayerNorm(y, x, gamma, beta, eps, mean, rstd) })
}

// LayerNormBackward is timed.
func (d *Device) LayerNormBackward(dx compute.Mat, dgamma, dbeta []float32, dy, x compute.Mat, gamma, mean, rstd []float32, add bool) {
	d.do(of("LayerNormBackward", dx, dy, x).when(dgamma != nil, dbeta != nil, add), func() {
		d.Device.LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, mean, rstd, add)
	})
}

// RMSNorm is timed.
func (d *Device) RMSNorm(y, x compute.Mat, gamma []float32, eps float32, rstd []float32) {
	d.do(of("RMSNorm", y, x), func() { d.Device.RMSNorm(y, x, gamma, eps, rstd) })
}

// RMSNormBackward is timed.
func (d *Device) RMSNormBackward(dx compute.Mat, dgamma []float32, dy, x compute.Mat, gamma, rstd []float32, add bool) {
	d.do(of("RMSNormBackward", dx, dy, x).when(dgamma != nil, add), func() { d.Device.RMSNormBackward(dx, dgamma, dy, x, gamma, rstd, add) })
}

// LogSoftmax is timed.
func (d *Device) LogSoftmax(y, x compute.Mat) {
	d.do(of("LogSoftmax", y, x), func() { d.Device.LogSoftmax(y, x) })
}

// LogSoftmaxBackward is timed.
func (d *Device) LogSoftmaxBackward(dx, dy, y compute.Mat, add bool) {
	d.do(of("LogSoftmaxBackward", dx, dy, y).when(add), func() { d.Device.LogSoftmaxBackward(dx, dy, y, add) })
}

// RowNorms is timed; the norms are ones.
func (d *Device) RowNorms(norms []float32, w compute.Weight, b, a compute.Mat, scale float32) {
	d.do(of("RowNorms", b, a).with(w), func() { d.Device.RowNorms(norms, d.standIn(w), b, a, scale) })
	for i := range norms {
		norms[i] = 1
	}
}

// Lookup is timed.
func (d *Device) Lookup(y compute.Mat, table compute.Weight, ids []int32, scale float32) {
	d.do(of("Lookup", y).with(table), func() { d.Device.Lookup(y, d.standIn(table), ids, scale) })
}

// LookupMat is timed.
func (d *Device) LookupMat(y, table compute.Mat, ids []int32, scale float32) {
	d.do(of("LookupMat", y, table), func() { d.Device.LookupMat(y, table, ids, scale) })
}

// LookupBackward is timed.
func (d *Device) LookupBackward(dtable, dy compute.Mat, ids []int32, scale float32) {
	d.do(of("LookupBackward", dtable, dy), func() { d.Device.LookupBackward(dtable, dy, ids, scale) })
}

// Assemble is timed.
func (d *Device) Assemble(y compute.Mat, sources []compute.Mat, refs []compute.RowRef) {
	d.do(of("Assemble", y).times(len(sources)), func() { d.Device.Assemble(y, sources, refs) })
}

// AssembleBackward is timed.
func (d *Device) AssembleBackward(dsource compute.Mat, source int32, dy compute.Mat, refs []compute.RowRef) {
	d.do(of("AssembleBackward", dsource, dy).times(int(source)), func() { d.Device.AssembleBackward(dsource, source, dy, refs) })
}

// Store is timed.
func (d *Device) Store(dst, x compute.Mat, rows []int32) {
	d.do(of("Store", dst, x), func() { d.Device.Store(dst, x, rows) })
}

// SegmentMean is timed.
func (d *Device) SegmentMean(y, x compute.Mat, spans []compute.Span) {
	d.do(of("SegmentMean", y, x), func() { d.Device.SegmentMean(y, x, spans) })
}

// SegmentMeanBackward is timed.
func (d *Device) SegmentMeanBackward(dx, dy compute.Mat, spans []compute.Span, add bool) {
	d.do(of("SegmentMeanBackward", dx, dy).when(add), func() { d.Device.SegmentMeanBackward(dx, dy, spans, add) })
}

// GroupMax is timed.
func (d *Device) GroupMax(y, x compute.Mat, groups [][]int32) {
	d.do(of("GroupMax", y, x), func() { d.Device.GroupMax(y, x, groups) })
}

// GroupMaxBackward is timed.
func (d *Device) GroupMaxBackward(dx, dy, x compute.Mat, groups [][]int32) {
	d.do(of("GroupMaxBackward", dx, dy, x), func() { d.Device.GroupMaxBackward(dx, dy, x, groups) })
}

// pairs is how many scores an attention has a head.
func pairs(a *compute.Attention) int {
	n := 0
	for s := range a.Query {
		n += int(a.Query[s].Len) * a.Most(s)
	}
	return n
}

// Attend is timed, as attention.
func (d *Device) Attend(out compute.Mat, lse []float32, q, k, v compute.Mat, a *compute.Attention) {
	c := of("Attend", out, q, k, v).when(lse != nil, a.Causal, a.Dropout.P > 0, a.Bias.Exists()).times(pairs(a))
	d.Time.Attention += d.time(c, func() { d.Device.Attend(out, lse, q, k, v, a) })
}

// AttendBackward is timed, as attention.
func (d *Device) AttendBackward(dq, dk, dv, dbias, dout, q, k, v compute.Mat, lse []float32, a *compute.Attention, addQ, addK, addV bool) {
	c := of("AttendBackward", dq, dk, dv, q, k).when(addQ, a.Causal, a.Dropout.P > 0, dbias.Exists()).times(pairs(a))
	d.Time.Attention += d.time(c, func() { d.Device.AttendBackward(dq, dk, dv, dbias, dout, q, k, v, lse, a, addQ, addK, addV) })
}

// Rotate is timed.
func (d *Device) Rotate(y, x compute.Mat, positions []int32, cos, sin compute.Mat, dim int, inverse, add bool) {
	d.do(of("Rotate", y, x).when(inverse, add), func() { d.Device.Rotate(y, x, positions, cos, sin, dim, inverse, add) })
}

// CrossEntropy is timed.
func (d *Device) CrossEntropy(loss, lse []float32, x compute.Mat, target []int32, weight []float32, scale float32) {
	d.do(of("CrossEntropy", x), func() { d.Device.CrossEntropy(loss, lse, x, target, weight, scale) })
}

// CrossEntropyBackward is timed.
func (d *Device) CrossEntropyBackward(dx compute.Mat, dloss float32, x compute.Mat, lse []float32, target []int32, weight []float32, scale float32, add bool) {
	d.do(of("CrossEntropyBackward", dx, x).when(add), func() { d.Device.CrossEntropyBackward(dx, dloss, x, lse, target, weight, scale, add) })
}

// ToBF16 is timed.
func (d *Device) ToBF16(to []float32, x compute.Mat) {
	d.do(of("ToBF16", x), func() { d.Device.ToBF16(to, x) })
}

// FromBF16 is timed.
func (d *Device) FromBF16(y compute.Mat, from []float32) {
	d.do(of("FromBF16", y), func() { d.Device.FromBF16(y, from) })
}

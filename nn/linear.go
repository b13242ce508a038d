package nn

import "trimtab/autograd"

// Linear is y = x·Wᵀ + b.
type Linear struct {
	Site
	// In and Out are the widths.
	In, Out int
	// Weight is [Out, In], or [In, Out] if Transposed.
	Weight *Param
	// Bias is [Out]; nil if there is none.
	Bias *Param
	// Transposed says that the weight is published as [In, Out]: GPT-2's Conv1D.
	Transposed bool

	deltas slot[LinearDelta]
	tied   *Param // the shared weight, while Untie has put another in its place
	untied int    // how often
}

// Params are the weight and, if there is one, the bias.
func (l *Linear) Params() []*Param {
	if l.Bias == nil {
		return []*Param{l.Weight}
	}
	return []*Param{l.Weight, l.Bias}
}

// Attach puts d behind what is attached already; Detach takes it out and reports whether it was there.
func (l *Linear) Attach(d LinearDelta) { l.deltas.attach(d) }

// Detach takes d out and reports whether it was there.
func (l *Linear) Detach(d LinearDelta) bool { return l.deltas.detach(d) }

// Forward is the map of x [rows, In] with its deltas.
func (l *Linear) Forward(p *Pass, x *autograd.Value) *autograd.Value {
	p.Site = l.Name
	y := l.Base(p, x)
	for _, d := range l.deltas {
		y = d.Linear(p, l, x, y)
	}
	return y
}

// Base is the map of x without deltas.
func (l *Linear) Base(p *Pass, x *autograd.Value) *autograd.Value {
	if l.Weight.Trains() {
		y := p.MatMul(x, l.Weight.matrix(p), false, !l.Transposed, 1)
		if l.Bias != nil {
			y = p.AddRow(y, l.Bias.Row(p))
		}
		return y
	}
	w, ok := l.Weight.weight(p)
	if !ok {
		return x
	}
	return p.Linear(x, w, l.Bias.Row(p))
}

// ForwardRows is Forward for the outputs rows only: [x.Rows, len(rows)]. Where the
// map has deltas or is transposed, all outputs are computed and those picked.
func (l *Linear) ForwardRows(p *Pass, x *autograd.Value, rows []int32) *autograd.Value {
	p.Site = l.Name
	if len(l.deltas) > 0 || l.Transposed {
		return p.pickColumns(l.Forward(p, x), rows)
	}
	weight, bias := l.Weight.Trains(), l.Bias != nil && l.Bias.Trains()
	var y *autograd.Value
	if weight {
		y = p.MatMul(x, p.LookupMat(l.Weight.matrix(p), rows, 1), false, true, 1)
	} else {
		w, held, ok := l.Weight.lookedUp(p, rows)
		if !ok {
			return x
		}
		var frozen []float32
		if l.Bias != nil && !bias {
			frozen = l.Bias.vector(p)
		}
		if frozen != nil && l.Weight.copies() {
			all := frozen
			frozen = autograd.Slice[float32](p.Tape, w.Out())
			for i, row := range rows {
				frozen[held[i]] = all[row]
			}
		}
		y = p.LinearRows(x, w, frozen, held)
	}
	if bias || weight && l.Bias != nil {
		y = p.AddRow(y, p.pickColumns(l.Bias.Row(p), rows))
	}
	return y
}

// CrossEntropy is that of the map of x with a target a row, times scale: [1, 1]. Where nothing of the map trains, not all of its outputs
// are held at once.
func (l *Linear) CrossEntropy(p *Pass, x *autograd.Value, target []int32, scale float32) *autograd.Value {
	if len(l.deltas) > 0 || l.Weight.Trains() || l.Bias != nil && l.Bias.Trains() {
		return p.CrossEntropy(l.Forward(p, x), target, nil, scale)
	}
	p.Site = l.Name
	w, ok := l.Weight.weight(p)
	if !ok {
		return x
	}
	return p.LinearCrossEntropy(x, w, l.Bias.Row(p), target, scale)
}

// pickColumns is columns of y: the largest of one each.
func (p *Pass) pickColumns(y *autograd.Value, columns []int32) *autograd.Value {
	groups := autograd.Slice[[]int32](p.Tape, len(columns))
	for j := range columns {
		groups[j] = columns[j : j+1 : j+1]
	}
	return p.GroupMax(y, groups)
}

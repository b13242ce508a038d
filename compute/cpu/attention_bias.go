package cpu

import "fmt"

// scale is what scores are multiplied with when they become exponentials: 1 if they were scaled before, and biased.
func (a *attention) scale() float32 {
	if a.Bias.Exists() {
		return 1
	}
	return a.Scale
}

func (a *attention) checkBias(op string) {
	if !a.Bias.Exists() {
		return
	}
	shaped(op, a.Bias, a.Bias.Rows, a.Heads)
	if len(a.Bucket) == 0 {
		panic(fmt.Sprintf("cpu: %s: a bias without buckets", op))
	}
	for _, b := range a.Bucket {
		if b < 0 || int(b) >= a.Bias.Rows {
			panic(fmt.Sprintf("cpu: %s: bucket %d of %d", op, b, a.Bias.Rows))
		}
	}
}

// distances has an element for each distance of a block's keys from some query rows: of the block's key j from the row at place p the element
// j + most - p.
type distances struct {
	v    []float32
	most int // the rows' greatest place
}

// row is those of keys [from, to) of the block from the row at a place.
func (x distances) row(place int32, from, to int) []float32 {
	at := x.most - int(place)
	return x.v[at+from : at+to]
}

// distances are those of a block of keys from n query rows from row i on.
func (d *Device) distances(w *worker, slot, i, n int, b keyRange) distances {
	a := &d.attend
	least, most := int(a.Position[i]), int(a.Position[i])
	for _, p := range a.Position[i : i+n] {
		least, most = min(least, int(p)), max(most, int(p))
	}
	return distances{w.floats(slot, b.keys()+most-least), most}
}

// bucket is that of element t of distances.
func (a *attention) bucket(x distances, b keyRange, t int) int {
	return int(a.Bucket[min(max(b.from+t-x.most+a.Behind, 0), len(a.Bucket)-1)])
}

// bias is what is added to the scaled scores of n query rows from row i on in a block of keys.
func (d *Device) bias(w *worker, i, n, head int, b keyRange) distances {
	a := &d.attend
	if !a.Bias.Exists() {
		return distances{}
	}
	x := d.distances(w, workerBias, i, n, b)
	for t := range x.v {
		x.v[t] = a.Bias.Data[a.bucket(x, b, t)*a.Bias.Stride+head]
	}
	return x
}

// addBias scales a row's scores of keys [from, to) of the block and adds the bias, if there is one.
func (d *Device) addBias(scores []float32, x distances, i, from, to int) {
	a := &d.attend
	if !a.Bias.Exists() {
		return
	}
	if a.Scale != 1 {
		d.k.Scale(scores, scores, a.Scale)
	}
	d.k.Add(scores, scores, x.row(a.Position[i], from, to))
}

// biasGrad takes ds [n, keys], the gradients of n query rows' biased scores in a block of keys, to the table, and makes of them those of scores
// before they were scaled.
func (d *Device) biasGrad(w *worker, ds []float32, i, n, head int, b keyRange) {
	a := &d.attend
	if a.dbias.Exists() {
		x := d.distances(w, workerBias, i, n, b)
		clear(x.v)
		for r := range n {
			from, to := a.own(i+r, b)
			sums := x.row(a.Position[i+r], from, to)
			d.k.Add(sums, sums, ds[r*gradStride+from:])
		}
		for t, sum := range x.v {
			a.dbias.Data[a.bucket(x, b, t)*a.dbias.Stride+head] += sum
		}
	}
	if a.Scale != 1 {
		for r := range n {
			row := ds[r*gradStride:][:b.keys()]
			d.k.Scale(row, row, a.Scale)
		}
	}
}

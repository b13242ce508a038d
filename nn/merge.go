package nn

import (
	"errors"
	"fmt"
	"slices"
)

// ErrTied is wrapped by errors about a tied tensor that cannot be untied now.
var ErrTied = errors.New("tensor is tied")

// Edit changes the elements of a tensor: what a delta does to a weight that it is worked into.
type Edit interface {
	// Edit changes elements, row-major in the published shape, in place. base are the base's own.
	Edit(elements, base []float32) error
}

// Merge works e into the elements, after the edits that are merged already. Edits
// begin from the base's own elements each time, so that no rounding is left behind.
func (q *Param) Merge(e Edit) error {
	q.edits.attach(e)
	if err := q.remake(); err != nil {
		q.edits.detach(e)
		return errors.Join(err, q.remake())
	}
	return nil
}

// Unmerge takes e out and makes the elements again from the base's and the edits
// that are left: without any, they are the base's to the bit.
func (q *Param) Unmerge(e Edit) error {
	if !q.edits.detach(e) {
		return fmt.Errorf("%s: not merged", q.Name)
	}
	return q.remake()
}

func (q *Param) remake() error {
	if len(q.edits) == 0 {
		return q.Set(nil)
	}
	base, err := q.Base()
	if err != nil {
		return err
	}
	v := q.dev.Alloc(len(base))
	copy(v, base)
	for _, e := range q.edits {
		if err := e.Edit(v, base); err != nil {
			return fmt.Errorf("%s: %w", q.Name, err)
		}
	}
	return q.Set(v)
}

// Sharing are the layers that hold q: more than one where it is tied.
func (t *Tree) Sharing(q *Param) []Layer {
	var layers []Layer
	for _, l := range t.order {
		if slices.Contains(l.Params(), q) {
			layers = append(layers, l)
		}
	}
	return layers
}

// Untie gives a map that shares its weight with another layer a weight of its own,
// with the base's elements, until Tie was called as often. It reports whether the
// weight was tied. A shared weight that something is attached to or merged into
// cannot be untied.
func (t *Tree) Untie(l *Linear) (bool, error) {
	if l.tied != nil {
		l.untied++
		return true, nil
	}
	q := l.Weight
	if len(t.Sharing(q)) < 2 {
		return false, nil
	}
	if len(q.attached) > 0 || len(q.edits) > 0 || q.set != nil {
		return false, fmt.Errorf("%s: %w to %s, which a delta changes: take that delta off first", l.Name, ErrTied, q.Name)
	}
	own := &Param{Name: join(l.Name, "weight"), Shape: q.Shape, Fresh: q.Fresh, dev: q.dev, load: q.load, base: q.base, transposed: l.Transposed, precision: q.precision, half: true}
	l.tied, l.Weight, l.untied = q, own, 1
	t.params = append(t.params, own)
	return true, nil
}

// Tie undoes one Untie. The last gives the map the shared weight back.
func (t *Tree) Tie(l *Linear) {
	if l.tied == nil {
		return
	}
	if l.untied--; l.untied > 0 {
		return
	}
	t.params = slices.DeleteFunc(t.params, func(q *Param) bool { return q == l.Weight })
	l.Weight, l.tied = l.tied, nil
}

// Untied are the maps that Untie has given weights of their own, in the order of the page.
func (t *Tree) Untied() []*Linear {
	var untied []*Linear
	for _, l := range t.order {
		if l, ok := l.(*Linear); ok && l.tied != nil {
			untied = append(untied, l)
		}
	}
	return untied
}

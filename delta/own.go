package delta

import (
	"slices"
	"strings"

	"trimtab/autograd"
	"trimtab/nn"
)

// ownParam is a trainable copy of one of the base's tensors, put in its place.
type ownParam struct {
	tree   *nn.Tree
	param  *nn.Param  // nil: the weight of layer
	layer  *nn.Linear // an output layer that is tied to param: it is untied first. Nil if there is none
	values *autograd.Parameter

	untied bool
}

func (o *ownParam) sites() []string {
	if o.param == nil {
		return []string{o.layer.Name}
	}
	return []string{o.param.Name[:strings.LastIndexByte(o.param.Name, '.')]}
}

// target is the tensor whose place is taken, with a tied output layer untied.
func (o *ownParam) target() (*nn.Param, error) {
	if o.layer == nil {
		return o.param, nil
	}
	if _, err := o.tree.Untie(o.layer); err != nil {
		return nil, err
	}
	o.untied = true
	return o.now(), nil
}

// now is the tensor whose place is taken, as things stand.
func (o *ownParam) now() *nn.Param {
	if o.param == nil {
		return o.layer.Weight
	}
	return o.param
}

func (o *ownParam) attach() error {
	q, err := o.target()
	if err != nil {
		return err
	}
	q.Attach(o.values)
	return nil
}

func (o *ownParam) detach() {
	o.now().Detach(o.values)
	o.tie()
}

func (o *ownParam) tie() {
	if o.untied {
		o.tree.Tie(o.layer)
		o.untied = false
	}
}

func (o *ownParam) merge() (string, error) {
	q, err := o.target()
	if err != nil {
		return "", err
	}
	if err := q.Merge(o); err != nil {
		o.tie()
		return "", err
	}
	if o.untied {
		return untiedNote(o.layer), nil
	}
	return "", nil
}

func (o *ownParam) unmerge() error {
	err := o.now().Unmerge(o)
	o.tie()
	return err
}

// Edit puts the delta's elements there.
func (o *ownParam) Edit(elements, _ []float32) error {
	copy(elements, o.values.Data)
	return nil
}

func untiedNote(l *nn.Linear) string {
	return l.Name + " has a weight of its own now: it was tied to a weight that the delta changes"
}

// sharing is the map that shares q with another layer, an output layer with the word
// embedding; nil if q is not tied.
func sharing(tree *nn.Tree, q *nn.Param) *nn.Linear {
	layers := tree.Sharing(q)
	if len(layers) < 2 {
		return nil
	}
	for _, l := range layers {
		if l, ok := l.(*nn.Linear); ok {
			return l
		}
	}
	return nil
}

// modulesToSave adds trainable copies of all tensors of the modules whose path ends with one of
// names, as PEFT compares them. wrap puts what the library has around a layer's path: the parameter's
// name and the key. It returns the names that match nothing.
func (b *build) modulesToSave(names []string, wrap func(module, rest string) (name, key string)) (unmatched []string) {
	hit := map[string]bool{}
	for _, l := range b.base.Tree.Layers() {
		module, name, ok := savedModule(l.Path(), names)
		if !ok || len(l.Params()) == 0 {
			continue
		}
		hit[name] = true
		for _, q := range l.Params() {
			rest := strings.TrimPrefix(l.Path(), module) + q.Name[strings.LastIndexByte(q.Name, '.'):]
			param, key := wrap(module, rest[1:])
			o := &ownParam{tree: b.base.Tree, param: q, values: b.own(param, key, q)}
			if tied := sharing(b.base.Tree, q); tied != nil {
				o.layer = tied
				if l == nn.Layer(tied) {
					o.param = nil
				}
			}
			b.part(o)
		}
	}
	for _, name := range names {
		if !hit[name] && !slices.Contains(unmatched, name) {
			unmatched = append(unmatched, name)
		}
	}
	return unmatched
}

// savedModule is the module on the path whose own path ends with one of names.
func savedModule(path string, names []string) (module, name string, ok bool) {
	for end := 0; end < len(path); {
		next := strings.IndexByte(path[end+1:], '.')
		if next < 0 {
			end = len(path)
		} else {
			end += 1 + next
		}
		for _, name := range names {
			if strings.HasSuffix(path[:end], name) {
				return path[:end], name, true
			}
		}
	}
	return "", "", false
}

package nn

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"weak"

	"trimtab/checkpoint"
	"trimtab/compute"
	"trimtab/tensor"
)

// ErrMissing, ErrShape and ErrNoPlace are wrapped by errors about the tensors of a base.
var (
	ErrMissing = errors.New("tensor is missing")
	ErrShape   = errors.New("tensor has another shape")
	ErrNoPlace = errors.New("tensor has no place")
)

// MaxElements bounds a tensor that a config may claim.
const MaxElements = 1 << 40

// Source is where a base's tensors come from: a [checkpoint.File].
type Source interface {
	// Names are the names of all tensors.
	Names() []string
	// Tensor is the tensor of a name.
	Tensor(name string) (*tensor.Tensor, bool)
	// Where is the file that holds it, for errors.
	Where(name string) string
}

// LoadOptions say how a base is loaded.
type LoadOptions struct {
	// Prefix is the name under which a model with a head holds the bare model
	// ("bert"): a file may leave it out.
	Prefix string
	// Unneeded are patterns of names that may be in the file and are not read: a
	// name that begins with one ("cls."), or ends with one that begins with a dot (".position_ids").
	Unneeded []string
	// Head are the modules of a classification head. If NewHead, what the file has of them is not read.
	Head    []string
	NewHead bool
	// Std is the deviation of fresh weights where there is no file.
	Std float32
	// Precision is how the frozen weights of linear maps are held, those of [Scope.Exact], [Scope.Output] and tables aside: see there and [Scope.Embedding].
	Precision compute.Precision
	// Seed addresses the chance of fresh tensors. Their distribution is normal, or, if Uniform, coarse and
	// uniform with the same deviation, which takes a fraction of the time.
	Seed    uint64
	Uniform bool
	// Unread takes names and shapes from the source and nothing else: every element is a zero, and all tensors share
	// the memory of these. Such a base tells what a run would take; it computes nothing.
	Unread bool
}

// Loading is a base while it loads.
type Loading struct {
	dev    compute.Device
	source Source
	o      LoadOptions

	names  map[string]string // modern name → name in the file
	read   map[string]bool   // names in the file
	params map[string]*Param
	tree   Tree
	errs   []error
	zeros  []float32 // of all tensors that are not read
	passed weak.Pointer[passage]
}

// passage is memory for a tensor on its way from another type, or from chance, to its packed form. The next tensor takes it again, unless
// it was collected meanwhile.
type passage struct{ elements []float32 }

// Load begins to load a base from src; a nil src makes every tensor fresh.
func Load(dev compute.Device, src Source, o LoadOptions) *Loading {
	l := &Loading{dev: dev, source: src, o: o, names: map[string]string{}, read: map[string]bool{}, params: map[string]*Param{}}
	l.tree.layers, l.tree.dev = map[string]Layer{}, dev
	if src == nil {
		return l
	}
	for _, name := range src.Names() {
		modern := checkpoint.ModernName(name)
		if other, ok := l.names[modern]; ok {
			l.fail(fmt.Errorf("%s: %w: %s and %s are one tensor", src.Where(name), ErrNoPlace, other, name))
		}
		l.names[modern] = name
	}
	return l
}

// Root is the scope of the whole model.
func (l *Loading) Root() Scope { return Scope{load: l} }

// Has reports whether the file holds a tensor under this name.
func (l *Loading) Has(name string) bool {
	_, ok := l.find(name)
	return ok
}

// Finish ends the loading: the tree of the base, or an error that names every
// tensor that is missing, has another shape, or has no place.
func (l *Loading) Finish() (*Tree, error) {
	var left []string
	for _, name := range l.names {
		if !l.read[name] && !l.isUnneeded(name) {
			left = append(left, name)
		}
	}
	sort.Strings(left)
	for _, name := range left {
		l.fail(fmt.Errorf("%s: %w: %s", l.source.Where(name), ErrNoPlace, name))
	}
	if len(l.errs) > 8 {
		l.errs = append(l.errs[:8], fmt.Errorf("and %d more", len(l.errs)-8))
	}
	if err := errors.Join(l.errs...); err != nil {
		return nil, err
	}
	return &l.tree, nil
}

func (l *Loading) fail(err error) { l.errs = append(l.errs, err) }

// find is the name in the file of a tensor: as published, or without the prefix.
func (l *Loading) find(name string) (string, bool) {
	if l.o.NewHead && l.inHead(name) {
		return "", false
	}
	if n, ok := l.names[name]; ok {
		return n, true
	}
	if bare, ok := strings.CutPrefix(name, l.o.Prefix+"."); ok && l.o.Prefix != "" {
		n, ok := l.names[bare]
		return n, ok
	}
	return "", false
}

// param is a tensor of the base. turned says that it is published as [in, out].
func (l *Loading) param(name string, shape tensor.Shape, init Init, mayBeFresh, turned bool) *Param {
	if p, ok := l.params[name]; ok {
		return p
	}
	p := &Param{Name: name, Shape: shape, dev: l.dev, load: l}
	l.params[name] = p
	l.tree.params = append(l.tree.params, p)
	if n, err := shape.Elements(); err != nil || n > MaxElements {
		l.fail(fmt.Errorf("%w: %s would be %v by the config", ErrShape, name, shape))
	}
	in, ok := l.find(name)
	switch {
	case ok:
		p.base, _ = l.source.Tensor(in)
		p.Stored = in
		l.read[in] = true
		if turned && p.base.Decode != nil {
			p.base = turn(p.base)
		}
		if !p.base.Shape.Equal(shape) {
			l.fail(fmt.Errorf("%s: %w: %s is %v, the config says %v", l.source.Where(in), ErrShape, in, p.base.Shape, shape))
		} else if !p.base.DType.IsFloat() {
			l.fail(fmt.Errorf("%s: %w: %s is of type %s, a weight is of a floating type", l.source.Where(in), ErrShape, in, p.base.DType))
		}
	case l.source == nil || mayBeFresh:
		p.Fresh = true
		p.fresh = func(v []float32, from int) { init.fill(v, from, name, &l.o) }
	default:
		l.fail(fmt.Errorf("%s: %w: %s %v", l.source.Where(name), ErrMissing, name, shape))
	}
	return p
}

// unread are n zeros, not to be written: nobody has touched their memory.
func (l *Loading) unread(n int) []float32 {
	if len(l.zeros) < n {
		l.zeros = make([]float32, n)
	}
	return l.zeros[:n:n]
}

// converted is memory for n elements until the next call.
func (l *Loading) converted(n int) []float32 {
	p := l.passed.Value()
	if p == nil || len(p.elements) < n {
		p = &passage{make([]float32, n)}
		l.passed = weak.Make(p)
	}
	return p.elements[:n]
}

// turn is the transpose of a quantized weight: files hold those as [out, in] even where a map is published as [in, out]. Its NF4, which is
// for devices, stays [out, in].
func turn(t *tensor.Tensor) *tensor.Tensor {
	if len(t.Shape) != 2 {
		return t
	}
	out, in := t.Shape[0], t.Shape[1]
	turned := *t
	turned.Shape = tensor.Shape{in, out}
	turned.Decode = func(dst []float32) {
		v := make([]float32, len(dst))
		t.Decode(v)
		for o := range out {
			for i, x := range v[o*in : (o+1)*in] {
				dst[i*out+o] = x
			}
		}
	}
	return &turned
}

// alias notes that a file may hold p under another name too.
func (l *Loading) alias(name string, p *Param) {
	in, ok := l.find(name)
	if !ok {
		return
	}
	l.read[in] = true
	if p.base == nil && !p.Fresh {
		return // missing, and told
	}
	t, _ := l.source.Tensor(in)
	if p.base == nil || p.base.Decode != nil || t.Decode != nil || !t.Shape.Equal(p.Shape) || t.DType != p.base.DType || !l.o.Unread && !slices.Equal(t.Data, p.base.Data) {
		l.fail(fmt.Errorf("%s: %w: %s is tied to %s by the config, and differs from it", l.source.Where(in), ErrShape, in, p.Name))
	}
}

func (l *Loading) add(layer Layer) {
	l.tree.order = append(l.tree.order, layer)
	if len(layer.Params()) == 0 {
		return
	}
	if _, ok := l.tree.layers[layer.Path()]; ok {
		panic("nn: two layers at " + layer.Path())
	}
	l.tree.layers[layer.Path()] = layer
}

func (l *Loading) inHead(name string) bool {
	return slices.ContainsFunc(l.o.Head, func(module string) bool { return strings.HasPrefix(name, module+".") })
}

func (l *Loading) isUnneeded(name string) bool {
	modern := checkpoint.ModernName(name)
	if l.o.NewHead && l.inHead(modern) {
		return true
	}
	if t, _ := l.source.Tensor(name); checkpoint.Unneeded(modern, t.Shape) {
		return true
	}
	for _, u := range l.o.Unneeded {
		if strings.HasPrefix(u, ".") && strings.HasSuffix(modern, u) || !strings.HasPrefix(u, ".") && strings.HasPrefix(modern, u) {
			return true
		}
	}
	return false
}

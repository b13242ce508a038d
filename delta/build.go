package delta

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"trimtab/autograd"
	"trimtab/compute"
	"trimtab/internal/chance"
	"trimtab/internal/nearest"
	"trimtab/model"
	"trimtab/nn"
	"trimtab/tensor"
)

// build is a delta while it is made.
type build struct {
	base    *model.Base
	options Options
	source  *source // where tensors come from; nil: they are fresh
	delta   *Delta
	missing []string // keys that the source does not have, with their shapes
	shapes  []tensor.Shape
	errs    []error
}

// filler draws a fresh tensor's elements.
type filler func(k chance.Key, v []float32)

// copied is a copy of a delta's configuration, which may then take from the base what it leaves out.
func copied[C any, P interface {
	*C
	Config
}](b *build, config P) P {
	c := *config
	b.delta.config = P(&c)
	return &c
}

// part adds what the delta does at a site.
func (b *build) part(p part) { b.delta.parts = append(b.delta.parts, p) }

// tensor makes a trainable tensor. name is its parameter's name, key what the folder calls it
// (also without the base's prefix, see [source.take]), init how it begins where it is fresh.
func (b *build) tensor(name, key string, init filler, shape ...int) *autograd.Parameter {
	p := autograd.NewParameter(b.device(), b.options.Name+name, shape...)
	switch {
	case b.source != nil:
		b.take(key, p)
	case init != nil:
		init(chance.Key{Seed: b.options.Seed, Site: chance.SiteOf(p.Name)}, p.Data)
	}
	return b.keep(name, key, p)
}

// own makes a trainable copy of a base's tensor.
func (b *build) own(name, key string, q *nn.Param) *autograd.Parameter {
	p, err := q.Copy(b.options.Name + name)
	if err != nil {
		b.errs = append(b.errs, err)
		return autograd.NewParameter(b.device(), name, q.Shape...)
	}
	if b.source != nil {
		b.take(key, p)
	}
	return b.keep(name, key, p)
}

func (b *build) keep(name, key string, p *autograd.Parameter) *autograd.Parameter {
	b.delta.tensors = append(b.delta.tensors, &tensorOf{name: name, key: key, parameter: p})
	return p
}

// take fills p from the source.
func (b *build) take(key string, p *autograd.Parameter) {
	if !b.has(key) {
		b.missing, b.shapes = append(b.missing, key), append(b.shapes, p.Shape)
		return
	}
	if err := b.source.take(key, p.Shape, p.Data); err != nil {
		b.errs = append(b.errs, err)
	}
}

func (b *build) device() compute.Device { return b.base.Tree.Device() }

// has reports whether the source has a key.
func (b *build) has(key string) bool {
	_, ok := b.source.find(key)
	return ok
}

// finish is every error so far, one for each tensor that the source lacks, and one for each that nobody took.
func (b *build) finish() error {
	if b.source != nil && len(b.errs) == 0 {
		left := b.source.left(b.base)
		for i, key := range b.missing {
			b.errs = append(b.errs, fmt.Errorf("%s: %w: %s %v%s", b.source.file.Where(""), ErrMissing, key, b.shapes[i], nearest.DidYouMean(key, left)))
		}
		for _, c := range left {
			b.errs = append(b.errs, b.source.noPlace(b.base, c))
		}
	}
	if n := len(b.errs); n > 8 {
		b.errs = append(b.errs[:8], fmt.Errorf("and %d more", n-8))
	}
	return errors.Join(b.errs...)
}

// zeros leaves a tensor as it is allocated.
func zeros(chance.Key, []float32) {}

// normal draws from a normal distribution around 0.
func normal(std float64) filler {
	return func(k chance.Key, v []float32) {
		chance.Normals(k, v)
		for i := range v {
			v[i] *= float32(std)
		}
	}
}

// uniform draws from (-bound, bound).
func uniform(bound float64) filler {
	return func(k chance.Key, v []float32) {
		chance.Floats(k, v)
		for i := range v {
			v[i] = (2*v[i] - 1) * float32(bound)
		}
	}
}

// linearInit is what torch.nn.Linear begins with: uniform, bounded by 1/√in, weights and biases.
func linearInit(in int) filler { return uniform(1 / math.Sqrt(float64(in))) }

// truncated draws from a normal distribution cut at two deviations.
func truncated(std float64) filler {
	return func(k chance.Key, v []float32) {
		chance.Floats(k, v)
		inside := math.Erf(math.Sqrt2)
		for i := range v {
			v[i] = float32(std * math.Sqrt2 * math.Erfinv(inside*(2*float64(v[i])-1)))
		}
	}
}

// constant fills with one value.
func constant(c float32) filler {
	return func(_ chance.Key, v []float32) {
		for i := range v {
			v[i] = c
		}
	}
}

// source is the tensors of a folder. Names are canonical: without what libraries put
// around the base's module path.
type source struct {
	file   reader
	prefix string            // under which a model with a head holds the bare one
	names  map[string]string // canonical name → name in the file
	taken  map[string]bool   // canonical names
}

// reader is a file of tensors: a checkpoint.File.
type reader interface {
	Names() []string
	Tensor(name string) (*tensor.Tensor, bool)
	Where(name string) string
}

// newSource reads the names of a file. canonical gives the canonical form of one; "" for a tensor that is known to be unneeded.
func newSource(file reader, base *model.Base, canonical func(string) string) (*source, error) {
	s := &source{file: file, prefix: base.Info().Prefix, names: map[string]string{}, taken: map[string]bool{}}
	for _, name := range file.Names() {
		c := canonical(name)
		if c == "" {
			continue
		}
		if other, ok := s.names[c]; ok {
			return nil, fmt.Errorf("%s: %w: %s and %s are one tensor", file.Where(name), ErrConfig, other, name)
		}
		s.names[c] = name
	}
	return s, nil
}

// find is the canonical name under which the file holds key: key itself, or without the base's prefix,
// for deltas of bare models.
func (s *source) find(key string) (string, bool) {
	if _, ok := s.names[key]; ok {
		return key, true
	}
	if bare, ok := strings.CutPrefix(key, s.prefix+"."); ok && s.prefix != "" {
		_, ok := s.names[bare]
		return bare, ok
	}
	return "", false
}

// take copies the tensor of a key that is there, and must have the shape, to dst.
func (s *source) take(key string, shape tensor.Shape, dst []float32) error {
	name, _ := s.find(key)
	s.taken[name] = true
	file := s.names[name]
	t, _ := s.file.Tensor(file)
	if !t.Shape.Equal(shape) {
		return fmt.Errorf("%s: %s: %w: found %v, expected %v", s.file.Where(file), file, ErrShape, t.Shape, shape)
	}
	if err := t.CopyFloat32s(dst); err != nil {
		return fmt.Errorf("%s: %s: %w", s.file.Where(file), file, err)
	}
	return nil
}

// left are the canonical names of the tensors that nobody took, sorted. One that is the base's own, with its
// elements, is not among them: PEFT keeps embeddings that it did not change.
func (s *source) left(base *model.Base) []string {
	var names []string
	for c := range s.names {
		if !s.taken[c] && !s.isBase(base, c) {
			names = append(names, c)
		}
	}
	slices.Sort(names)
	return names
}

// noPlace is the error about a tensor that nobody took.
func (s *source) noPlace(base *model.Base, c string) error {
	module := c
	if i := strings.Index(c, ".lora_"); i > 0 {
		module = c[:i]
	} else if i := strings.LastIndexByte(c, '.'); i > 0 {
		module = c[:i]
	}
	name, hint := s.names[c], ""
	layers, sites := owners(base)
	if slices.Contains(sites, module) {
		hint = ": the configuration does not say that the site has one"
	} else if len(layers) > 0 {
		hint = nearestSites(module, sites)
	}
	return fmt.Errorf("%s: %w: tensor %s has no place%s", s.file.Where(name), ErrNoSite, name, hint)
}

// isBase reports whether a tensor has the name and the elements of one of the base's.
func (s *source) isBase(base *model.Base, c string) bool {
	for _, l := range base.Tree.Layers() {
		for _, q := range l.Params() {
			named := c == q.Name || c == l.Path()+q.Name[strings.LastIndexByte(q.Name, '.'):]
			if !named {
				continue
			}
			t, _ := s.file.Tensor(s.names[c])
			v, err := t.Float32s()
			own, err2 := q.Base()
			return err == nil && err2 == nil && t.Shape.Equal(q.Shape) && slices.Equal(v, own)
		}
	}
	return false
}

package delta

import (
	"errors"
	"fmt"
	"slices"

	"trimtab/autograd"
	"trimtab/model"
)

// Errors that a caller may tell apart.
var (
	// ErrConfig is wrapped by errors about a configuration: an unknown key, a value that is not supported.
	ErrConfig = errors.New("configuration does not fit")
	// ErrNoSite is wrapped by errors about a target or a tensor that has no place in the base.
	ErrNoSite = errors.New("no such site")
	// ErrMissing is wrapped by errors about a tensor that a folder lacks.
	ErrMissing = errors.New("tensor is missing")
	// ErrShape is wrapped by errors about a tensor of another shape than the base asks for.
	ErrShape = errors.New("tensor has another shape")
	// ErrOtherBase is wrapped by errors about a delta that was made for another base.
	ErrOtherBase = errors.New("made for another base")
	// ErrHead is wrapped by errors about a prediction head that cannot be read.
	ErrHead = errors.New("head is not read")
	// ErrState is wrapped by errors about a delta that is, or is not, attached or merged.
	ErrState = errors.New("wrong state")
	// ErrNotMergeable is wrapped by errors about methods that cannot be worked into weights.
	ErrNotMergeable = errors.New("cannot be merged")
)

// Config is a method with its settings, checked, not bound to a base.
type Config interface {
	// Method is its name, as configurations spell it: "LORA", "seq_bn", "bitfit".
	Method() string
	// build asks b for the tensors of the base's sites and adds the parts that use them.
	build(b *build) error
	// save lists the files of the method's folder.
	save(d *Delta) (*folder, error)
}

// Options say how a delta is made. The zero value is the default.
type Options struct {
	// Seed addresses the chance of fresh tensors.
	Seed uint64
	// Name stands before the names of the delta's parameters, which address its chance: where several deltas of
	// one run would share names.
	Name string
	// Encode turns text into token ids of the base, with its special tokens; needed
	// only for prompts that begin as a text.
	Encode func(text string) ([]int32, error)
	// Force opens a delta that was made for another base, as far as its tensors fit, and an adapter of AdapterHub's
	// without the prediction head that lies beside it.
	Force bool
	// FingerprintCache is a folder that remembers fingerprints of bases; empty for none.
	FingerprintCache string
}

// part is what a delta does at one site.
type part interface {
	sites() []string // their names
	attach() error
	detach()
}

// mergeable parts can be worked into the base's weights. merge says what a user should know, or nothing.
type mergeable interface {
	merge() (note string, err error)
	unmerge() error
}

type state uint8

const (
	apart state = iota
	attached
	merged
)

// Delta is a set of tensors bound to sites of one base, and the method that applies them.
type Delta struct {
	config  Config
	base    *model.Base
	parts   []part
	tensors []*tensorOf
	side    *Sidecar
	state   state
	back    state // what Unmerge goes back to
}

// tensorOf is one tensor of a delta.
type tensorOf struct {
	name      string // in the library's module tree
	key       string // in a folder, without what the library puts around it
	file      string // of the folder, where it is not the main one
	parameter *autograd.Parameter
}

// New makes a fresh delta for a base. It begins as the base is, except where the method's
// own initialisation says otherwise.
func New(config Config, base *model.Base, o Options) (*Delta, error) {
	return assemble(config, base, o, nil)
}

func assemble(config Config, base *model.Base, o Options, src *source) (*Delta, error) {
	b := &build{base: base, options: o, source: src, delta: &Delta{config: config, base: base}}
	if err := config.build(b); err != nil {
		return nil, err
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	return b.delta, nil
}

// Config is what the delta was made from.
func (d *Delta) Config() Config { return d.config }

// Base is the base that it is bound to.
func (d *Delta) Base() *model.Base { return d.base }

// Sidecar is the trimtab.json of the folder that it was opened from; nil if there was none.
func (d *Delta) Sidecar() *Sidecar { return d.side }

// Sites are the names of the sites that it changes, in the order of the base.
func (d *Delta) Sites() []string {
	var names []string
	for _, p := range d.parts {
		for _, name := range p.sites() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Parameters are what trains, in the order of the sites.
func (d *Delta) Parameters() []*autograd.Parameter {
	params := make([]*autograd.Parameter, len(d.tensors))
	for i, t := range d.tensors {
		params[i] = t.parameter
	}
	return params
}

// Attached reports whether it is on the base.
func (d *Delta) Attached() bool { return d.state == attached }

// Merged reports whether it is worked into the base's weights.
func (d *Delta) Merged() bool { return d.state == merged }

// Attach puts the delta on its base, behind those that are on it.
func (d *Delta) Attach() error {
	if d.state != apart {
		return d.wrong("attach")
	}
	for i, p := range d.parts {
		if err := p.attach(); err != nil {
			for _, done := range slices.Backward(d.parts[:i]) {
				done.detach()
			}
			return fmt.Errorf("attach %s: %w", d.config.Method(), err)
		}
	}
	d.state = attached
	return nil
}

// Detach takes it off. What is left is as if it had never been there.
func (d *Delta) Detach() error {
	if d.state != attached {
		return d.wrong("detach")
	}
	for _, p := range slices.Backward(d.parts) {
		p.detach()
	}
	d.state = apart
	return nil
}

// Merge works the delta into the base's weights, in float32, after those that are merged
// already, and takes it off the sites. The notes say what else it did: a tied output
// layer that now has a weight of its own. Methods that are no change of weights say so.
func (d *Delta) Merge() (notes []string, err error) {
	if d.state == merged {
		return nil, d.wrong("merge")
	}
	for _, p := range d.parts {
		if _, ok := p.(mergeable); !ok {
			return nil, fmt.Errorf("merge %s: %w: it is no change of weights", d.config.Method(), ErrNotMergeable)
		}
	}
	before := d.state
	if before == attached {
		if err := d.Detach(); err != nil {
			return nil, err
		}
	}
	for i, p := range d.parts {
		note, err := p.(mergeable).merge()
		if err != nil {
			err = errors.Join(fmt.Errorf("merge %s: %w", d.config.Method(), err), unmerge(d.parts[:i]))
			if before == attached {
				err = errors.Join(err, d.Attach())
			}
			return nil, err
		}
		if note != "" && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	d.state, d.back = merged, before
	return notes, nil
}

// Unmerge takes the delta out of the weights: they are the base's own again, to the bit,
// if nothing else is merged. A delta that was attached before Merge is again.
func (d *Delta) Unmerge() error {
	if d.state != merged {
		return d.wrong("unmerge")
	}
	if err := unmerge(d.parts); err != nil {
		return err
	}
	d.state = apart
	if d.back == attached {
		return d.Attach()
	}
	return nil
}

func unmerge(parts []part) error {
	var errs []error
	for _, p := range slices.Backward(parts) {
		errs = append(errs, p.(mergeable).unmerge())
	}
	return errors.Join(errs...)
}

func (d *Delta) wrong(verb string) error {
	is := map[state]string{apart: "not attached", attached: "attached", merged: "merged"}[d.state]
	return fmt.Errorf("%s %s: %w: it is %s", verb, d.config.Method(), ErrState, is)
}

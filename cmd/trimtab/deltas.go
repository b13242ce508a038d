package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"trimtab/autograd"
	"trimtab/delta"
	"trimtab/model"
	"trimtab/recipe"
	"trimtab/tensor"
	"trimtab/tokenizer"
)

// deltas are those that a command line puts on a base.
type deltas struct {
	dirs   []string
	merged bool
	force  bool
	list   []*delta.Delta
}

// flags adds --delta and --force.
func (d *deltas) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&d.dirs, "delta", nil, "`folder` of a delta to put on the base; may be repeated")
	cmd.Flags().BoolVar(&d.force, "force", false, "take a delta that was made for another base, as far as it fits, and an AdapterHub adapter without the head beside it")
}

// attach opens the deltas and puts them on the base of a name, or works them into it.
func (d *deltas) attach(out *printer, name string, base *model.Base) error {
	cache := fingerprints()
	for _, dir := range d.dirs {
		x, err := delta.Open(dir, base, delta.Options{Force: d.force, FingerprintCache: cache, Encode: encoder(name)})
		if err != nil {
			return err
		}
		d.list = append(d.list, x)
		if !d.merged {
			if err := x.Attach(); err != nil {
				return wrapPath(dir, err)
			}
			continue
		}
		notes, err := x.Merge()
		if err != nil {
			return wrapPath(dir, err)
		}
		for _, n := range notes {
			out.note("%s: %s", dir, n)
		}
	}
	return nil
}

// encoder turns text into ids by the tokenizer of a base, which is opened when it is needed.
func encoder(name string) func(string) ([]int32, error) {
	return func(text string) ([]int32, error) {
		t, err := recipe.OpenTokenizer(name)
		if err != nil {
			return nil, err
		}
		e, err := t.Encode(text, tokenizer.Options{NoTruncation: true, NoPadding: true})
		if err != nil {
			return nil, err
		}
		return e.IDs, nil
	}
}

// parameters are what trains of all deltas.
func (d *deltas) parameters() []*autograd.Parameter {
	var params []*autograd.Parameter
	for _, x := range d.list {
		params = append(params, x.Parameters()...)
	}
	return params
}

// saved are the deltas' tensors, under the names that their folders' files have.
func (d *deltas) saved() (map[string]*tensor.Tensor, error) {
	all := map[string]*tensor.Tensor{}
	for i, x := range d.list {
		tensors, err := x.Saved()
		if err != nil {
			return nil, wrapPath(d.dirs[i], err)
		}
		for name, t := range tensors {
			if _, twice := all[name]; twice {
				return nil, fmt.Errorf("%s: another delta has a tensor %s too, and one file cannot hold both", d.dirs[i], name)
			}
			all[name] = t
		}
	}
	return all, nil
}

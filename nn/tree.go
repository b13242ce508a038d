package nn

import (
	"sort"

	"trimtab/compute"
)

// Tree holds the sites and tensors of a loaded base.
type Tree struct {
	layers map[string]Layer
	order  []Layer
	params []*Param
	dev    compute.Device
}

// Device is what the base was loaded for.
func (t *Tree) Device() compute.Device { return t.dev }

// Layers are all sites, in the order of the page that loaded them.
func (t *Tree) Layers() []Layer { return t.order }

// Layer is the module of a path: a site that owns tensors.
func (t *Tree) Layer(path string) (Layer, bool) {
	l, ok := t.layers[path]
	return l, ok
}

// Quantized are the maps whose frozen weights are held in the precision that the base was loaded with, in the order of the
// page: those of the blocks, but for what trains.
func (t *Tree) Quantized() []*Linear {
	var maps []*Linear
	for _, l := range t.order {
		if l, ok := l.(*Linear); ok && !l.Weight.exact && !l.Weight.half && !l.Weight.Trains() {
			maps = append(maps, l)
		}
	}
	return maps
}

// Params are all tensors, each once, in the order of loading.
func (t *Tree) Params() []*Param { return t.params }

// Fresh are the names of the tensors that no file had, sorted.
func (t *Tree) Fresh() []string {
	var names []string
	for _, p := range t.params {
		if p.Fresh {
			names = append(names, p.Name)
		}
	}
	sort.Strings(names)
	return names
}

package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trimtab/nn"
)

// ErrUnknown is wrapped by errors about an architecture that no page is for.
var ErrUnknown = errors.New("unknown architecture")

// Page is an architecture.
type Page struct {
	// Type is the model_type of its configs.
	Type string
	// Architectures maps the names in a config's architectures to heads.
	Architectures map[string]Task
	// New reads the config and takes the layers from the loading that begin returns.
	New func(c *Config, task Task, begin func(nn.LoadOptions) *nn.Loading) (Model, error)
}

var pages = map[string]Page{}

// Register makes a page known. Pages call it from init.
func Register(p Page) {
	if _, ok := pages[p.Type]; ok {
		panic("model: two pages for " + p.Type)
	}
	pages[p.Type] = p
}

// Types are the model types that pages are registered for, sorted.
func Types() []string {
	var names []string
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// page is the page of a config and the head that it is to have.
func (c *Config) page(task Task) (Page, Task, error) {
	p, ok := pages[c.Type]
	if !ok {
		return Page{}, "", fmt.Errorf("%s: %w: model_type %q; known are %s", c.Path, ErrUnknown, c.Type, strings.Join(Types(), ", "))
	}
	if task == "" {
		return p, c.head(p), c.err
	}
	for _, t := range p.Architectures {
		if t == task {
			return p, task, nil
		}
	}
	return Page{}, "", fmt.Errorf("%s: %w: model_type %q has no %s head", c.Path, ErrUnknown, c.Type, task)
}

// head is what the config's architectures name.
func (c *Config) head(p Page) Task {
	if len(c.Architectures) == 0 {
		return Bare
	}
	task, ok := p.Architectures[c.Architectures[0]]
	if !ok {
		var known []string
		for name := range p.Architectures {
			known = append(known, name)
		}
		slices.Sort(known)
		c.fail("architectures", fmt.Errorf("%w: %s; known for %q are %s", ErrUnknown, c.Architectures[0], c.Type, strings.Join(known, ", ")))
	}
	return task
}

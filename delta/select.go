package delta

import (
	"fmt"
	"strings"

	"trimtab/tensor"
)

func init() {
	for name := range selections {
		register("method", name, parseSelection)
	}
}

// Selection trains tensors of the base itself: all of them, or those that the method names.
type Selection struct {
	where string
	// Name is "full" (fine-tuning as ever), "bitfit" (Ben Zaken et al. 2022: every bias, and the
	// classification head) or "head" (the classification head alone).
	Name string
}

// selections say whether a method trains a tensor, by its name and whether it is the head's.
var selections = map[string]func(name string, head bool) bool{
	"full":   func(string, bool) bool { return true },
	"bitfit": func(name string, head bool) bool { return head || strings.HasSuffix(name, ".bias") },
	"head":   func(_ string, head bool) bool { return head },
}

// Method is the name.
func (c *Selection) Method() string { return c.Name }

func parseSelection(f *fields) (Config, error) {
	c := &Selection{where: f.where}
	f.read("method", &c.Name)
	f.unneeded("base_model_name_or_path")
	return c, f.finish()
}

func (c *Selection) build(b *build) error {
	c = copied(b, c)
	found := false
	for _, q := range b.base.Tree.Params() {
		if selections[c.Name](q.Name, inHead(q.Name, b.base.Info().Head)) {
			found = true
			b.part(&ownParam{tree: b.base.Tree, param: q, values: b.own(q.Name, q.Name, q)})
		}
	}
	if !found {
		return fmt.Errorf("%s: method: %w: the base has nothing that %q trains", c.where, ErrNoSite, c.Name)
	}
	return nil
}

func inHead(name string, head []string) bool {
	for _, module := range head {
		if strings.HasPrefix(name, module+".") {
			return true
		}
	}
	return false
}

func (c *Selection) save(d *Delta) (*folder, error) {
	f := &folder{config: map[string]any{"method": c.Name}, tensors: map[string]map[string]*tensor.Tensor{peftFile: {}}, metadata: map[string]string{"format": "pt"}}
	for _, t := range d.tensors {
		f.tensors[peftFile][t.key] = t.tensor()
	}
	return f, nil
}

package delta

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"

	"trimtab/model"
	"trimtab/nn"
)

// targeting says which sites a method changes, by PEFT's keys and rules.
type targeting struct {
	from string

	// list are names, or ends of names after a dot; pattern is a regular expression for whole
	// names, where the key is a string; allLinear is the string "all-linear".
	list      texts
	pattern   string
	allLinear bool
	// exclude and excludePattern, likewise, take sites out again.
	exclude        texts
	excludePattern string
	// layers keeps only blocks of these numbers, after one of the names in layersPattern, or any.
	layers        numbers
	layersPattern texts
}

// read takes the keys target_modules, exclude_modules, layers_to_transform, layers_pattern.
func (t *targeting) read(f *fields) {
	t.from = f.where
	f.check(f.has("target_modules") || f.err != nil, "target_modules", "is needed: names, a regular expression, or \"all-linear\"")
	var text string
	if f.isString("target_modules") {
		f.read("target_modules", &text)
		if strings.EqualFold(text, "all-linear") {
			t.allLinear = true
		} else {
			t.pattern = text
		}
	} else {
		f.read("target_modules", &t.list)
	}
	if f.isString("exclude_modules") {
		f.read("exclude_modules", &t.excludePattern)
	} else {
		f.read("exclude_modules", &t.exclude)
	}
	f.read("layers_to_transform", &t.layers)
	f.read("layers_pattern", &t.layersPattern)
	f.check(t.list != nil || len(t.layers) == 0, "layers_to_transform", "needs target_modules to be a list")
	f.check(len(t.layers) > 0 || len(t.layersPattern) == 0, "layers_pattern", "needs layers_to_transform")
	f.check(t.allLinear || t.pattern != "" || len(t.list) > 0, "target_modules", "is empty")
	for _, k := range t.keys() {
		if _, err := compile("^(?:" + k.pattern + ")$"); err != nil {
			f.fail(k.name, "%v", err)
		}
	}
	for _, p := range t.layersPattern {
		if _, err := compile(p); err != nil {
			f.fail("layers_pattern", "%v", err)
		}
	}
}

// selecting is a key that selects by a list or by a pattern.
type selecting struct {
	name, pattern string
	list          texts
}

func (t *targeting) keys() []selecting {
	return []selecting{{"target_modules", t.pattern, t.list}, {"exclude_modules", t.excludePattern, t.exclude}}
}

func (f *fields) isString(key string) bool {
	return f.has(key) && strings.HasPrefix(strings.TrimSpace(string(f.raw[key])), `"`)
}

// compile is Python's re: regexp2 knows the look-around that people write there, and, told to be compatible
// with RE2, its named groups. Matching is bounded in time.
func compile(pattern string) (*regexp2.Regexp, error) {
	re, err := regexp2.Compile(pattern, regexp2.RE2)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = 2 * time.Second
	return re, nil
}

// fullMatch reports whether a whole name matches a pattern that was checked.
func fullMatch(pattern, name string) (bool, error) {
	re, err := compile(`^(?:` + pattern + `)\z`)
	if err != nil {
		return false, err
	}
	return re.MatchString(name)
}

// ends reports whether name is one of list, or ends with one after a dot.
func ends(name string, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return s == name || strings.HasSuffix(name, "."+s) })
}

// sites are the sites that the keys name, in the order of the base. Those inside modules that are saved
// whole are left out. Every name, and the pattern, must match some site.
func (t *targeting) sites(base *model.Base, saved []string) ([]nn.Layer, error) {
	layers, names := owners(base)
	if t.allLinear {
		return t.linear(base, layers, saved)
	}
	if err := t.matchSomething(names); err != nil {
		return nil, err
	}
	var out []nn.Layer
	for _, l := range layers {
		ok, err := t.matches(l.Path(), saved)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: target_modules: %w: every site that matches is excluded, saved whole, or of another layer", t.from, ErrNoSite)
	}
	return out, nil
}

// owners are the sites that own tensors, and their names.
func owners(base *model.Base) (layers []nn.Layer, names []string) {
	for _, l := range base.Tree.Layers() {
		if len(l.Params()) > 0 {
			layers, names = append(layers, l), append(names, l.Path())
		}
	}
	return layers, names
}

// linear are all linear maps but the output layer, and but the classification head.
func (t *targeting) linear(base *model.Base, layers []nn.Layer, saved []string) ([]nn.Layer, error) {
	out := outputLayer(base)
	var chosen []nn.Layer
	for _, l := range layers {
		m, ok := l.(*nn.Linear)
		if !ok || m == out || ends(m.Name, base.Info().Head) {
			continue
		}
		excluded, err := t.excluded(m.Name, saved)
		if err != nil {
			return nil, err
		}
		if !excluded {
			chosen = append(chosen, l)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s: target_modules: %w: the base has no linear map that is not excluded", t.from, ErrNoSite)
	}
	return chosen, nil
}

// outputLayer is the map from hidden states to the vocabulary; nil if the base has no such head.
func outputLayer(base *model.Base) *nn.Linear {
	if base.Task != model.MaskedLM && base.Task != model.CausalLM {
		return nil
	}
	for _, l := range slices.Backward(base.Tree.Layers()) {
		if m, ok := l.(*nn.Linear); ok && m.Out == base.Info().Vocabulary {
			return m
		}
	}
	return nil
}

// matchSomething is an error for the first target, or exclusion, that names no site.
func (t *targeting) matchSomething(names []string) error {
	for _, k := range t.keys() {
		for _, s := range k.list {
			if !slices.ContainsFunc(names, func(name string) bool { return ends(name, []string{s}) }) {
				return fmt.Errorf("%s: %s: %w: %q matches none%s", t.from, k.name, ErrNoSite, s, nearestSites(s, names))
			}
		}
		if k.pattern == "" {
			continue
		}
		hit := false
		for _, name := range names {
			ok, err := fullMatch(k.pattern, name)
			if err != nil {
				return fmt.Errorf("%s: %s: %w: %v", t.from, k.name, ErrConfig, err)
			}
			hit = hit || ok
		}
		if !hit {
			return fmt.Errorf("%s: %s: %w: the regular expression %q matches no whole name, such as %q", t.from, k.name, ErrNoSite, k.pattern, names[len(names)/2])
		}
	}
	return nil
}

func (t *targeting) excluded(name string, saved []string) (bool, error) {
	if t.excludePattern != "" {
		if ok, err := fullMatch(t.excludePattern, name); ok || err != nil {
			return ok, err
		}
	}
	if ends(name, t.exclude) {
		return true, nil
	}
	for _, module := range saved {
		if strings.Contains("."+name+".", "."+module+".") {
			return true, nil
		}
	}
	return false, nil
}

// matches is PEFT's rule for one name.
func (t *targeting) matches(name string, saved []string) (bool, error) {
	if ok, err := t.excluded(name, saved); ok || err != nil {
		return false, err
	}
	switch {
	case t.pattern != "":
		return fullMatch(t.pattern, name)
	case slices.Contains(t.list, name):
		return true, nil
	case !ends(name, t.list):
		return false, nil
	case len(t.layers) == 0:
		return true, nil
	}
	number, err := t.layer(name)
	return err == nil && slices.Contains(t.layers, number), err
}

var firstNumber = regexp.MustCompile(`\.[^.]*\.(\d+)\.`)

// layer is the number of the block that a name belongs to; -1 if there is none.
func (t *targeting) layer(name string) (int, error) {
	if len(t.layersPattern) == 0 {
		if m := firstNumber.FindStringSubmatch(name); m != nil {
			return strconv.Atoi(m[1])
		}
		return -1, nil
	}
	for _, pattern := range t.layersPattern {
		re, err := compile(`^(?:|.*?\.)` + pattern + `\.(?P<idx>\d+)\.`)
		if err != nil {
			return -1, err
		}
		m, err := re.FindStringMatch(name)
		if err != nil {
			return -1, err
		}
		if m != nil {
			return strconv.Atoi(m.GroupByName("idx").String())
		}
	}
	return -1, nil
}

// paths are the names of layers, sorted.
func paths(layers []nn.Layer) []string {
	var names []string
	for _, l := range layers {
		names = append(names, l.Path())
	}
	sort.Strings(names)
	return names
}

// pattern is an entry of rank_pattern or alpha_pattern: for sites whose name is matched by the key.
type pattern struct {
	key   string
	value float64
}

// patterns reads such a key, in the order of the file, which decides between two that match.
func (f *fields) patterns(key string) []pattern {
	keys, raw := f.object(key)
	var out []pattern
	for _, k := range keys {
		p := pattern{key: k}
		v, err := strconv.ParseFloat(string(raw[k]), 64)
		if err != nil || v <= 0 {
			f.fail(key, "%q: found %s, expected a number above 0", k, short(raw[k]))
		}
		if _, err := compile(k); err != nil {
			f.fail(key, "%v", err)
		}
		p.value = v
		out = append(out, p)
	}
	return out
}

// choose is the value of the first pattern that matches the end of a name, or other. It notes all that match.
func choose(patterns []pattern, name string, other float64, used map[string]bool) (float64, error) {
	value := other
	for _, p := range slices.Backward(patterns) {
		ok, err := fullMatch(`(.*\.)?(`+p.key+`)`, name)
		if err != nil {
			return 0, err
		}
		if ok {
			used[p.key], value = true, p.value
		}
	}
	return value, nil
}

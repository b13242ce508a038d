package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"trimtab/model"
	"trimtab/nn"
)

// baseReport is what inspect says of a base.
type baseReport struct {
	Kind          string         `json:"kind"`
	Path          string         `json:"path"`
	ModelType     string         `json:"model_type"`
	Architectures []string       `json:"architectures"`
	Task          model.Task     `json:"task"`
	Blocks        int            `json:"blocks"`
	Hidden        int            `json:"hidden"`
	Heads         int            `json:"heads"`
	KVHeads       int            `json:"kv_heads"`
	HeadDim       int            `json:"head_dim"`
	Vocabulary    int            `json:"vocabulary"`
	Positions     int            `json:"positions"`
	Labels        []string       `json:"labels,omitempty"`
	Parameters    int            `json:"parameters"`
	Bytes         int64          `json:"bytes"`
	DTypes        map[string]int `json:"dtypes"` // tensors of each type
	Fresh         []string       `json:"fresh,omitempty"`
	Fingerprint   string         `json:"fingerprint,omitempty"`
	Sites         []siteReport   `json:"sites,omitempty"`
}

// siteReport is what --sites says of a site.
type siteReport struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Shape      []int  `json:"shape,omitempty"`
	Parameters int    `json:"parameters"`
}

func (o *inspecting) base(a *app, out *printer, path string) (err error) {
	base, err := a.open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, base.Close()) }()
	r := reportBase(path, base.Base)
	if o.fingerprint {
		if r.Fingerprint, err = base.Fingerprint(fingerprints()); err != nil {
			return err
		}
	}
	if o.sites {
		r.Sites = reportSites(base.Tree)
	}
	if o.json {
		return out.json(r)
	}
	r.print(out)
	return nil
}

// fingerprints is the folder that remembers the fingerprints of unchanged files;
// nothing is remembered where the system has no place for such things.
func fingerprints() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "trimtab", "fingerprints")
}

func reportBase(path string, base *model.Base) *baseReport {
	i := base.Info()
	r := &baseReport{Kind: "base", Path: path, ModelType: i.Type, Architectures: base.Config.Architectures, Task: base.Task,
		Blocks: i.Blocks, Hidden: i.Hidden, Heads: i.Heads, KVHeads: i.KVHeads, HeadDim: i.HeadDim, Vocabulary: i.Vocabulary,
		Positions: i.Positions, Labels: i.Labels, DTypes: map[string]int{}, Fresh: base.Tree.Fresh()}
	for _, p := range base.Tree.Params() {
		r.Parameters += p.Elements()
	}
	_, _, r.Bytes = measure(base.File, r.DTypes)
	return r
}

func reportSites(tree *nn.Tree) []siteReport {
	var sites []siteReport
	for _, l := range tree.Layers() {
		s := siteReport{Name: l.Path()}
		switch l := l.(type) {
		case *nn.Linear:
			s.Kind, s.Shape = "linear", []int{l.Out, l.In}
		case *nn.Norm:
			s.Kind = "norm"
		case *nn.Embedding:
			s.Kind, s.Shape = "embedding", []int{l.Count, l.Dim}
		case *nn.Attention:
			s.Kind = "attention"
		case *nn.Sublayer:
			s.Kind = "sublayer"
		}
		for _, p := range l.Params() {
			s.Parameters += p.Elements()
		}
		sites = append(sites, s)
	}
	return sites
}

func (r *baseReport) print(out *printer) {
	heads := fmt.Sprintf("%d heads of %d", r.Heads, r.HeadDim)
	if r.KVHeads != r.Heads {
		heads += fmt.Sprintf(", %d of keys and values", r.KVHeads)
	}
	rows := [][]string{
		{"base", r.Path},
		{"architecture", fmt.Sprintf("%s (%s), opened for %s", r.ModelType, strings.Join(r.Architectures, ", "), r.Task)},
		{"shape", fmt.Sprintf("%d blocks, hidden %d, %s, vocabulary %d, positions %d", r.Blocks, r.Hidden, heads, r.Vocabulary, r.Positions)},
		{"parameters", number(r.Parameters)},
		{"tensors", fmt.Sprintf("%s, %s", size(r.Bytes), counts(r.DTypes))},
	}
	if r.Labels != nil {
		rows = append(rows, []string{"labels", strings.Join(r.Labels, ", ")})
	}
	if len(r.Fresh) > 0 {
		rows = append(rows, []string{"new", strings.Join(r.Fresh, ", ")})
	}
	if r.Fingerprint != "" {
		rows = append(rows, []string{"fingerprint", r.Fingerprint})
	}
	out.table(rows)
	if r.Sites == nil {
		return
	}
	out.printf("\n")
	rows = [][]string{{"site", "kind", "shape", "parameters"}}
	for _, s := range r.Sites {
		rows = append(rows, []string{s.Name, s.Kind, strings.Trim(fmt.Sprint(s.Shape), "[]"), number(s.Parameters)})
	}
	out.table(rows)
}

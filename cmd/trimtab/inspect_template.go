package main

import (
	"fmt"
	"strconv"
	"strings"

	"trimtab/prompt"
	"trimtab/recipe"
)

// templateReport is what inspect says of a template.
type templateReport struct {
	Kind     string       `json:"kind"`
	Template string       `json:"template"` // in the long form
	Fields   []string     `json:"fields"`
	Masks    int          `json:"masks"`
	Parts    []partReport `json:"parts"`
	Example  *wrapped     `json:"example,omitempty"`
}

// partReport is a part of a template.
type partReport struct {
	Kind       string   `json:"kind"`
	Value      string   `json:"value"`
	Space      bool     `json:"space,omitempty"`       // a space goes before its text
	Shortened  bool     `json:"shortenable,omitempty"` // it gives up tokens when the input is too long
	Post       []string `json:"post_processing,omitempty"`
	SoftID     int      `json:"soft_id,omitempty"`
	Duplicated int      `json:"duplicate,omitempty"`
}

// wrapped is what a template makes of an example.
type wrapped struct {
	Tokens []prompt.ExplainedToken `json:"tokens"`
	Cut    []prompt.CutField       `json:"cut,omitempty"`
	Unread string                  `json:"unread,omitempty"`
}

func (o *inspecting) template(a *app, out *printer, place, source string, texted bool) error {
	t, err := prompt.ParseTemplate(source)
	if err != nil {
		return wrapPath(place, err)
	}
	r := reportTemplate(t)
	if texted || o.fields != nil {
		bound, err := o.bind(a, t)
		if err != nil {
			return wrapPath(place, err)
		}
		example, err := o.example(t, texted)
		if err != nil {
			return err
		}
		if r.Example, err = o.wrap(bound, example); err != nil {
			return err
		}
	}
	if o.json {
		return out.json(r)
	}
	r.print(out)
	return nil
}

// bind joins a template to the tokenizer of --model, or the built-in one; where that is a base, for its kind of model.
func (o *inspecting) bind(a *app, t *prompt.Template) (*prompt.BoundTemplate, error) {
	name := o.model
	if name == "" {
		name = recipe.Builtin
	}
	tok, err := openTokenizer(name)
	if err != nil {
		return nil, err
	}
	var options prompt.BindOptions
	if name == recipe.Builtin || has(name, "config.json") {
		base, err := a.open(name)
		if err != nil {
			return nil, err
		}
		options.Causal = base.Info().Causal
		if err := base.Close(); err != nil {
			return nil, err
		}
	}
	return t.Bind(tok, options)
}

// example is made of --text and --field.
func (o *inspecting) example(t *prompt.Template, texted bool) (prompt.Example, error) {
	fields := map[string]string{}
	if texted {
		name, ok := firstField(t)
		if !ok {
			return prompt.Example{}, usage("--text: the template has no field for it")
		}
		fields[name] = o.text
	}
	for _, f := range o.fields {
		name, value, ok := strings.Cut(f, "=")
		if _, twice := fields[name]; !ok || twice {
			return prompt.Example{}, usage(fmt.Sprintf("--field %s: expected name=value, and each name once", f))
		}
		fields[name] = value
	}
	return prompt.Example{Fields: fields}, nil
}

// firstField is the field of the first placeholder, or the first field of any kind.
func firstField(t *prompt.Template) (string, bool) {
	for _, p := range t.Parts {
		if p.Kind == prompt.Placeholder {
			return p.Value, true
		}
	}
	fields := t.Fields()
	if len(fields) == 0 {
		return "", false
	}
	return fields[0], true
}

func (o *inspecting) wrap(t *prompt.BoundTemplate, ex prompt.Example) (*wrapped, error) {
	w := prompt.WrapOptions{MaxTokens: o.length}
	if err := w.Truncation.UnmarshalText([]byte(o.truncation)); err != nil {
		return nil, err
	}
	in, err := t.Wrap(ex, w)
	if err != nil {
		return nil, err
	}
	e, err := t.Explain(in)
	if err != nil {
		return nil, err
	}
	return &wrapped{e.Tokens, e.Cut, e.Unread}, nil
}

func reportTemplate(t *prompt.Template) *templateReport {
	r := &templateReport{Kind: "template", Template: t.String(), Fields: t.Fields(), Masks: t.Masks()}
	for _, p := range t.Parts {
		part := partReport{Kind: p.Kind.String(), Value: p.Value, Space: p.Space, Shortened: p.Shortenable, SoftID: p.SoftID, Duplicated: p.Duplicate}
		for _, m := range p.Post {
			part.Post = append(part.Post, m.String())
		}
		r.Parts = append(r.Parts, part)
	}
	return r
}

func (r *templateReport) print(out *printer) {
	rows := [][]string{{"template", r.Template}, {"fields", strings.Join(r.Fields, ", ")}, {"masks", strconv.Itoa(r.Masks)}}
	out.table(rows)
	r.Example.print(out)
}

// print writes a token a line; no example writes nothing.
func (w *wrapped) print(out *printer) {
	if w == nil {
		return
	}
	out.printf("\n")
	rows := [][]string{{"position", "id", "token", "role", "from", ""}}
	for _, t := range w.Tokens {
		read := ""
		if t.Read {
			read = "read here"
		}
		rows = append(rows, []string{strconv.Itoa(t.Position), strconv.Itoa(int(t.ID)), t.Token, t.Role, t.Source, read})
	}
	out.table(rows)
	for _, c := range w.Cut {
		out.printf("cut: %d tokens of %s\n", c.Tokens, c.Field)
	}
	if w.Unread != "" {
		out.printf("left out, behind the mask: %q\n", w.Unread)
	}
}

package recipe

import (
	"io"

	"trimtab/data"
	"trimtab/prompt"
)

// Rows reads a source as the recipe reads its own: what it leaves out, it has from train.
func (r *Recipe) Rows(s *Source) (*data.Dataset, Source, error) { return r.read(s) }

// RowsFrom is Rows for what is open already; name stands for it in errors.
func (r *Recipe) RowsFrom(in io.Reader, name string, s *Source) (*data.Dataset, Source, error) {
	full := r.source(s)
	d, err := data.ReadFrom(in, name, full.options())
	if err != nil {
		return nil, full, err
	}
	return d, full.named(d), nil
}

// Texts makes rows of plain texts: of the field that the template asks for first, or
// that the recipe's text is in. name stands for them in errors.
func (j *Job) Texts(name string, texts []string) (*data.Dataset, Source) {
	field := "text"
	if t := j.Recipe.Data.Train; t != nil && t.Text != "" {
		field = t.Text
	}
	if j.Prompt != nil {
		field = askedFirst(j.Prompt.Template.Template(), field)
	}
	d := &data.Dataset{Name: name, Fields: []string{field}}
	for i, text := range texts {
		d.Rows = append(d.Rows, data.Row{Line: i + 1, Values: []string{text}})
	}
	return d, Source{Text: field}
}

// askedFirst is the field of a template's first placeholder, or the preset where it has none.
func askedFirst(t *prompt.Template, preset string) string {
	for _, p := range t.Parts {
		if p.Kind == prompt.Placeholder {
			return p.Value
		}
	}
	return preset
}

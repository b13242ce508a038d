package tokenizer

import "fmt"

// postprocessor puts special tokens around the encodings of a text or a pair.
type postprocessor interface {
	// added is how many special tokens it puts.
	added(pair bool) int
	// process turns the parts into parts that are joined at the end. The first
	// processor gets a part a text. special is false where special tokens are
	// unwanted. texts are the originals.
	process(parts []*Encoding, special bool, texts []string) ([]*Encoding, error)
}

// specialToken is what a special token of a template stands for.
type specialToken struct {
	ids    []int32
	tokens []string
}

// parsePostprocessor reads the post-processor at the path where, as the list of
// processors that run one after another.
func parsePostprocessor(where string, n node) ([]postprocessor, error) {
	name, f, err := component(where, n)
	if err != nil {
		return nil, err
	}
	var out postprocessor
	switch name {
	case "Sequence":
		var steps []postprocessor
		f.where = where
		f.list("processors", func(where string, n node) error {
			more, err := parsePostprocessor(where, n)
			steps = append(steps, more...)
			return err
		})
		return steps, f.done()
	case "TemplateProcessing":
		out = parseTemplate(f)
	case "BertProcessing":
		out = bertProcessing{sep: parsePairToken(f, "sep"), cls: parsePairToken(f, "cls")}
	case "RobertaProcessing":
		out = robertaProcessing{
			bertProcessing: bertProcessing{sep: parsePairToken(f, "sep"), cls: parsePairToken(f, "cls")},
			trim:           f.bool("trim_offsets"), prefixSpace: f.bool("add_prefix_space"),
		}
	case "ByteLevel":
		out = parseByteLevel(f)
	default:
		return nil, unknownComponent(where, name)
	}
	return []postprocessor{out}, f.done()
}

// process runs the processors and joins the parts into one encoding.
func process(steps []postprocessor, parts []*Encoding, special bool, texts []string) (*Encoding, error) {
	for _, s := range steps {
		var err error
		if parts, err = s.process(parts, special, texts); err != nil {
			return nil, err
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	n := 0
	for _, p := range parts {
		n += len(p.IDs)
	}
	whole := newEncoding(n)
	for _, p := range parts {
		whole.append(p)
	}
	return whole, nil
}

// bertProcessing is [CLS] A [SEP] B [SEP], with type id 1 from B on.
type bertProcessing struct{ sep, cls specialToken }

// parsePairToken reads a token written as ["[SEP]", 102].
func parsePairToken(f *fields, key string) specialToken {
	pair := f.need(key, kindArray).kids.values
	if len(pair) != 2 || pair[0].kind != kindString {
		f.fail("key %q: expected a token and its id", key)
		return specialToken{}
	}
	id, ok := pair[1].integer()
	if !ok {
		f.fail("key %q: expected an id, found %s", key, pair[1].text)
	}
	return specialToken{ids: []int32{int32(id)}, tokens: []string{pair[0].text}}
}

func (b bertProcessing) added(pair bool) int {
	if pair {
		return 3
	}
	return 2
}

func (b bertProcessing) process(parts []*Encoding, special bool, _ []string) ([]*Encoding, error) {
	if !special {
		return parts, nil
	}
	for i, p := range parts {
		if i == 0 {
			parts[i] = surround(p, b.cls, b.sep, 0)
		} else {
			parts[i] = surround(p, specialToken{}, b.sep, 1)
		}
	}
	return parts, nil
}

// surround puts special tokens before and behind an encoding and its windows.
func surround(e *Encoding, before, behind specialToken, typeID int32) *Encoding {
	out := newEncoding(len(e.IDs) + len(before.ids) + len(behind.ids))
	out.addSpecial(before, typeID)
	out.extend(e, 0, len(e.IDs))
	out.addSpecial(behind, typeID)
	for _, w := range e.Overflowing {
		out.Overflowing = append(out.Overflowing, surround(w, before, behind, typeID))
	}
	return out
}

// template is TemplateProcessing: an order of texts and special tokens, one for
// a single text and one for a pair.
type template struct {
	single, pair []templatePart
}

// templatePart is a text (text 0 or 1) or a special token (text -1).
type templatePart struct {
	text   int
	token  specialToken
	typeID int32
}

func parseTemplate(f *fields) *template {
	tokens := map[string]specialToken{}
	known := f.need("special_tokens", kindObject).kids
	for i, name := range known.keys {
		tokens[name] = parseTemplateToken(f, name, known.values[i])
	}
	t := &template{single: parseTemplateParts(f, "single", tokens), pair: parseTemplateParts(f, "pair", tokens)}
	for _, p := range t.single {
		if p.text == 1 {
			f.fail("key \"single\": text B in the template of a single text")
		}
	}
	return t
}

func parseTemplateToken(f *fields, name string, n node) specialToken {
	g := fieldsOf(fmt.Sprintf("%s.special_tokens[%q]", f.where, name), n)
	g.string("id")
	var t specialToken
	g.list("ids", func(where string, n node) error {
		id, ok := n.integer()
		if !ok {
			return fmt.Errorf("%s: expected an id, found %s", where, n.text)
		}
		t.ids = append(t.ids, int32(id))
		return nil
	})
	g.list("tokens", func(where string, n node) error {
		if n.kind != kindString {
			return fmt.Errorf("%s: expected a string, found %s", where, n.kind)
		}
		t.tokens = append(t.tokens, n.text)
		return nil
	})
	if len(t.ids) != len(t.tokens) {
		g.fail("%d ids for %d tokens", len(t.ids), len(t.tokens))
	}
	if err := g.done(); err != nil && f.err == nil {
		f.err = err
	}
	return t
}

func parseTemplateParts(f *fields, key string, tokens map[string]specialToken) []templatePart {
	var parts []templatePart
	f.list(key, func(where string, n node) error {
		outer := fieldsOf(where, n)
		part := templatePart{text: -1}
		if s, ok := outer.maybe("Sequence", kindObject); ok {
			inner := fieldsOf(where+".Sequence", s)
			part.text = inner.choice("id", "A", "B")
			part.typeID = int32(inner.integer("type_id"))
			if err := inner.done(); err != nil {
				return err
			}
		} else {
			inner := fieldsOf(where+".SpecialToken", outer.need("SpecialToken", kindObject))
			id := inner.string("id")
			part.typeID = int32(inner.integer("type_id"))
			if err := inner.done(); err != nil {
				return err
			}
			if part.token, ok = tokens[id]; !ok {
				return fmt.Errorf("%s: special token %q is not among special_tokens", where, id)
			}
		}
		parts = append(parts, part)
		return outer.done()
	})
	return parts
}

func (t *template) parts(pair bool) []templatePart {
	if pair {
		return t.pair
	}
	return t.single
}

func (t *template) added(pair bool) int {
	n := 0
	for _, p := range t.parts(pair) {
		n += len(p.token.ids)
	}
	return n
}

func (t *template) process(parts []*Encoding, special bool, _ []string) ([]*Encoding, error) {
	if len(parts) > 2 {
		return nil, fmt.Errorf("tokenizer: post-processor: %w: a template behind another template", ErrUnsupported)
	}
	var out []*Encoding
	for _, p := range t.parts(len(parts) == 2) {
		if p.text >= 0 {
			text := *parts[p.text]
			text.TypeIDs = make([]int32, len(text.IDs))
			text.setTypes(p.typeID)
			out = append(out, &text)
		} else if special && len(p.token.ids) > 0 {
			e := newEncoding(len(p.token.ids))
			e.addSpecial(p.token, p.typeID)
			out = append(out, e)
		}
	}
	return out, nil
}

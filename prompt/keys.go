package prompt

import (
	"slices"

	"trimtab/internal/nearest"
)

// keyed is a part that is being read from a dictionary, and which keys it had.
type keyed struct {
	Part
	kinds  []string // the keys seen that say what the part is
	seen   map[string]int
	spaced *bool // add_prefix_space, where it was given
}

// value is what stands after a key: nothing, a truth value, a number, a string
// or methods.
type value struct {
	at      int
	none    bool
	truth   *bool
	number  *int
	text    *string
	methods []Method
}

// knownKeys are the keys of a part in braces.
var knownKeys = []string{
	"placeholder", "meta", "special", "mask", "soft", "text",
	"shortenable", "post_processing", "add_prefix_space", "soft_id", "duplicate", "same",
}

// long reads a dictionary, after its brace.
func (p *scanner) long(start int) (*keyed, error) {
	k := &keyed{seen: map[string]int{}}
	for {
		p.blank()
		at := p.i
		switch c := p.peek(); {
		case c == '}' && len(k.seen) > 0:
			p.i++
			return k, k.finish(p, start)
		case c != '"' && c != '\'':
			return nil, p.fail(p.i, "found %s, expected a key in quotes", p.found())
		}
		key, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if _, ok := k.seen[key]; ok {
			return nil, p.fail(at, "the key %s stands twice", quote(key))
		}
		k.seen[key] = at
		if !slices.Contains(knownKeys, key) {
			return nil, p.fail(at, "unknown key %s%s", quote(key), nearest.Suggest(key, knownKeys))
		}
		v := value{at: at, none: true}
		p.blank()
		if p.peek() == ':' {
			p.i++
			if v, err = p.value(); err != nil {
				return nil, err
			}
		}
		if err := k.set(p, key, v); err != nil {
			return nil, err
		}
		p.blank()
		switch p.peek() {
		case ',':
			p.i++
		case '}':
		case 0:
			return nil, p.fail(start, "the brace that opens here is not closed")
		default:
			return nil, p.fail(p.i, "found %s, expected , or } after the key %s", p.found(), quote(key))
		}
	}
}

// value reads what stands after a colon.
func (p *scanner) value() (value, error) {
	p.blank()
	v := value{at: p.i}
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		s, err := p.quoted()
		v.text = &s
		return v, err
	case c == '-' || c >= '0' && c <= '9':
		n, err := p.integer()
		v.number = &n
		return v, err
	}
	yes, no := true, false
	switch name := p.word(""); name {
	case "True", "true":
		v.truth = &yes
	case "False", "false":
		v.truth = &no
	case "None", "null":
		v.none = true
	case "lambda":
		var err error
		v.methods, err = p.lambda()
		return v, err
	default:
		return v, p.fail(v.at, "expected a string, a number, True, False, None or lambda x: x.METHOD(...)")
	}
	return v, nil
}

// set takes one key and its value into the part.
func (k *keyed) set(p *scanner, key string, v value) error {
	switch key {
	case "placeholder", "meta", "special", "text":
		if v.text == nil || *v.text == "" && key != "text" {
			return p.fail(v.at, "%s needs a string", quote(key))
		}
		k.Value = *v.text
	case "mask":
		if !v.none {
			return p.fail(v.at, `"mask" takes no value`)
		}
	case "soft":
		if v.text == nil && !v.none {
			return p.fail(v.at, `"soft" needs the words to start from, or None`)
		}
		if v.text != nil {
			k.Value = *v.text
		}
	case "shortenable", "same":
		if v.truth == nil {
			return p.fail(v.at, "%s needs True or False", quote(key))
		}
		if key == "same" {
			k.Same = *v.truth
		} else {
			k.Shortenable = *v.truth
		}
	case "soft_id", "duplicate":
		if v.number == nil || *v.number < 1 {
			return p.fail(v.at, "%s needs a whole number from 1", quote(key))
		}
		if key == "soft_id" {
			k.SoftID = *v.number
		} else if k.Duplicate = *v.number; k.Duplicate > maxSoft {
			return p.fail(v.at, "%d soft tokens, the limit is %d", k.Duplicate, maxSoft)
		}
	case "add_prefix_space":
		return k.setSpace(p, v)
	case "post_processing":
		return k.setPost(p, v)
	}
	if i := slices.Index(kindNames[:], key); i >= 0 {
		k.Kind = Kind(i)
		k.kinds = append(k.kinds, key)
	}
	return nil
}

// setSpace reads add_prefix_space: "", " ", True or False.
func (k *keyed) setSpace(p *scanner, v value) error {
	switch {
	case v.truth != nil:
		k.Space = *v.truth
	case v.text != nil && (*v.text == "" || *v.text == " "):
		k.Space = *v.text == " "
	default:
		return p.fail(v.at, `"add_prefix_space" needs "", " ", True or False`)
	}
	k.spaced = &k.Space
	return nil
}

// setPost reads post_processing: a lambda, or methods by name in a string.
func (k *keyed) setPost(p *scanner, v value) error {
	if v.text != nil {
		inner := &scanner{s: *v.text}
		methods, err := inner.named()
		if err != nil {
			return p.fail(v.at, "in this string: %s", err.(*SyntaxError).Message)
		}
		v.methods = methods
	} else if v.none || v.truth != nil || v.number != nil {
		return p.fail(v.at, `"post_processing" needs lambda x: x.METHOD(...) or the name of a string method`)
	}
	k.Post = v.methods
	return nil
}

// finish checks that the keys of a part go together.
func (k *keyed) finish(p *scanner, start int) error {
	if len(k.kinds) == 0 && k.SoftID != 0 {
		k.Kind, k.kinds = Soft, []string{"soft"}
	}
	switch {
	case len(k.kinds) == 0:
		return p.fail(start, "these braces say not what they are: one of placeholder, meta, special, mask, soft, text is needed")
	case len(k.kinds) > 1:
		return p.fail(k.seen[k.kinds[1]], "%s and %s exclude each other", quote(k.kinds[0]), quote(k.kinds[1]))
	}
	field := k.Kind == Placeholder || k.Kind == Meta
	if at, ok := k.seen["shortenable"]; !ok {
		k.Shortenable = k.Kind == Placeholder
	} else if k.Shortenable && !field {
		return p.fail(at, "%s can not be shortened: only placeholders and meta fields are cut", quote(k.kinds[0]))
	}
	for key, ok := range map[string]bool{
		"post_processing": field, "add_prefix_space": k.Kind != Mask && k.Kind != Special,
		"soft_id": k.Kind == Soft, "duplicate": k.Kind == Soft, "same": k.Kind == Soft,
	} {
		if at, given := k.seen[key]; given && !ok {
			return p.fail(at, "%s means nothing for %s", quote(key), quote(k.kinds[0]))
		}
	}
	if at, ok := k.seen["same"]; ok && k.Duplicate == 0 {
		return p.fail(at, `"same" needs "duplicate"`)
	}
	return nil
}

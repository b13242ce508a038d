package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// addedToken is a token that is looked for in the text before anything else.
type addedToken struct {
	content    string
	id         int32
	singleWord bool // only where no word character touches it
	lstrip     bool // takes the white space before it along
	rstrip     bool // and that behind it
	normalized bool // looked for in the normalized text
	special    bool // left out by Decode where the caller asks for that
}

// addedTokens are all added tokens of a tokenizer.
type addedTokens struct {
	list    []addedToken
	byText  map[string]int // indices of list
	byID    map[int32]int
	decoded map[int32]string // what Decode reads for a token whose normalized form differs
	raw     *trie            // looked for in the original text; nil where there are none
	normal  *trie            // looked for in the normalized text
}

func parseAddedTokens(n node) ([]addedToken, error) {
	if n.kind != kindArray {
		return nil, fmt.Errorf("added_tokens: expected an array, found %s", n.kind)
	}
	list := make([]addedToken, 0, len(n.kids.values))
	for i, item := range n.kids.values {
		f := fieldsOf(fmt.Sprintf("added_tokens[%d]", i), item)
		t := addedToken{
			content: f.string("content"), id: int32(f.integer("id")),
			singleWord: f.bool("single_word"), lstrip: f.bool("lstrip"), rstrip: f.bool("rstrip"),
			normalized: f.bool("normalized"), special: f.bool("special"),
		}
		if t.content == "" {
			f.fail("empty content")
		}
		if err := f.done(); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// newAddedTokens checks the ids against the model's vocabulary and makes the
// tokens ready to be found. Tokens that the vocabulary lacks must be numbered
// on from its end, without holes, as the library numbers them.
func newAddedTokens(list []addedToken, v *vocab, n normalizer) (*addedTokens, error) {
	a := &addedTokens{list: list, byText: map[string]int{}, byID: map[int32]int{}, decoded: map[int32]string{}}
	next := int32(v.size())
	for i, t := range list {
		id, ok := v.id(t.content)
		if !ok {
			id = next
			next++
		}
		if id != t.id {
			return nil, fmt.Errorf("added_tokens[%d]: token %q: expected id %d, found %d", i, t.content, id, t.id)
		}
		if _, twice := a.byText[t.content]; twice {
			return nil, fmt.Errorf("added_tokens[%d]: token %q occurs twice", i, t.content)
		}
		a.byText[t.content], a.byID[id] = i, i
		if err := a.find(i, n); err != nil {
			return nil, fmt.Errorf("added_tokens[%d]: token %q: %w", i, t.content, err)
		}
	}
	return a, nil
}

// find puts token i into the trie that it is looked for with.
func (a *addedTokens) find(i int, n normalizer) error {
	t, text := a.list[i], a.list[i].content
	where := &a.raw
	if t.normalized {
		where = &a.normal
		if n != nil {
			p := piece{text: text}
			if err := n.normalize(&p); err != nil {
				return err
			}
			if p.text == "" {
				return fmt.Errorf("nothing is left of it after normalization")
			}
			if text = p.text; text != t.content {
				a.decoded[t.id] = text
			}
		}
	}
	if *where == nil {
		*where = newTrie()
	}
	if node, ok := (*where).walk(text); ok && (*where).values[node] >= 0 {
		return fmt.Errorf("reads the same as token %q after normalization", a.list[(*where).values[node]].content)
	}
	return (*where).put(text, int32(i))
}

// cut finds the tokens of a trie in a piece, the longest at each place, and
// emits what lies between them and the tokens themselves.
func (a *addedTokens) cut(p piece, t *trie, emit func(segment)) {
	text, last := p.text, 0
	for at := 0; t != nil && at < len(text); {
		i, length := int32(-1), 0
		if t.first[text[at]] != 0 {
			i, length = t.longest(0, text[at:])
		}
		if length == 0 {
			at++
			continue
		}
		start, end, found := at, at+length, &a.list[i]
		at = end
		if found.singleWord && !alone(text, start, end) {
			continue
		}
		start, end = found.widen(text, start, end, last)
		if last < start {
			emit(segment{p.slice(last, start), -1})
		}
		emit(segment{p.slice(start, end), found.id})
		last = end
	}
	if last < len(text) {
		emit(segment{p.slice(last, len(text)), -1})
	}
}

// widen takes the white space around a token found at text[start:end] along, as
// far as the token wants it and the one before, which ended at last, has not
// taken it. A token that itself begins with white space may overlap that one.
func (t *addedToken) widen(text string, start, end, last int) (int, int) {
	for t.lstrip && start > last {
		r, size := utf8.DecodeLastRuneInString(text[:start])
		if !isSpace(r) {
			break
		}
		start -= size
	}
	for t.rstrip && end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !isSpace(r) {
			break
		}
		end += size
	}
	if t.lstrip {
		start = max(start, last)
	}
	return start, end
}

// alone says whether no word character touches text[start:end].
func alone(text string, start, end int) bool {
	if start > 0 {
		if r, _ := utf8.DecodeLastRuneInString(text[:start]); isWord(r) {
			return false
		}
	}
	if end < len(text) {
		if r, _ := utf8.DecodeRuneInString(text[end:]); isWord(r) {
			return false
		}
	}
	return true
}

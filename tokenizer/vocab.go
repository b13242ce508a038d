package tokenizer

import "fmt"

// vocab maps tokens to ids and back. Ids may have holes.
type vocab struct {
	ids    map[string]int32
	tokens []string // by id; "" is a hole unless empty is that id
	empty  int32    // the id of the empty token, or -1
}

// newVocab makes room for about n tokens.
func newVocab(n int) *vocab {
	return &vocab{ids: make(map[string]int32, n), tokens: make([]string, 0, n), empty: -1}
}

// add gives token an id. limit bounds the holes that a hostile file can ask
// memory for.
func (v *vocab) add(token string, id, limit int) error {
	if id > limit {
		return fmt.Errorf("token %q: id %d is beyond %d", token, id, limit)
	}
	if other, ok := v.token(int32(id)); ok {
		return fmt.Errorf("tokens %q and %q have the same id %d", other, token, id)
	}
	for id >= len(v.tokens) {
		v.tokens = append(v.tokens, "")
	}
	v.tokens[id] = token
	if token == "" {
		v.empty = int32(id)
	}
	v.ids[token] = int32(id)
	return nil
}

// vocabOf reads an object of tokens and ids.
func vocabOf(where string, n node) (*vocab, error) {
	if n.kind != kindObject {
		return nil, fmt.Errorf("%s: expected an object, found %s", where, n.kind)
	}
	count := len(n.kids.keys)
	v := newVocab(count)
	for i, token := range n.kids.keys {
		id, ok := n.kids.values[i].integer()
		if !ok {
			return nil, fmt.Errorf("%s: token %q: expected an id, found %s", where, token, n.kids.values[i].text)
		}
		if err := v.add(token, id, 16*count+1<<16); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
	}
	return v, nil
}

func (v *vocab) id(token string) (int32, bool) {
	id, ok := v.ids[token]
	return id, ok
}

func (v *vocab) token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(v.tokens) {
		return "", false
	}
	token := v.tokens[id]
	return token, token != "" || id == v.empty
}

// size is the number of tokens, not counting holes.
func (v *vocab) size() int { return len(v.ids) }

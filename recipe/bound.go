package recipe

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// What a recipe may be, so that a stranger's takes no more than moments: the YAML library's time goes with the square of depth, of keys, and of the text's
// length, and what aliases stand for grows with each of them that lies in what another stands for.
const (
	maxText    = 1 << 16 // bytes
	maxDepth   = 32      // lists and mappings in one another
	maxKeys    = 2000
	maxAliases = 16
)

// bounded is an error about YAML that is more than that, which names file and line.
func bounded(path string, text []byte) error {
	if len(text) > maxText {
		return fmt.Errorf("%s: %w: it has %d bytes, and at most %d are read", path, ErrRecipe, len(text), maxText)
	}
	var d depth
	keys, aliases := 0, 0
	for _, t := range lexer.Tokenize(string(text)) {
		most, what := 0, ""
		if t.Type == token.MappingValueType {
			keys++
		}
		if t.Type == token.AliasType {
			aliases++
		}
		switch d.take(t); {
		case d.flow+len(d.columns) > maxDepth:
			most, what = maxDepth, "lists and mappings in one another"
		case keys > maxKeys:
			most, what = maxKeys, "keys"
		case aliases > maxAliases:
			most, what = maxAliases, "aliases"
		default:
			continue
		}
		return fmt.Errorf("%s:%d:%d: %w: there are more than %d %s", path, t.Position.Line, t.Position.Column, ErrRecipe, most, what)
	}
	return nil
}

// depth is how many lists and mappings are open: those in brackets, and those of lines by the columns that they stand in.
type depth struct {
	flow    int
	columns []int
}

func (d *depth) take(t *token.Token) {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		d.flow++
	case token.SequenceEndType, token.MappingEndType:
		d.flow = max(0, d.flow-1)
	case token.SequenceEntryType, token.MappingKeyType:
		d.open(t.Position.Column)
	case token.MappingValueType:
		if t.Prev != nil {
			d.open(t.Prev.Position.Column)
		}
	}
}

// open opens what stands in a column, and closes what stands behind it.
func (d *depth) open(column int) {
	if d.flow > 0 {
		return
	}
	for len(d.columns) > 0 && d.columns[len(d.columns)-1] > column {
		d.columns = d.columns[:len(d.columns)-1]
	}
	if len(d.columns) == 0 || d.columns[len(d.columns)-1] < column {
		d.columns = append(d.columns, column)
	}
}

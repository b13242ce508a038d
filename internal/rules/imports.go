package rules

import (
	"slices"
	"strconv"
	"strings"
)

// levels is the map of rooms, from the top down. A room imports rooms of lower
// levels, and of its own level where [apart] does not forbid it; Go itself
// refuses circles.
var levels = [][]string{
	{"cmd", "internal/reference"},
	{"serve"},
	{"recipe"},
	{"train", "eval", "infer"},
	{"prompt", "delta", "internal/exchange"},
	{"model"},
	{"nn"},
	{"autograd"},
	{"compute"},
	{"internal/kernel"},
	{"tensor", "tokenizer", "data", "checkpoint", "hub", "dist"},
	{"internal/chance"},
	{"internal/near", "internal/nearest", "internal/builtin"},
}

// apart names pairs of rooms of one level of which neither imports the other.
var apart = [][2]string{{"prompt", "delta"}}

// onlyTests names the rooms that only tests import.
var onlyTests = []string{"internal/near", "internal/rules"}

// room returns the room that a folder of the tree, or an import path after the
// module's, belongs to: its first element, or its first two below internal.
func room(dir string) string {
	parts := strings.Split(dir, "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return "internal/" + parts[1]
	}
	return parts[0]
}

func level(room string) int {
	return slices.IndexFunc(levels, func(rooms []string) bool { return slices.Contains(rooms, room) })
}

// Imports is the rule that imports point down the map of rooms, that prompts
// and deltas do not know each other, and that cgo is not used.
func Imports(t *Tree) []string {
	var found []string
	for _, file := range t.Files {
		if file.Inner {
			continue
		}
		from := room(file.Path[:max(strings.LastIndex(file.Path, "/"), 0)])
		for _, spec := range file.Syntax.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			if target == "C" {
				found = append(found, t.at(spec.Pos(), "uses cgo"))
				continue
			}
			below, ours := strings.CutPrefix(target, Module+"/")
			if !ours {
				continue
			}
			if complaint := mayImport(from, room(below), file.Test); complaint != "" {
				found = append(found, t.at(spec.Pos(), "%s imports %s: %s", from, room(below), complaint))
			}
		}
	}
	return found
}

// mayImport returns why a file of one room must not import another, or "".
func mayImport(from, to string, test bool) string {
	fromLevel, toLevel := level(from), level(to)
	switch {
	case from == to:
		return ""
	case slices.Contains(onlyTests, to) && !test && !slices.Contains(onlyTests, from):
		return "only tests import it"
	case slices.Contains(onlyTests, from):
		return ""
	case fromLevel < 0:
		return "the importing room is not on the map"
	case toLevel < 0:
		return "the imported room is not on the map"
	case fromLevel > toLevel:
		return "imports point down the map"
	case slices.Contains(apart, [2]string{from, to}), slices.Contains(apart, [2]string{to, from}):
		return "the two do not know each other"
	}
	return ""
}

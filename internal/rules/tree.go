package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// Module is the path of the module whose tree is checked.
const Module = "trimtab"

// Tree is the Go source of a repository.
type Tree struct {
	// Files holds every Go file, sorted by path; folders named testdata and
	// those that start with a dot are left out, modules inside the tree are not.
	Files []*File

	positions *token.FileSet
	modules   []string // folders of modules inside the tree
}

// File is one Go file of a [Tree].
type File struct {
	Path      string // from the tree's root, with slashes
	Source    []byte
	Syntax    *ast.File
	Generated bool // it has the comment "Code generated ... DO NOT EDIT."
	Test      bool // its name ends in _test.go
	Inner     bool // it belongs to a module inside the tree
}

// Load parses the Go files of the tree at the root of fsys. A file that does
// not parse is an error.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{positions: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		switch {
		case entry.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata"):
			return fs.SkipDir
		case base == "go.mod" && name != "go.mod":
			t.modules = append(t.modules, path.Dir(name))
		case strings.HasSuffix(base, ".go") && entry.Type().IsRegular():
			return t.add(fsys, name)
		}
		return nil
	})
	for _, file := range t.Files {
		for _, module := range t.modules {
			file.Inner = file.Inner || strings.HasPrefix(file.Path, module+"/")
		}
	}
	return t, err
}

func (t *Tree) add(fsys fs.FS, name string) error {
	source, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.positions, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, &File{
		Path:      name,
		Source:    source,
		Syntax:    syntax,
		Generated: ast.IsGenerated(syntax),
		Test:      strings.HasSuffix(name, "_test.go"),
	})
	return nil
}

// at formats a violation at a position of the tree.
func (t *Tree) at(pos token.Pos, format string, args ...any) string {
	p := t.positions.Position(pos)
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

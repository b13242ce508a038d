package rules

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// PackageComments is the rule that every package says, in its doc.go (a command
// may in its main.go, a model on its one page), what it is for.
func PackageComments(t *Tree) []string {
	documented := map[string]bool{}
	for _, file := range t.Files {
		if file.Test {
			continue
		}
		dir := path.Dir(file.Path)
		base := path.Base(file.Path)
		home := base == "doc.go" || base == "main.go" && file.Syntax.Name.Name == "main" ||
			path.Dir(dir) == "model" && base == file.Syntax.Name.Name+".go"
		documented[dir] = documented[dir] || home && startsWell(file.Syntax)
	}
	var found []string
	for dir, ok := range documented {
		if !ok {
			found = append(found, dir+": no doc.go with a comment that starts with Package or Command and the name")
		}
	}
	slices.Sort(found)
	return found
}

func startsWell(file *ast.File) bool {
	text := file.Doc.Text()
	return strings.HasPrefix(text, "Package "+file.Name.Name+" ") ||
		file.Name.Name == "main" && strings.HasPrefix(text, "Command ")
}

// NameComments is the rule that every exported name of a package has a comment:
// functions, types, methods of exported types and of interfaces. Constants and
// variables may share their group's, methods of an interface that of the line
// above. Generated files and tests are left out.
func NameComments(t *Tree) []string {
	var found []string
	for _, file := range t.Files {
		if file.Test || file.Generated {
			continue
		}
		for _, decl := range file.Syntax.Decls {
			for _, name := range t.uncommented(decl) {
				found = append(found, t.at(name.Pos(), "%s is exported and has no comment", name.Name))
			}
		}
	}
	return found
}

func (t *Tree) uncommented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv)) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		var names []*ast.Ident
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, t.uncommentedType(s, d.Doc != nil)...)
			case *ast.ValueSpec:
				if d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, exported(s.Names)...)
				}
			}
		}
		return names
	}
	return nil
}

func (t *Tree) uncommentedType(spec *ast.TypeSpec, commented bool) []*ast.Ident {
	if !spec.Name.IsExported() {
		return nil
	}
	var names []*ast.Ident
	if !commented && spec.Doc == nil && spec.Comment == nil {
		names = append(names, spec.Name)
	}
	if face, ok := spec.Type.(*ast.InterfaceType); ok {
		above := 0 // the line of a method that has a comment, or shares one
		for _, method := range face.Methods.List {
			line := t.positions.Position(method.Pos()).Line
			if method.Doc != nil || method.Comment != nil || line == above+1 {
				above = line
				continue
			}
			names = append(names, exported(method.Names)...)
		}
	}
	return names
}

func exported(names []*ast.Ident) []*ast.Ident {
	return slices.DeleteFunc(slices.Clone(names), func(name *ast.Ident) bool { return !name.IsExported() })
}

// exportedReceiver says whether a method belongs to an exported type.
func exportedReceiver(receiver *ast.FieldList) bool {
	if len(receiver.List) == 0 {
		return false
	}
	typ := receiver.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// leftovers are words that mark unfinished work.
var leftovers = []string{"TO" + "DO", "FIX" + "ME", "HA" + "CK"}

// Leftovers is the rule that no comment marks unfinished work: finish it, or
// open an issue.
func Leftovers(t *Tree) []string {
	var found []string
	for _, file := range t.Files {
		for _, group := range file.Syntax.Comments {
			for _, comment := range group.List {
				for _, word := range leftovers {
					if strings.Contains(comment.Text, word) {
						found = append(found, t.at(comment.Pos(), "%s: finish it, or open an issue", word))
					}
				}
			}
		}
	}
	return found
}

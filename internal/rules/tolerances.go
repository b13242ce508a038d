package rules

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// toleranceArgument says which argument of a function of internal/near is the
// tolerance.
var toleranceArgument = map[string]int{
	"Check": 4, "Check64": 4, "CheckNaN": 4, "Far": 4, "Number": 4, "Difference": 3, "Sums": 5,
}

// Tolerances is the rule that tests compare numbers through internal/near, with
// tolerances of its table only. In tests outside internal/near it refuses
//
//   - comparing math.Abs of something, which is a comparison within a bound,
//     unless the bound is written out and at least 1, as in so many deviations;
//   - comparing with a small number that is written out, such as 1e-5;
//   - handing a function of near a tolerance in which a number is written out,
//     also by way of a name that the same file declares.
func Tolerances(t *Tree) []string {
	var found []string
	for _, file := range t.Files {
		if !file.Test || strings.HasPrefix(file.Path, "internal/near/") {
			continue
		}
		written := writtenNames(file.Syntax)
		ast.Inspect(file.Syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if complaint := comparesByHand(n); complaint != "" {
					found = append(found, t.at(n.Pos(), "%s: compare through internal/near", complaint))
				}
			case *ast.CallExpr:
				function, ok := selected(n.Fun, "near")
				if i, has := toleranceArgument[function]; ok && has && i < len(n.Args) && holdsNumber(n.Args[i], written) {
					found = append(found, t.at(n.Args[i].Pos(), "a tolerance is written out: name one of internal/near's table"))
				}
			}
			return true
		})
	}
	return found
}

// comparesByHand returns what is wrong with an expression that compares within
// a bound, or "".
func comparesByHand(n *ast.BinaryExpr) string {
	switch n.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
	default:
		return ""
	}
	abs := false
	for _, side := range []ast.Expr{n.X, n.Y} {
		literal, ok := side.(*ast.BasicLit)
		switch {
		case ok && value(literal) >= 1:
			return ""
		case ok && small(literal):
			return "a comparison with " + literal.Value
		}
		abs = abs || callsAbs(side)
	}
	if abs {
		return "a comparison of math.Abs"
	}
	return ""
}

// small says whether a number that is written out looks like a tolerance.
func small(literal *ast.BasicLit) bool {
	v := value(literal)
	return literal.Kind == token.FLOAT && v > 0 && v < 0.01
}

// value returns a number that is written out, and 0 for other literals.
func value(literal *ast.BasicLit) float64 {
	v, err := strconv.ParseFloat(literal.Value, 64)
	if err != nil {
		return 0
	}
	return v
}

func callsAbs(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			name, selects := selected(call.Fun, "math")
			found = found || selects && name == "Abs"
		}
		return !found
	})
	return found
}

// selected returns the name that e selects from the package pkg; a generic
// function's type arguments do not matter.
func selected(e ast.Expr, pkg string) (string, bool) {
	if index, ok := e.(*ast.IndexExpr); ok {
		e = index.X
	}
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	x, ok := selector.X.(*ast.Ident)
	return selector.Sel.Name, ok && x.Name == pkg
}

// holdsNumber says whether a number is written out in e, or a name in it stands
// for one. The indices of a table are no tolerances.
func holdsNumber(e ast.Expr, written map[string]bool) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IndexExpr:
			found = found || holdsNumber(n.X, written)
			return false
		case *ast.SelectorExpr:
			found = found || holdsNumber(n.X, written)
			return false
		case *ast.BasicLit:
			found = found || n.Kind == token.FLOAT || n.Kind == token.INT
		case *ast.Ident:
			found = found || written[n.Name]
		}
		return !found
	})
	return found
}

// writtenNames returns the names that a file declares as a number written out.
func writtenNames(file *ast.File) map[string]bool {
	written := map[string]bool{}
	note := func(names []ast.Expr, values []ast.Expr) {
		for i, name := range names {
			if ident, ok := name.(*ast.Ident); ok && i < len(values) {
				if literal, ok := values[i].(*ast.BasicLit); ok && small(literal) {
					written[ident.Name] = true
				}
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			note(n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			names := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				names[i] = name
			}
			note(names, n.Values)
		}
		return true
	})
	return written
}

// Package rules holds the repository's own rules as functions of its source
// tree, and the tests that apply them: a rule that no machine checks is a wish.
//
// Each rule takes a [Tree] and returns one sentence a violation, with file and
// line. Rules read syntax only (go/parser, no type checking), so that the whole
// package runs in about a second. A rule never changes a file and has no list
// of exceptions: where a rule is wrong, mend the rule.
package rules

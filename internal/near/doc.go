// Package near is the only comparison of numbers in this repository's tests.
//
// A number a is near b, within a tolerance t, when |a-b| <= t*(1+|b|): absolute
// around zero and relative far from it. Equal infinities are near; an infinity
// and anything else are not; NaN is near nothing, itself included, unless a
// test asks for it by name ([CheckNaN]). Every failure prints the worst index,
// both values there and the error in units of (1+|b|).
//
// Tolerances live in one table (tolerances.go) and nowhere else, so that a
// reader sees at one glance what the project promises and no test loosens a
// bound in silence. A tolerance is a property of what is compared (logits,
// gradients, a kernel against its twin), not of the test that compares it.
//
// The package also finds the test data that lies beside the repository
// ([Shared]) and the repository itself ([Root]). It never reads golden files:
// their formats belong to other rooms.
package near

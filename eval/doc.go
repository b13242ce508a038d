// Package eval measures answers: metrics of classification and of language
// modelling, as scikit-learn and the GLUE benchmark define them.
//
// It counts; it runs no model and reads no file.
package eval

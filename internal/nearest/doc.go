// Package nearest finds the known name that somebody meant who wrote an unknown one,
// for error messages.
package nearest

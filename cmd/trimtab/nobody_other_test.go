//go:build !unix

package main

// nobody is main: only Unix has a user who may write everywhere.
func nobody() { main() }

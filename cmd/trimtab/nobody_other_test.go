//go:build !unix

package main

// nobody is main: only Unix has a user who may write everywhere.
func nobody() { main() }

// cramped is main: only Unix limits the size of files.
func cramped() { main() }

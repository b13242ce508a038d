//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// nobody is main for a user without rights.
func nobody() {
	if os.Getuid() == 0 {
		const id = 65534
		for _, drop := range []func(int) error{syscall.Setgid, syscall.Setuid} {
			if err := drop(id); err != nil {
				fmt.Fprintln(os.Stderr, "cannot drop rights:", err)
				os.Exit(3)
			}
		}
	}
	main()
}

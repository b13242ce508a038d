//go:build unix

package main

import (
	"fmt"
	"os"
	"os/signal"
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

// cramped is main where no file gets longer than 500 bytes.
func cramped() {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 500, Max: 500}); err != nil {
		fmt.Fprintln(os.Stderr, "cannot limit files:", err)
		os.Exit(3)
	}
	main()
}
